"""The Models page: get models, look at them, judge them and take them away."""

from studio.gui.pages.models.page import ModelsPage

__all__ = ["ModelsPage"]
