"""The Runs page: what is training, what has trained, how each went and what to do with it."""

from studio.gui.pages.runs.page import RunsPage

__all__ = ["RunsPage"]
