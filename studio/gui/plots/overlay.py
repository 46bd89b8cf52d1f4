"""One metric of several runs in the same plot, each with its own colour and dashes, and its value under the pointer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPointF, QSize, Qt, Signal, Slot
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QComboBox, QFrame, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from studio.core.curves import Curves
from studio.core.metrics import METRICS, Metric, first_of, metric_of, plots_of
from studio.gui import theme
from studio.gui.language import mark, paragraph, tr, translated
from studio.gui.plots.across import KINDS, Across, AcrossAxis
from studio.gui.plots.canvas import Canvas
from studio.gui.plots.plot_view import PlotView, ValueAxis
from studio.gui.plots.series import in_short
from studio.gui.plots.trace import Trace
from studio.gui.widgets.flow_layout import FlowLayout

_DASHES = (Qt.PenStyle.SolidLine, Qt.PenStyle.DashLine, Qt.PenStyle.DotLine, Qt.PenStyle.DashDotLine)
_LOSSES = ("loss", "eval_loss")
_MIXED = mark("Each of these methods has a loss of its own: how it moves can be compared, how large it is can't.")
_NOTHING = mark("None of them has finished a step yet: the curves begin with the first one.")
_WEIGHT = 0.6  # of the past, for metrics that are measured at every step


@dataclass(frozen=True, slots=True)
class Shown:
    """A run to draw: what it is called, its curves, and the method and the variant of its loss it was trained by."""

    name: str
    curves: Curves
    method: str = ""
    variant: str = ""


class OverlayPlot(QFrame):
    """Shows the runs given to `show_runs`; call `draw` when their curves grew.

    value_pointed(): the pointer moved; the key says the values there.
    """

    value_pointed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        theme.set_role(self, "card")
        self._lines: list[_Line] = []
        self._runs: list[Shown] = []
        self._wanted = ""  # the metric that the user chose
        self.across = Across()
        self.choice = QComboBox()
        self.choice.setAccessibleName(tr("Metric to compare"))
        self.choice.activated.connect(self._choose_metric)
        self.over = QComboBox()
        self.over.setAccessibleName(tr("Plot over"))
        for kind, word in KINDS.items():
            self.over.addItem(tr(word), kind)
        self.over.activated.connect(self._choose_kind)
        self.about = QLabel()
        self.about.setWordWrap(True)
        self.about.setTextFormat(Qt.TextFormat.PlainText)
        theme.set_role(self.about, "muted")
        self._view = PlotView(enableMenu=False)
        self.plot = Canvas(180, pane=self._view, left=ValueAxis("left"), bottom=AcrossAxis(self.across))
        self.plot.left.setWidth(60)
        self._view.disableAutoRange()
        self._view.reset_requested.connect(self.draw)
        self.plot.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.plot.setToolTip(tr("Wheel: zoom · Drag: move · Double click: show all"))
        self.plot.viewport().installEventFilter(self)
        self.plot.viewport().setMouseTracking(True)
        self._cross = pg.InfiniteLine(angle=90)
        self._cross.setVisible(False)
        self._view.addItem(self._cross, ignoreBounds=True)
        self.key = FlowLayout(spacing=16)
        head = QHBoxLayout()
        head.setSpacing(12)
        head.addWidget(self.choice)
        head.addStretch()
        head.addWidget(self.over)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(16, 12, 16, 12)
        self._layout.setSpacing(8)
        self._layout.addLayout(head)
        self._layout.addLayout(self.key)
        self._layout.addWidget(self.plot, 1)
        self._layout.addWidget(self.about)
        theme.watcher().theme_changed.connect(self._take_theme)
        self._take_theme()

    def show_runs(self, runs: Sequence[Shown]) -> None:
        """Show others, in the metric that the user chose if any of them has it, else in their method's first one."""
        for line in self._lines:
            self.plot.remove(line.curve)
            self.key.removeWidget(line.sample)
            line.sample.hide()
            line.sample.deleteLater()
        self._lines = [_Line(place, run) for place, run in enumerate(runs)]
        for line in self._lines:
            self.plot.add(line.curve)
            self.key.addWidget(line.sample)
        self._runs = list(runs)
        self._take_theme()
        self.draw()
        self._make_room()

    def _offer(self) -> None:
        """Offer what has been measured by now; show what the user chose, or else the metric of a method's first plot
        that most of them have."""
        curves = [run.curves.by_name for run in self._runs]
        known = [metric for metric in METRICS if any(len(by_name[metric.name]) for by_name in curves)]
        if [metric.name for metric in known] == [self.choice.itemData(row) for row in range(self.choice.count())]:
            return
        self.choice.clear()
        for metric in known:
            self.choice.addItem(translated(metric.label), metric.name)
        firsts = dict.fromkeys(plots_of(run.method)[0][0].name for run in self._runs)
        by_use = sorted(firsts, key=lambda name: -sum(bool(len(by_name[name])) for by_name in curves))
        wanted = (self._wanted, *by_use)
        places = (self.choice.findData(name) for name in wanted)
        self.choice.setCurrentIndex(next((place for place in places if place >= 0), 0))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The narrower it is, the more rows the key has."""
        super().resizeEvent(event)
        self._make_room()

    def _make_room(self) -> None:
        self.setMinimumHeight(self._layout.minimumHeightForWidth(self.width()))

    def chosen(self) -> Metric | None:
        """The metric that is shown."""
        return next((metric for metric in METRICS if metric.name == self.choice.currentData()), None)

    @Slot()
    def draw(self) -> None:
        """Draw everything there is of the metric."""
        self._offer()
        metric = self.chosen()
        self.about.setText(self._about(metric) if metric else tr(_NOTHING))
        if metric is None:
            return
        self.plot.setAccessibleName(
            tr("{label} of {count} runs", label=translated(metric.label), count=len(self._lines))
        )
        pixels = max(200, round(self._view.width()))
        for line in self._lines:
            line.draw(metric, self.across.kind, pixels)
        drawn = [line for line in self._lines if math.isfinite(line.low)]
        if drawn:
            low, high = min(line.low for line in drawn), max(line.high for line in drawn)
            free = (high - low) * 0.06 or abs(high) * 0.06 or 0.5
            first, last = min(line.first for line in drawn), max(line.last for line in drawn)
            self._view.setRange(
                xRange=(first, last if last > first else first + 1), yRange=(low - free, high + free), padding=0.02
            )
        self._tell(None)

    def _about(self, metric: Metric) -> str:
        """How to read it. A loss is another thing by another method; some are told after the metric they go with."""
        if metric.name in _LOSSES and len({(run.method, run.variant) for run in self._runs}) > 1:
            return tr(_MIXED)
        told = {_told(metric, run.method) for run in self._runs}
        return told.pop() if len(told) == 1 else translated(metric.reading)

    @Slot(int)
    def _choose_metric(self, _place: int) -> None:
        self._wanted = self.choice.currentData()
        self.draw()

    @Slot(int)
    def _choose_kind(self, _place: int) -> None:
        self.across.kind = self.over.currentData()
        self.draw()

    @Slot()
    def _take_theme(self) -> None:
        tokens = theme.tokens()
        self.plot.apply_tokens(tokens)
        ratio = self.devicePixelRatioF()
        self._cross.setPen(pg.mkPen(tokens.muted, width=ratio))
        for line in self._lines:
            line.curve.setPen(line_pen(line.place, tokens, ratio))

    def event(self, event: QEvent) -> bool:
        """Draw lines as wide as before on a screen of another scaling."""
        if event.type() == QEvent.Type.DevicePixelRatioChange:
            self._take_theme()
        return super().event(event)

    def eventFilter(self, watched: QWidget, event: QEvent) -> bool:
        """Follow the pointer."""
        if event.type() == QEvent.Type.MouseMove:
            position: QPointF = event.position()  # type: ignore[attr-defined]
            scene = self.plot.mapToScene(position.toPoint())
            inside = self._view.sceneBoundingRect().contains(scene)
            self._tell(self._view.mapSceneToView(scene).x() if inside else None)
        elif event.type() == QEvent.Type.Leave:
            self._tell(None)
        return super().eventFilter(watched, event)

    def _tell(self, place: float | None) -> None:
        self._cross.setVisible(place is not None)
        if place is not None:
            self._cross.setValue(place)
        for line in self._lines:
            line.tell(place)
        self.value_pointed.emit()


def _told(metric: Metric, method: str) -> str:
    first, reading = first_of(metric, method), translated(metric_of(metric.name, method).reading)
    if first is None:
        return reading
    return paragraph(translated(first.reading), tr("{heading}: {told}", heading=translated(metric.label), told=reading))


class _Line:
    """One run's curve, its key, and what is drawn of it."""

    def __init__(self, place: int, run: Shown) -> None:
        self.place, self._run = place, run
        self.trace, self.across = Trace(_WEIGHT), Across()
        self.curve = pg.PlotDataItem(connect="finite")
        self.sample = LineKey(place, run.name)
        self.low, self.high, self.first, self.last = math.inf, -math.inf, 0.0, 1.0

    def draw(self, metric: Metric, kind: str, pixels: int) -> None:
        """Draw a metric over `kind`."""
        self.across.kind = kind
        self.across.follow(self._run.curves)
        curve = self._run.curves.by_name[metric.name]
        self.trace.set_weight(0.0 if metric.is_held_out or metric.is_limit else _WEIGHT)
        self.trace.follow(curve)
        self.low, self.high = math.inf, -math.inf
        if not len(curve):
            self.curve.setData([], [])
            return
        steps, values = self.trace.smoothed(0, len(curve), pixels)
        places = self.across.places(steps)
        self.curve.setData(places, values, symbol="o" if len(curve) == 1 else None)
        finite = [float(value) for value in values if math.isfinite(value)]
        self.low, self.high = min(finite, default=math.inf), max(finite, default=-math.inf)
        self.first, self.last = float(places[0]), float(places[-1])

    def tell(self, place: float | None) -> None:
        """Say the value there, or the last one."""
        if not len(self.trace):
            self.sample.say(tr("not measured"))
            return
        at = len(self.trace) - 1 if place is None else self.trace.nearest(self.across.step_at(place)) or 0
        self.sample.say(in_short(self.trace.smoothed_at(at)))


def line_pen(place: int, tokens: theme.Tokens, ratio: float = 1.0) -> QPen:
    """The pen of a run: nobody needs its colour alone to tell it from the others. ratio: as of `mark_pen`."""
    pen = QPen(QColor(tokens.plot[place % len(tokens.plot)]), 2 * ratio)
    pen.setStyle(_DASHES[place % len(_DASHES)])
    pen.setCosmetic(True)
    return pen


class LineKey(QWidget):
    """A run's line, its name, and a value."""

    def __init__(self, place: int, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._place, self._name, self._value = place, name, ""
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        theme.watcher().theme_changed.connect(self._repaint)

    def say(self, value: str) -> None:
        """Say another value."""
        if value != self._value:
            self._value = value
            self.setAccessibleName(f"{self._name}: {value}")
            self.updateGeometry()
            self.update()

    @Slot()
    def _repaint(self) -> None:
        self.update()

    def _text(self) -> str:
        name = self._name if len(self._name) <= 40 else f"{self._name[:38]}…"
        return f"{name}  {self._value}"

    def sizeHint(self) -> QSize:
        """The line, and its words with room for another value."""
        words = self.fontMetrics()
        return QSize(34 + words.horizontalAdvance(self._text()) + 4, max(20, words.height()))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the line as the plot draws it."""
        tokens = theme.tokens()
        painter = QPainter(self)
        pen = line_pen(self._place, tokens)
        pen.setCosmetic(False)
        painter.setPen(pen)
        middle = self.height() // 2
        painter.drawLine(0, middle, 26, middle)
        painter.setPen(QColor(tokens.text))
        painter.drawText(
            self.rect().adjusted(34, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, self._text()
        )
