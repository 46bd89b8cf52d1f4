"""Setting up what trains, for a packaged program that brings the window alone: at first start, later by Settings."""

from studio.gui.pages.runtime.page import RuntimePage

__all__ = ["RuntimePage"]
