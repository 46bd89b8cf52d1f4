"""The key of the plots: a sample of each mark as it is drawn, and its word."""

from __future__ import annotations

import math
from typing import Literal

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Slot
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from studio.gui import theme

Mark = Literal["raw", "smoothed", "second-raw", "second", "eval", "best", "limit", "checkpoint", "resume", "retry"]
RAW_ALPHA = 90  # of the curve as it was measured, behind the smoothed one


def mark_pen(mark: Mark, tokens: theme.Tokens, ratio: float = 1.0) -> QPen:
    """The pen a mark is drawn with, in plots and in their key. ratio: the screen's pixels in a logical one."""
    places: dict[Mark, int] = {"raw": 0, "smoothed": 0, "checkpoint": 2, "resume": 3, "retry": 1}
    colour = QColor(tokens.plot[places.get(mark, 1)])
    if mark in ("raw", "second-raw"):
        # Width 0 is one pixel of the screen at any scaling: Qt draws it many times faster than a wider line. Where
        # pixels are small it is stronger instead.
        colour.setAlpha(min(255, round(RAW_ALPHA * ratio)))
        width = 0.0
    elif mark in ("resume", "limit", "retry"):
        width = 0.0 if ratio <= 1 else ratio
    else:
        width = 2 * ratio
    pen = QPen(colour, width)
    pen.setCosmetic(True)  # widths are the screen's pixels, whatever the plot's scale
    if mark in ("resume", "limit"):
        pen.setStyle(Qt.PenStyle.DashLine)
    if mark == "retry":
        pen.setStyle(Qt.PenStyle.DotLine)
    return pen


_UPRIGHT = ("checkpoint", "resume", "retry")


class KeySample(QWidget):
    """One mark of the key with its word."""

    def __init__(self, mark: Mark, word: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._mark: Mark = mark
        self._word = word
        self.setAccessibleName(word)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        theme.watcher().theme_changed.connect(self._repaint)

    def say(self, word: str) -> None:
        """Take another word."""
        if word != self._word:
            self._word = word
            self.setAccessibleName(word)
            self.updateGeometry()
            self.update()

    @Slot()
    def _repaint(self) -> None:
        self.update()

    def sizeHint(self) -> QSize:
        words = self.fontMetrics()
        return QSize(self._sample() + 6 + words.horizontalAdvance(self._word) + 2, max(18, words.height()))

    def _sample(self) -> int:
        return 8 if self._mark in _UPRIGHT else 14 if self._mark == "best" else 24

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = theme.tokens()
        middle, across = self.height() / 2, self._sample()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        pen = mark_pen(self._mark, tokens)
        pen.setCosmetic(False)  # logical pixels: it is drawn without a plot's scale
        pen.setWidth(2 if pen.style() == Qt.PenStyle.SolidLine else 1)
        painter.setPen(pen)
        if self._mark in ("resume", "retry"):
            painter.drawLine(QPointF(across / 2, 1), QPointF(across / 2, self.height() - 1))
        elif self._mark == "checkpoint":
            painter.drawLine(QPointF(across / 2, middle), QPointF(across / 2, self.height() - 2))
        elif self._mark == "best":
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(tokens.plot[1]))
            painter.drawPolygon(_star(across / 2, middle))
        else:
            painter.drawLine(QPointF(0, middle), QPointF(across, middle))
        if self._mark == "eval":
            painter.setBrush(QColor(tokens.plot[1]))
            painter.drawPolygon(
                QPolygonF([QPointF(12 + x, middle + y) for x, y in ((-3.5, 0), (0, -3.5), (3.5, 0), (0, 3.5))])
            )
        painter.setPen(QColor(tokens.muted))
        place = QRectF(across + 6, 0, self.width() - across - 6, self.height())
        painter.drawText(place, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, self._word)


def _star(x: float, y: float) -> QPolygonF:
    """Five points, as the plot draws it."""
    corners = ((math.radians(36 * turn - 90), 7.0 if turn % 2 == 0 else 3.0) for turn in range(10))
    return QPolygonF([QPointF(x + far * math.cos(angle), y + far * math.sin(angle)) for angle, far in corners])
