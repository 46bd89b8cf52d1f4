"""The Data page: the project's datasets, importing one, its examples, and each as the exact tokens a model sees."""

from studio.gui.pages.data.page import DataPage

__all__ = ["DataPage"]
