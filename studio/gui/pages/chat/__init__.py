"""The Chat page: the same words to the base model and to the tuned one, side by side."""

from studio.gui.pages.chat.page import ChatPage

__all__ = ["ChatPage"]
