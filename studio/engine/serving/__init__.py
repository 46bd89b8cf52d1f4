"""Answering other programs over HTTP, as OpenAI's API does: off until asked for, and for this computer alone unless a
token is set. What window and worker say to each other is `core.serving`."""
