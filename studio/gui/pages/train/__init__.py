"""The Train page: what to train on what, with a summary of what will happen, and the button that starts it."""

from studio.gui.pages.train.page import TrainPage

__all__ = ["TrainPage"]
