"""A metric of a run as a card, or two that share an axis: title, the values under the crosshair, the plot, and what it
means in plain words.

What to draw comes from `RunPlots`; where the crosshair and the zoom are is told to it, so that all plots of a run show
the same steps. The lines themselves are `series`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPointF, QSize, Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from studio.core.curves import Curves
from studio.core.metrics import Metric
from studio.core.reading import Reading
from studio.gui import theme
from studio.gui.plots.key import KeySample, Mark, mark_pen
from studio.gui.plots.series import Series, in_short

_ZOOM = 1.5  # a key press shows this much less or more


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

    def __init__(self, height: int, **options: Any) -> None:
        self._height = height
        super().__init__(**options)

    def sizeHint(self) -> QSize:
        return QSize(120, self._height)

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

    def __init__(self, metrics: Sequence[Metric], *, large: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "card")
        self.first = Series(metrics[0])
        self.second = Series(metrics[1], second=True) if len(metrics) > 1 else None
        self._large, self._log = large, False
        self._step: float | None = None

        title = QLabel(metrics[0].label)
        title.setProperty("role", "heading")
        self._readout, self._second_readout = _readout(), _readout()
        head = QHBoxLayout()
        head.setSpacing(16)
        head.addWidget(title)
        self.key: dict[Mark, KeySample] = {}
        if large:
            head.addLayout(self._make_key())
        head.addWidget(self._readout, 1)

        self._view = PlotView(enableMenu=False)
        axes = {"bottom": StepAxis("bottom"), "left": ValueAxis("left")}
        self.plot = Canvas(200 if large else 112, viewBox=self._view, axisItems=axes)
        self._set_up_plot()
        self.state, self._reading = QLabel(), QLabel(metrics[0].reading)
        theme.set_role(self._reading, "muted")
        for label in (self.state, self._reading):
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setWordWrap(True)
        self.state.hide()

        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 12, 16, 12)
        layout.setSpacing(8)
        layout.addLayout(head)
        if self.second is not None and not large:
            other = QHBoxLayout()
            other.setSpacing(16)
            other.addWidget(KeySample(self.second.mark, self.second.metric.label))
            other.addWidget(self._second_readout, 1)
            layout.addLayout(other)
        layout.addWidget(self.plot, 1)
        layout.addWidget(self.state)
        layout.addWidget(self._reading)

    def _make_key(self) -> QHBoxLayout:
        words: dict[Mark, str] = {"raw": "measured", "smoothed": "smoothed"}
        if self.second is not None:
            words[self.second.mark] = self.second.metric.label.lower()
        words |= {"checkpoint": "checkpoint", "resume": "resumed"}
        self.key = {mark: KeySample(mark, word) for mark, word in words.items()}
        row = QHBoxLayout()
        row.setSpacing(12)
        for sample in self.key.values():
            row.addWidget(sample)
        return row

    def _set_up_plot(self) -> None:
        self.plot.hideButtons()
        # Room for the half of a tick's label that stands over the axis' end.
        item = self.plot.getPlotItem()
        assert item is not None
        item.setContentsMargins(0, 8, 24, 0)
        self.plot.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.plot.setAccessibleName(f"{self.first.metric.label} over steps")
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
        self.plot.addItem(self._resumes)
        self.plot.addItem(self._checkpoints)
        for series in self._series():
            series.join(self.plot)
        self._cross = pg.InfiniteLine(angle=90)
        self._cross.setVisible(False)
        self._view.addItem(self._cross, ignoreBounds=True)

    def _series(self) -> list[Series]:
        return [self.first] if self.second is None else [self.first, self.second]

    # ---------------------------------------------------------------------------------------------- what RunPlots asks

    def apply_tokens(self, tokens: theme.Tokens) -> None:
        """Take the colours of the theme."""
        self.plot.setBackground(tokens.surface)
        for name in ("left", "bottom"):
            axis = self.plot.getAxis(name)
            axis.setPen(pg.mkPen(tokens.border))
            axis.setTextPen(pg.mkPen(tokens.muted))
        for series in self._series():
            series.apply_tokens(tokens)
        self._checkpoints.setPen(mark_pen("checkpoint", tokens))
        self._resumes.setPen(mark_pen("resume", tokens))
        self._cross.setPen(pg.mkPen(tokens.muted, width=1))
        self.plot.update()

    def set_smoothing(self, weight: float) -> None:
        """Smooth with this share of the past; drawn at the next `draw`."""
        for series in self._series():
            series.set_smoothing(weight)

    def set_log(self, on: bool) -> None:
        """Show values on a logarithmic axis, or not."""
        if on != self._log:  # pyqtgraph would work it all out anew
            self._log = on
            self.plot.setLogMode(y=on)

    def can_be_log(self) -> bool:
        """Whether a logarithmic axis can show all that is drawn."""
        return all(series.is_positive() for series in self._series())

    def say(self, reading: Reading | None) -> None:
        """Say under the plot how the run stands."""
        self.state.setText(reading.sentence if reading else "")
        role = "warning" if reading and reading.worrying else ""
        if self.state.property("role") != role:
            theme.set_role(self.state, role)
        self.state.setVisible(reading is not None)

    def draw(self, curves: Curves) -> None:
        """Draw the curves as they stand."""
        for series in self._series():
            series.draw(curves)
        there = len(self.first.trace.steps) > 0
        for name in ("left", "bottom"):  # numbers of a range that nothing gave would only puzzle
            self.plot.getAxis(name).setStyle(showValues=there)
        if self.second is not None and len(self.second.trace.steps):
            other = self.second.metric
            self._reading.setText(f"{self.first.metric.reading} {other.label}: {other.reading}")
        else:
            self._reading.setText(self.first.metric.reading)
        shown = {"checkpoint": curves.checkpoints, "resume": curves.resumes}
        if self.second is not None:
            shown[self.second.mark] = list(self.second.trace.steps)
        for mark, sample in self.key.items():
            sample.setVisible(bool(shown.get(mark, True)))
        self._checkpoints.setXVals(curves.checkpoints)
        self._resumes.setXVals(curves.resumes)
        self._checkpoints.update()
        self._resumes.update()
        self._tell_values()

    def point_at(self, step: float | None) -> None:
        """Put the crosshair on the point nearest to a step, or take it away."""
        index = None if step is None else self.first.trace.nearest(step)
        self._step = None if index is None else float(self.first.trace.steps[index])
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
        steps, key = self.first.trace.steps, event.key()
        if not len(steps):
            return False
        here = len(steps) - 1 if self._step is None else self.first.trace.nearest(self._step) or 0
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
        trace, second = self.first.trace, self.second
        if not len(trace.steps):
            self._readout.setText("")
            self._second_readout.setText("")
            return
        index = len(trace.steps) - 1 if self._step is None else trace.nearest(self._step) or 0
        other = second.value_near(trace.steps[index]) if second is not None else ""
        self._second_readout.setText(other)
        parts = [self.first.value_at(index)]
        named = f"{second.metric.label.lower()} {other}" if second is not None and other else ""
        if self._large:
            parts.insert(0, f"step {trace.steps[index]:,.0f}")
            smoothed = trace.smoothed[index : index + 1]  # none while they wait to be smoothed anew
            parts += [f"smoothed {in_short(value)}" for value in smoothed if not math.isnan(value)]
            parts += [named] if named else []
        self.plot.setAccessibleDescription(", ".join([*parts, named] if named and not self._large else parts))
        # What doesn't fit is left out: a number cut in two would be read as another one.
        room = self._readout.fontMetrics()
        while parts and room.horizontalAdvance("  ·  ".join(parts)) > self._readout.width():
            parts.pop(0)
        self._readout.setText("  ·  ".join(parts))


def _readout() -> QLabel:
    label = QLabel()
    label.setProperty("role", "muted")
    label.setTextFormat(Qt.TextFormat.PlainText)
    # As wide as there is room for: the values must not decide how wide the cards are.
    label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
    label.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    return label
