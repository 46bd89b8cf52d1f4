"""The answers of one item side by side, at most three in a row; on a small screen they scroll."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QGridLayout, QScrollArea, QWidget

from studio.gui.pages.label.answer_pane import AnswerPane

_COLUMNS = 3


class AnswersGrid(QScrollArea):
    """Signal: `edit_requested(int place)`. `panes` holds all that were ever needed; those of the item are shown."""

    edit_requested = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.panes: list[AnswerPane] = []
        self._fixed = False
        inside = QWidget()
        self._places = QGridLayout(inside)
        self._places.setContentsMargins(0, 0, 0, 0)
        self._places.setSpacing(12)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWidget(inside)

    def show_answers(self, texts: Sequence[str]) -> None:
        """Show other answers, each from its beginning."""
        count = len(texts)
        while len(self.panes) < count:
            pane = AnswerPane(len(self.panes))
            pane.edit_requested.connect(self.edit_requested)
            pane.set_fixed(self._fixed)
            self.panes.append(pane)
        columns = count if count <= _COLUMNS else 2 if count == 4 else _COLUMNS
        for place, pane in enumerate(self.panes):
            if place < count:
                self._places.addWidget(pane, place // columns, place % columns)
                pane.show_answer(texts[place], alone=count == 1)
            pane.setVisible(place < count)
        self.verticalScrollBar().setValue(0)

    def turn_fixed(self) -> bool:
        """Change between letters of one width and others; whether they are of one width now."""
        self._fixed = not self._fixed
        for pane in self.panes:
            pane.set_fixed(self._fixed)
        return self._fixed

    def turn_page(self, pages: int) -> None:
        """Move every answer, and all of them, on or back by most of what is visible."""
        for pane in self.panes:
            pane.scroll(pages)
        bar = self.verticalScrollBar()
        bar.setValue(bar.value() + pages * bar.pageStep())
