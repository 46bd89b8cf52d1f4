"""The colours of a close reading, and the bar that explains them."""

from __future__ import annotations

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QColor, QLinearGradient, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from studio.gui import theme
from studio.gui.language import tr
from studio.gui.pages.chat.readings import Measure, Scale

_STRONGEST = 0.55  # share of the colour at the end of a scale; text stays readable on it


def colour_of(share: float, measure: Measure) -> QColor:
    """The colour behind a token: nothing at 0, strongest at 1 and beyond; for a change, another one below 0."""
    look = theme.tokens()
    blue, orange = look.plot[0], look.plot[1]
    colour = QColor(orange if measure is not Measure.CHANGE or share < 0 else blue)
    colour.setAlphaF(_STRONGEST * min(1.0, abs(share)))
    return colour


class Legend(QWidget):
    """The scale as a bar between its two meanings."""

    def __init__(self) -> None:
        super().__init__()
        self._scale: Scale | None = None
        self._measure = Measure.SURPRISE

    def show_scale(self, scale: Scale, measure: Measure) -> None:
        self._scale, self._measure = scale, measure
        least = tr("{value:g} nats", value=-scale.reach) if measure is Measure.CHANGE else "0"
        self.setAccessibleName(
            tr(
                "From {from_nats}, {least}, to {to_nats:g} nats, {most}",
                from_nats=least,
                least=tr(scale.least),
                to_nats=scale.reach,
                most=tr(scale.most),
            )
        )
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(240, self.fontMetrics().height() + 4)

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._scale is None:
            return
        painter = QPainter(self)
        painter.setPen(QColor(theme.tokens().muted))
        words = (tr(self._scale.least), tr(self._scale.most))
        widths = [self.fontMetrics().horizontalAdvance(word) for word in words]
        flags = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(self.rect(), flags | Qt.AlignmentFlag.AlignLeft, words[0])
        bar = QRect(widths[0] + 8, 4, min(160, max(0, self.width() - sum(widths) - 16)), self.height() - 8)
        gradient = QLinearGradient(bar.topLeft(), bar.topRight())
        first = -1.0 if self._measure is Measure.CHANGE else 0.0
        for step in range(9):
            gradient.setColorAt(step / 8, colour_of(first + (1.0 - first) * step / 8, self._measure))
        painter.fillRect(bar, QColor(theme.tokens().surface))
        painter.fillRect(bar, gradient)
        painter.setPen(QColor(theme.tokens().border))
        painter.drawRect(bar)
        painter.setPen(QColor(theme.tokens().muted))
        rest = QRect(bar.right() + 8, 0, widths[1] + 4, self.height())
        painter.drawText(rest, flags | Qt.AlignmentFlag.AlignLeft, words[1])
