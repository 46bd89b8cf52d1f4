"""Processes and threads turned into Qt signals. No widgets, no torch."""
