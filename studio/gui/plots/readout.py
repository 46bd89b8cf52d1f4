"""Values in words at the right of a plot's head. What doesn't fit is left out: a number cut in two reads as another."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QLabel, QSizePolicy, QWidget

_BETWEEN = "  ·  "


class Readout(QLabel):
    """Shows as many parts as there is room for; the first give way first."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._parts: Sequence[str] = ()
        self.setProperty("role", "muted")
        self.setTextFormat(Qt.TextFormat.PlainText)
        # As wide as there is room for: the values must not decide how wide the cards are.
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)

    def say(self, *parts: str) -> None:
        """Show other values."""
        self._parts = parts
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        shown = [_BETWEEN.join(self._parts[left_out:]) for left_out in range(len(self._parts) + 1)]
        room = self.contentsRect().width()
        self.setText(next(text for text in shown if self.fontMetrics().horizontalAdvance(text) <= room or not text))
