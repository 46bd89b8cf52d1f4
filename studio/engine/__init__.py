"""The worker: how models are loaded, trained and talked to. Reached only by starting its process."""
