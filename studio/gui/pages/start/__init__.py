"""What the window shows while no project is open: three doors, recent projects, and what this computer can do."""

from studio.gui.pages.start.page import StartPage

__all__ = ["StartPage"]
