"""The Label page: prompts with candidate answers, judged by keyboard, ready to train on the moment they are judged."""

from studio.gui.pages.label.page import LabelPage

__all__ = ["LabelPage"]
