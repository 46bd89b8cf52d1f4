"""A panel beside a model's card: something that can be done with the model that is chosen in the list."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from studio.storage.library import LibraryModel


class Panel(QWidget):
    """`title` is what its tab says. It is told of the model when it is shown, and again when another is chosen."""

    title = ""

    def suits(self, model: LibraryModel) -> bool:
        """Whether it has anything to offer for that model; its tab is there only then."""
        return True

    def show_model(self, model: LibraryModel) -> None:
        """Be about another model."""
        raise NotImplementedError

    def close_down(self) -> None:
        """End what it has under way; the project is closed."""
