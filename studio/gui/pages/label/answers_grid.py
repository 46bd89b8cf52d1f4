"""The answers of one item side by side, at most three in a row and fewer where it is narrow; they scroll."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QScrollArea, QWidget

from studio.gui.pages.label.answer_pane import AnswerPane

_COLUMNS = 3
_NARROWEST = 176  # logical pixels of an answer beside another; with less room they stand below each other


class AnswersGrid(QScrollArea):
    """Signal: `edit_requested(int place)`. `panes` holds all that were ever needed; those of the item are shown."""

    edit_requested = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.panes: list[AnswerPane] = []
        self._fixed = False
        self._count = self._columns = 0
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
        self._count, self._columns = count, 0
        self._place_panes()
        for place, pane in enumerate(self.panes):
            if place < count:
                pane.show_answer(texts[place], alone=count == 1)
            pane.setVisible(place < count)
        self.verticalScrollBar().setValue(0)

    def _place_panes(self) -> None:
        """Put the panes into as many columns as there is room for."""
        wanted = self._count if self._count <= _COLUMNS else 2 if self._count == 4 else _COLUMNS
        columns = max(1, min(wanted, self.viewport().width() // _NARROWEST))
        if columns != self._columns:
            self._columns = columns
            for place, pane in enumerate(self.panes[: self._count]):
                self._places.addWidget(pane, place // columns, place % columns)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place_panes()

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
