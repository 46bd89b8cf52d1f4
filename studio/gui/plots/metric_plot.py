"""One metric of a run as a card: title, the values under the crosshair, the plot, and its reading in plain words.

The loss card also draws eval loss. What to draw comes from `RunPlots`; where the crosshair and the zoom are is told
to it, so that all plots of a run show the same steps.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPointF, QSize, Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from studio.core.metrics import Curves, Metric
from studio.gui.plots.key import mark_pen
from studio.gui.plots.trace import Trace
from studio.gui.theme import Tokens

_ZOOM = 1.5  # a key press shows this much less or more


# Metrics that are computed and not measured have no noise to smooth away.
_EXACT = frozenset({"lr"})


def in_short(value: float) -> str:
    """A number in as few characters as tell it: 1,234 or 0.25 or 2e-4."""
    if value and abs(value) < 0.001:
        mantissa, exponent = f"{value:.3e}".split("e")
        return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"
    return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"


class StepAxis(pg.AxisItem):
    """Steps are whole numbers: no tick between two of them."""

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:
        return [f"{value:,.0f}" if value == round(value) and value >= 0 else "" for value in values]


class ValueAxis(pg.AxisItem):
    """Values in full, with a fixed width so that the plots of a column stand in line."""

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:
        return [in_short(10.0**value if self.logMode else value) for value in values]


class PlotView(pg.ViewBox):
    """Wheel and drag move along the steps; over the value axis they move along the values; double click shows all.

    reset_requested(): a double click.
    """

    reset_requested = Signal()

    def wheelEvent(self, ev: Any, axis: int | None = None) -> None:
        super().wheelEvent(ev, axis=0 if axis is None else axis)

    def mouseDragEvent(self, ev: Any, axis: int | None = None) -> None:
        along_steps = axis is None and ev.button() == Qt.MouseButton.LeftButton
        super().mouseDragEvent(ev, axis=0 if along_steps else axis)

    def mouseDoubleClickEvent(self, ev: Any) -> None:
        ev.accept()
        self.reset_requested.emit()


class Canvas(pg.PlotWidget):
    """Asks for little room, so that a plot is as large as what is left to it and not as pyqtgraph would like."""

    def sizeHint(self) -> QSize:
        return QSize(120, 96)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()


class MetricPlot(QFrame):
    """A plot of one metric, or of two that share an axis.

    step_pointed(step): a float, or None when the pointer left. steps_shown(first, last): the user zoomed or moved.
    all_requested(): the user wants to see everything again.
    """

    step_pointed = Signal(object)
    steps_shown = Signal(float, float)
    all_requested = Signal()

    def __init__(self, metric: Metric, second: Metric | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "card")
        self._metric, self._second = metric, second
        self._trace, self._second_trace = Trace(), Trace()
        self._step: float | None = None

        title = QLabel(metric.label)
        title.setProperty("role", "heading")
        self._readout = QLabel()
        self._readout.setProperty("role", "muted")
        self._readout.setTextFormat(Qt.TextFormat.PlainText)
        # As wide as there is room for: the values must not decide how wide the cards are.
        self._readout.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._readout.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.head = QHBoxLayout()
        self.head.setSpacing(16)
        self.head.addWidget(title)
        self.head.addWidget(self._readout, 1)

        self._view = PlotView(enableMenu=False)
        axes = {"bottom": StepAxis("bottom"), "left": ValueAxis("left")}
        self.plot = Canvas(viewBox=self._view, axisItems=axes)
        self._set_up_plot()
        self._reading = QLabel(metric.reading)
        self._reading.setProperty("role", "muted")
        self._reading.setWordWrap(True)

        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 12, 16, 12)
        layout.setSpacing(8)
        layout.addLayout(self.head)
        layout.addWidget(self.plot, 1)
        layout.addWidget(self._reading)

    def _set_up_plot(self) -> None:
        self.plot.hideButtons()
        # Room for the half of a tick's label that stands over the axis' end.
        item = self.plot.getPlotItem()
        assert item is not None
        item.setContentsMargins(0, 8, 24, 0)
        self.plot.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.plot.setAccessibleName(f"{self._metric.label} over steps")
        self.plot.setToolTip("Wheel: zoom · Drag: move · Double click: show all · Arrow keys: read values")
        self.plot.installEventFilter(self)
        self.plot.viewport().installEventFilter(self)
        self.plot.viewport().setMouseTracking(True)
        self.plot.getAxis("left").setWidth(60)
        self.plot.getAxis("left").enableAutoSIPrefix(False)
        self._view.setAutoVisible(y=True)
        self._view.setLimits(minXRange=2)
        self._view.sigRangeChangedManually.connect(self._tell_range)
        self._view.reset_requested.connect(self.all_requested)

        self._resumes = pg.VTickGroup()
        self._checkpoints = pg.VTickGroup(yrange=[0.0, 0.06])
        # "finite" leaves a gap where a value is nan; one point a pixel is enough for a curve.
        curve: dict[str, Any] = {"connect": "finite", "autoDownsampleFactor": 1.0}
        self._raw, self._smooth = pg.PlotDataItem(**curve), pg.PlotDataItem(**curve)
        self._second_line = pg.PlotDataItem(connect="finite", symbol="d", symbolSize=9)
        for item in (self._resumes, self._checkpoints, self._raw, self._smooth, self._second_line):
            self.plot.addItem(item)
        # After being added, because the plot then gives its items its own ways. "peak" keeps the spikes.
        for item, method in ((self._raw, "peak"), (self._smooth, "mean")):
            item.setDownsampling(auto=True, method=method)
            item.setClipToView(True)
        self._cross = pg.InfiniteLine(angle=90)
        self._cross.setVisible(False)
        self._view.addItem(self._cross, ignoreBounds=True)

    # ---------------------------------------------------------------------------------------------- what RunPlots asks

    def apply_tokens(self, tokens: Tokens) -> None:
        """Take the colours of the theme."""
        self.plot.setBackground(tokens.surface)
        for name in ("left", "bottom"):
            axis = self.plot.getAxis(name)
            axis.setPen(pg.mkPen(tokens.border))
            axis.setTextPen(pg.mkPen(tokens.muted))
        self._raw.setPen(mark_pen("raw", tokens))
        self._smooth.setPen(mark_pen("smoothed", tokens))
        self._smooth.setSymbolBrush(pg.mkBrush(tokens.plot[0]))
        self._second_line.setPen(mark_pen("eval", tokens))
        self._second_line.setSymbolBrush(pg.mkBrush(tokens.plot[1]))
        self._second_line.setSymbolPen(pg.mkPen(tokens.surface))
        self._checkpoints.setPen(mark_pen("checkpoint", tokens))
        self._resumes.setPen(mark_pen("resume", tokens))
        self._cross.setPen(pg.mkPen(tokens.muted, width=1))
        self.plot.update()

    def set_smoothing(self, weight: float) -> None:
        """Smooth with this share of the past; drawn at the next `draw`."""
        self._trace.set_weight(0.0 if self._metric.name in _EXACT else weight)

    def set_log(self, on: bool) -> None:
        """Show values on a logarithmic axis, or not."""
        self.plot.setLogMode(y=on)

    def draw(self, curves: Curves) -> None:
        """Draw the curves as they stand."""
        trace = self._trace
        trace.follow(curves.by_name[self._metric.name])
        for name in ("left", "bottom"):  # numbers of a range that nothing gave would only puzzle
            self.plot.getAxis(name).setStyle(showValues=len(trace.steps) > 0)
        self._raw.setData(trace.steps, trace.raw)
        # A line needs two points; a lone one is a dot.
        self._smooth.setData(trace.steps, trace.smoothed, symbol="o" if len(trace.steps) == 1 else None)
        if self._second is not None:
            other = self._second_trace
            other.follow(curves.by_name[self._second.name])
            self._second_line.setData(other.steps, other.raw)
            both = f"{self._metric.reading} {self._second.label}: {self._second.reading}"
            self._reading.setText(both if len(other.steps) else self._metric.reading)
        self._checkpoints.setXVals(curves.checkpoints)
        self._resumes.setXVals(curves.resumes)
        self._checkpoints.update()
        self._resumes.update()
        self._tell_values()

    def point_at(self, step: float | None) -> None:
        """Put the crosshair on the point nearest to a step, or take it away."""
        index = None if step is None else self._trace.nearest(step)
        self._step = None if index is None else float(self._trace.steps[index])
        self._cross.setVisible(self._step is not None)
        if self._step is not None:
            self._cross.setValue(self._step)
        self._tell_values()

    def show_steps(self, first: float, last: float) -> None:
        """Show the steps from `first` to `last`."""
        self._view.setXRange(first, last, padding=0)

    def show_all(self) -> None:
        """Show everything, and go on doing so while points arrive."""
        self._view.enableAutoRange()

    # ------------------------------------------------------------------------------------------------ pointer and keys

    def eventFilter(self, watched: QWidget, event: QEvent) -> bool:
        kind = event.type()
        if kind == QEvent.Type.MouseMove:
            self._point_under(event.position())  # type: ignore[attr-defined]
        elif kind in (QEvent.Type.Leave, QEvent.Type.FocusOut):
            self.step_pointed.emit(None)
        elif kind == QEvent.Type.KeyPress and watched is self.plot and isinstance(event, QKeyEvent):
            return self._take_key(event)
        return super().eventFilter(watched, event)

    def _point_under(self, position: QPointF) -> None:
        place = self._view.mapSceneToView(self.plot.mapToScene(position.toPoint()))
        inside = self._view.sceneBoundingRect().contains(self.plot.mapToScene(position.toPoint()))
        self.step_pointed.emit(place.x() if inside else None)

    def _take_key(self, event: QKeyEvent) -> bool:
        steps, key = self._trace.steps, event.key()
        if not len(steps):
            return False
        here = len(steps) - 1 if self._step is None else self._trace.nearest(self._step) or 0
        moves = {
            Qt.Key.Key_Left: here - 1,
            Qt.Key.Key_Right: here + 1,
            Qt.Key.Key_Home: 0,
            Qt.Key.Key_End: len(steps) - 1,
        }
        if key in moves:
            self.step_pointed.emit(float(steps[max(0, min(moves[Qt.Key(key)], len(steps) - 1))]))
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal, Qt.Key.Key_Minus):
            self._zoom(1 / _ZOOM if key != Qt.Key.Key_Minus else _ZOOM)
        elif key in (Qt.Key.Key_0, Qt.Key.Key_Escape):
            self.all_requested.emit()
        else:
            return False
        return True

    def _zoom(self, factor: float) -> None:
        (first, last), _ = self._view.viewRange()
        middle = (first + last) / 2 if self._step is None else self._step
        self.steps_shown.emit(middle + (first - middle) * factor, middle + (last - middle) * factor)

    @Slot(object)
    def _tell_range(self, _mouse_enabled: object) -> None:
        if not self._view.autoRangeEnabled()[0]:
            (first, last), _ = self._view.viewRange()
            self.steps_shown.emit(first, last)

    # ---------------------------------------------------------------------------------------------------------- values

    def _tell_values(self) -> None:
        """The values at the crosshair, or the latest ones."""
        trace = self._trace
        if not len(trace.steps):
            self._readout.setText("")
            return
        index = len(trace.steps) - 1 if self._step is None else trace.nearest(self._step) or 0
        parts = [f"step {trace.steps[index]:,.0f}"] if self._second is not None else []
        parts.append(f"{_value(trace.raw[index])} {self._metric.unit}".strip())
        if self._second is not None and not np.isnan(trace.smoothed[index]):
            parts.append(f"smoothed {_value(trace.smoothed[index])}")
        if self._second is not None and (at := self._second_trace.nearest(trace.steps[index])) is not None:
            parts.append(f"{self._second.label.lower()} {_value(self._second_trace.raw[at])}")
        self.plot.setAccessibleDescription(", ".join(parts))
        # What doesn't fit is left out: a number cut in two would be read as another one.
        room = self._readout.fontMetrics()
        while parts and room.horizontalAdvance("  ·  ".join(parts)) > self._readout.width():
            parts.pop(0)
        self._readout.setText("  ·  ".join(parts))


def _value(number: float) -> str:
    return "not a number" if math.isnan(number) else in_short(number)
