"""What a run uses of the machine, beside its head: a small picture over time for each figure that the machine tells."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Slot
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from studio.core.machine_use import GAUGES, Gauge, MachineUse
from studio.gui import theme
from studio.gui.language import tr, translated
from studio.gui.widgets.flow_layout import FlowLayout
from studio.gui.widgets.visible_text import plain_tip
from studio.storage.files import in_bytes

_SIZE = QSize(158, 46)
_PICTURE = 62  # pixels across


class MachineStrip(QWidget):
    """Shows the `MachineUse` given to `show_use`; hidden while there is none."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._seen: tuple[int, int] = (0, -1)
        self.meters = {gauge.name: GaugeMeter(gauge) for gauge in GAUGES}
        row = FlowLayout(self, spacing=8)
        for meter in self.meters.values():
            row.addWidget(meter)
        self.hide()

    def show_use(self, use: MachineUse) -> None:
        """Show what was measured."""
        if self._seen == (id(use), use.revision):
            return
        self._seen = (id(use), use.revision)
        for name, meter in self.meters.items():
            points = use.of(name)
            meter.show_points(points)
            meter.setVisible(bool(points))
        self.setVisible(bool(use.moments))


class GaugeMeter(QWidget):
    """One figure: its word, its value now, and how it went."""

    def __init__(self, gauge: Gauge, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._gauge = gauge
        self._points: list[tuple[float, float]] = []
        self.value = ""
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        theme.watcher().theme_changed.connect(self._repaint)

    @Slot()
    def _repaint(self) -> None:
        self.update()

    def sizeHint(self) -> QSize:
        """A fixed size, so that meters stand in line."""
        return _SIZE

    def show_points(self, points: list[tuple[float, float]]) -> None:
        """Show what was measured: (seconds, value)."""
        self._points = points
        if not points:
            return
        now, most = points[-1][1], max(value for _, value in points)
        self.value = self._in_words(now)
        told = tr(
            "{label}: {value}, at most {in_words}",
            label=translated(self._gauge.label),
            value=self.value,
            in_words=self._in_words(most),
        )
        self.setAccessibleName(told)
        self.setToolTip(plain_tip(f"{told}. {translated(self._gauge.about)}"))
        self.update()

    def _in_words(self, value: float) -> str:
        return in_bytes(value) if self._gauge.unit == "bytes" else f"{value:.0f} {self._gauge.unit}"

    def paintEvent(self, event: QPaintEvent) -> None:
        """The words at the left, the picture at the right."""
        tokens = theme.tokens()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(tokens.border), 1))
        painter.setBrush(QColor(tokens.surface))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
        words = self.rect().adjusted(10, 4, -_PICTURE - 12, -4)
        font = painter.font()
        font.setPixelSize(11)
        painter.setFont(font)
        painter.setPen(QColor(tokens.muted))
        painter.drawText(words, Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft, translated(self._gauge.label))
        font.setPixelSize(13)
        painter.setFont(font)
        painter.setPen(QColor(tokens.text))
        painter.drawText(words, Qt.AlignmentFlag.AlignBottom | Qt.AlignmentFlag.AlignLeft, self.value)
        self._paint_points(painter, QRectF(self.width() - _PICTURE - 8, 8, _PICTURE, self.height() - 16), tokens)

    def _paint_points(self, painter: QPainter, area: QRectF, tokens: theme.Tokens) -> None:
        if not self._points:
            return
        first, last = self._points[0][0], self._points[-1][0]
        top = self._gauge.full or max(value for _, value in self._points) * 1.05 or 1.0
        path = QPainterPath()
        for place, (time, value) in enumerate(self._points):
            x = area.left() + area.width() * (time - first) / max(last - first, 1e-9)
            point = QPointF(x, area.bottom() - area.height() * min(1.0, max(0.0, value / top)))
            path.moveTo(point) if place == 0 else path.lineTo(point)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor(tokens.border), 1))
        painter.drawLine(area.bottomLeft(), area.bottomRight())
        line = QPen(QColor(tokens.plot[0]), 1.5)
        if len(self._points) == 1:  # a line needs two points; a lone one is a dot
            line = QPen(line.color(), 5, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap)
            path.lineTo(path.currentPosition() + QPointF(0.01, 0))
        painter.setPen(line)
        painter.drawPath(path)
