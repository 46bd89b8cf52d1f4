"""A metric of a run as a card, or two that share an axis: title, the values under the crosshair, the plot, and what it
means in plain words.

What to draw comes from `RunPlots`; where the crosshair and the zoom are is told to it, so that all plots of a run show
the same part. The lines themselves are `series`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPointF, Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from studio.core.curves import Curves
from studio.core.metrics import Metric
from studio.core.reading import Reading
from studio.gui import icons, theme
from studio.gui.language import paragraph, tr, translated
from studio.gui.plots.across import Across, AcrossAxis
from studio.gui.plots.canvas import Canvas
from studio.gui.plots.key import KeySample, Mark, mark_pen
from studio.gui.plots.plot_view import PlotView, ValueAxis
from studio.gui.plots.readout import Readout
from studio.gui.plots.series import Part, Series, in_short
from studio.gui.widgets.flow_layout import FlowLayout

_ZOOM = 1.5  # a key press shows this much less or more
_BESIDE = 0.5  # of what is shown, drawn to either side too, so that moving the plot shows no hole
_ROUNDING = 1e-9  # of a value: what is this near to each other is the same, and has been smoothed
_ABOVE = 0.06  # of the values' range left free over and under them


class MetricPlot(QFrame):
    """A plot of one metric, or of two that share an axis.

    step_pointed(step): a float, or None when the pointer left. range_shown(first, last): places along the axis that the
    user zoomed or moved to. all_requested(): the user wants to see everything again. save_requested(): as a file.
    """

    step_pointed = Signal(object)
    range_shown = Signal(float, float)
    all_requested = Signal()
    save_requested = Signal()

    def __init__(
        self, metrics: Sequence[Metric], across: Across, *, large: bool = False, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setProperty("role", "card")
        self._across = across
        self.first = Series(metrics[0], across)
        self.second = Series(metrics[1], across, second=True) if len(metrics) > 1 else None
        self._large, self._log, self._own_values = large, False, False
        self._range, self._values = (0.0, 1.0), (0.0, 1.0)
        self._drawn = (0.0, 0.0, 0.0)
        self._step: float | None = None

        self.title = QLabel(translated(metrics[0].label))
        self.title.setProperty("role", "heading")
        self._readout, self._second_readout = Readout(), Readout()
        self.save = QToolButton()
        icons.put(self.save, "download", 16)
        self.save.setToolTip(tr("Save this plot as a picture or a table"))
        self.save.setAccessibleName(tr("Save the plot of {label}", label=translated(metrics[0].label)))
        theme.set_role(self.save, "small")
        self.save.clicked.connect(self.save_requested)
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(self.title)
        head.addWidget(self._readout, 1)
        head.addWidget(self.save)
        self.key: dict[Mark, KeySample] = {}

        self._view = PlotView(enableMenu=False)
        self.plot = Canvas(200 if large else 112, pane=self._view, left=ValueAxis("left"), bottom=AcrossAxis(across))
        self._set_up_plot()
        self.state, self._reading = QLabel(), QLabel(translated(metrics[0].reading))
        theme.set_role(self._reading, "muted")
        for label in (self.state, self._reading):
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setWordWrap(True)
        self.state.hide()

        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 12, 8, 12)
        layout.setSpacing(8)
        layout.addLayout(head)
        if large:
            layout.addLayout(self._make_key())
        elif self.second is not None:
            other = QHBoxLayout()
            other.setSpacing(head.spacing())
            other.addWidget(KeySample(self.second.mark, translated(self.second.metric.label)))
            other.addWidget(self._second_readout, 1)
            layout.addLayout(other)
        layout.addWidget(self.plot, 1)
        layout.addWidget(self.state)
        layout.addWidget(self._reading)

    def _make_key(self) -> FlowLayout:
        words: dict[Mark, str] = {"raw": tr("measured"), "smoothed": tr("smoothed")}
        if self.second is not None:
            words[self.second.mark] = translated(self.second.metric.label).lower()
        if self.second is not None and self.second.metric.is_held_out:
            words["best"] = tr("best")
        words |= {"checkpoint": tr("checkpoint"), "resume": tr("resumed"), "retry": tr("memory ran out")}
        self.key = {mark: KeySample(mark, word) for mark, word in words.items()}
        row = FlowLayout(spacing=12)
        for sample in self.key.values():
            row.addWidget(sample)
        return row

    def _set_up_plot(self) -> None:
        self.plot.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.plot.setAccessibleName(tr("{label} over steps", label=translated(self.first.metric.label)))
        self.plot.setToolTip(tr("Wheel: zoom · Drag: move · Double click: show all · Arrow keys: read values"))
        self.plot.installEventFilter(self)
        self.plot.viewport().installEventFilter(self)
        self.plot.viewport().setMouseTracking(True)
        self.plot.left.setWidth(60)
        self._view.disableAutoRange()
        self._view.setLimits(minXRange=1e-3)
        self._view.sigRangeChangedManually.connect(self._tell_range)
        self._view.reset_requested.connect(self.all_requested)

        self._resumes, self._retries = pg.VTickGroup(), pg.VTickGroup()
        self._checkpoints = pg.VTickGroup(yrange=[0.0, 0.06])
        for ticks in (self._resumes, self._retries, self._checkpoints):
            self.plot.add(ticks)
        for series in self.series:
            series.join(self.plot)
        self._cross = pg.InfiniteLine(angle=90)
        self._cross.setVisible(False)
        self._view.addItem(self._cross, ignoreBounds=True)

    @property
    def series(self) -> list[Series]:
        """What is drawn."""
        return [self.first] if self.second is None else [self.first, self.second]

    # ---------------------------------------------------------------------------------------------- what RunPlots asks

    def apply_tokens(self, tokens: theme.Tokens) -> None:
        """Take the colours of the theme."""
        self.plot.apply_tokens(tokens)
        ratio = self.devicePixelRatioF()
        for series in self.series:
            series.apply_tokens(tokens, ratio)
        self._checkpoints.setPen(mark_pen("checkpoint", tokens, ratio))
        self._resumes.setPen(mark_pen("resume", tokens, ratio))
        self._retries.setPen(mark_pen("retry", tokens, ratio))
        self._cross.setPen(pg.mkPen(tokens.muted, width=ratio))
        self.plot.update()

    def set_smoothing(self, weight: float) -> None:
        """Smooth with this share of the past; drawn at the next `draw`."""
        for series in self.series:
            series.set_smoothing(weight)

    def set_log(self, on: bool) -> None:
        """Show values on a logarithmic axis, or not."""
        if on != self._log:  # pyqtgraph would work it all out anew
            self._log = on
            self.plot.set_log(on)
            self._fit_values()

    def can_be_log(self) -> bool:
        """Whether a logarithmic axis can show all that is drawn."""
        return self.first.metric.spans_orders and all(series.is_positive() for series in self.series)

    def say(self, reading: Reading) -> None:
        """Say under the plot how the run stands."""
        self.state.setText(translated(reading.sentence))
        role = "warning" if reading.worrying else ""
        if self.state.property("role") != role:
            theme.set_role(self.state, role)
        self.state.show()

    def show_range(self, first: float, last: float) -> None:
        """Show what lies between these places along the axis; drawn at the next `draw`."""
        if (first, last) != self._range:
            self._range = (first, last)
            self._view.setXRange(first, last, padding=0)

    @property
    def is_covered(self) -> bool:
        """Whether what was drawn last holds what is to be shown, as finely: then moving it needs no drawing."""
        (first, last), (left, right, pixel) = self._range, self._drawn
        return left <= first and last <= right and abs((last - first) / max(pixel, 1e-300) - 1) < 0.02

    def show_all(self) -> None:
        """Show all values of what is in sight again."""
        self._own_values = False

    def draw(self, curves: Curves, *, zoomed: bool = False) -> None:
        """Draw the curves as they stand. zoomed: there is more to either side, to be moved to."""
        first, last = self._range
        share = _BESIDE if zoomed else 0.0
        beside = (last - first) * share
        pixels = max(64, round(self._view.width() * (1 + 2 * share)))
        self._drawn = (first - beside, last + beside, last - first)
        part = Part(self._across.step_at(first - beside), self._across.step_at(last + beside), pixels)
        for series in self.series:
            series.draw(curves, part)
        self._fit_values()
        there = len(self.first.trace) > 0
        for axis in (self.plot.left, self.plot.bottom):  # numbers of a range that nothing gave would only puzzle
            axis.setStyle(showValues=there)
        if self.second is not None and len(self.second.trace):
            other = self.second.metric
            about = tr("{heading}: {told}", heading=translated(other.label), told=translated(other.reading))
            self._reading.setText(paragraph(translated(self.first.metric.reading), about))
        else:
            self._reading.setText(translated(self.first.metric.reading))
        self._draw_marks(curves)
        self._tell_values()

    def _draw_marks(self, curves: Curves) -> None:
        marks = {"checkpoint": curves.checkpoints, "resume": curves.resumes, "retry": curves.retries}
        shown: dict[str, bool] = {mark: bool(steps) for mark, steps in marks.items()}
        if self.second is not None:
            shown[self.second.mark] = len(self.second.trace) > 0
            shown["best"] = self.second.best_at is not None
            if self.second.best_at is not None and "best" in self.key:
                at = self.second.trace.curve.steps[self.second.best_at]
                self.key["best"].say(
                    tr("best: {value_at} at step {at:,}", value_at=self.second.value_at(self.second.best_at), at=at)
                )
        for mark, sample in self.key.items():
            sample.setVisible(shown.get(mark, True))
        ticks = {"checkpoint": self._checkpoints, "resume": self._resumes, "retry": self._retries}
        for mark, group in ticks.items():
            places = self._across.places(np.array(marks[mark], dtype=np.float64))
            group.setXVals(places)
            group.update()

    def _fit_values(self) -> None:
        """Show the values of what is in sight, unless the user chose others."""
        if self._own_values:
            return
        low = min(series.low for series in self.series)
        high = max(series.high for series in self.series)
        if not math.isfinite(low) or not math.isfinite(high):
            return
        if self._log:
            low, high = math.log10(max(low, 1e-300)), math.log10(max(high, 1e-300))
        same = high - low <= _ROUNDING * max(abs(low), abs(high))
        free = (abs(high) if same else high - low) * _ABOVE or 0.5
        values = (low - free, high + free)
        if values != self._values:
            self._values = values
            self._view.setYRange(*values, padding=0)

    def point_at(self, step: float | None) -> None:
        """Put the crosshair on the point nearest to a step, or take it away."""
        index = None if step is None else self.first.trace.nearest(step)
        self._step = None if index is None else float(self.first.trace.curve.steps[index])
        self._cross.setVisible(self._step is not None)
        if self._step is not None:
            self._cross.setValue(self._across.place(self._step))
        self._tell_values()

    # ------------------------------------------------------------------------------------------------ pointer and keys

    def event(self, event: QEvent) -> bool:
        """Draw lines as wide as before on a screen of another scaling."""
        if event.type() == QEvent.Type.DevicePixelRatioChange:
            self.apply_tokens(theme.tokens())
        return super().event(event)

    def eventFilter(self, watched: QWidget, event: QEvent) -> bool:
        """Follow the pointer, and take keys."""
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
        self.step_pointed.emit(self._across.step_at(place.x()) if inside else None)

    def _take_key(self, event: QKeyEvent) -> bool:
        steps, key = self.first.trace.curve.steps, event.key()
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
        first, last = self._range
        middle = (first + last) / 2 if self._step is None else self._across.place(self._step)
        self.range_shown.emit(middle + (first - middle) * factor, middle + (last - middle) * factor)

    @Slot(object)
    def _tell_range(self, _mouse_enabled: object) -> None:
        (first, last), (low, high) = self._view.viewRange()
        if not np.allclose((low, high), self._values, rtol=1e-9, atol=0.0):
            self._own_values, self._values = True, (low, high)
        if (first, last) != self._range:
            self._range = (first, last)
            self.range_shown.emit(first, last)

    # ---------------------------------------------------------------------------------------------------------- values

    def _tell_values(self) -> None:
        """The values at the crosshair, or the latest ones."""
        trace, second = self.first.trace, self.second
        if not len(trace):  # an empty plot says why it is empty
            for readout in (self._readout, self._second_readout):
                readout.say(tr("not measured"))
            return
        index = len(trace) - 1 if self._step is None else trace.nearest(self._step) or 0
        step = trace.curve.steps[index]
        other = second.value_near(step) if second is not None else ""
        self._second_readout.say(other or tr("not measured"))
        parts = [self.first.value_at(index)]
        named = f"{translated(second.metric.label).lower()} {other}" if second is not None and other else ""
        if self._large:
            parts.insert(0, tr("step {step:,}", step=step))
            smoothed = trace.smoothed_at(index)
            parts += [tr("smoothed {smoothed}", smoothed=in_short(smoothed))] if math.isfinite(smoothed) else []
            parts += [named] if named else []
        self.plot.setAccessibleDescription(", ".join([*parts, named] if named and not self._large else parts))
        self._readout.say(*parts)
