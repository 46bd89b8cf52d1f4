"""What the sampling controls do, drawn: the odds of the next token as the model has them, and as they are sampled."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from studio.gui import theme
from studio.gui.language import tr
from studio.gui.widgets.visible_text import visible

_ROWS = 8
Odds = Sequence[tuple[str, float, float]]  # a token's text, its probability, its probability as sampled


class NextTokenChart(QWidget):
    """A bar for each of the likeliest tokens: outlined before the controls, filled after them."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.odds: Odds = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(tr("The next token"))
        theme.watcher().theme_changed.connect(self.update)

    def show_odds(self, odds: Odds) -> None:
        """Show others, or none."""
        self.odds = odds[:_ROWS]
        said = (
            tr("{text}: {before:.0%}, sampled {after:.0%}", text=visible(text), before=before, after=after)
            for text, before, after in self.odds
        )
        self.setAccessibleDescription("; ".join(said))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(240, len(self.odds) * self._row_height())

    def _row_height(self) -> int:
        return self.fontMetrics().height() + 6

    def paintEvent(self, event: QPaintEvent) -> None:
        if not self.odds:
            return
        painter, look = QPainter(self), theme.tokens()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        height, metrics = self._row_height(), self.fontMetrics()
        words = max(72.0, self.width() * 0.3)
        figures = metrics.horizontalAdvance("100 % → 100 %") + 4.0
        room = max(0.0, self.width() - words - figures - 16)
        most = max(max(before, after) for _, before, after in self.odds)
        for row, (text, before, after) in enumerate(self.odds):
            top = row * height
            painter.setPen(QColor(look.text))
            shown = metrics.elidedText(f"“{visible(text).strip(chr(10))}”", Qt.TextElideMode.ElideRight, int(words))
            middle = Qt.AlignmentFlag.AlignVCenter
            painter.drawText(QRectF(0, top, words, height), middle | Qt.AlignmentFlag.AlignRight, shown)
            left = words + 8
            painter.fillRect(QRectF(left, top + 4, room * after / most, height - 8), QColor(look.plot[0]))
            painter.setPen(QPen(QColor(look.muted), 1.2))
            painter.drawRect(QRectF(left, top + 3, room * before / most, height - 6))
            painter.setPen(QColor(look.muted))
            facts = f"{before:.0%} → {after:.0%}"
            painter.drawText(QRectF(left + room + 8, top, figures, height), middle | Qt.AlignmentFlag.AlignLeft, facts)
