"""One metric in a plot: faint as it was measured and strong as smoothed, in a band where its spread is known; what is
measured on held-out rows is a line of few points, each with its mark, the best one pinned. What surrounds the lines is
`metric_plot`, which points are drawn of many `trace`.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyqtgraph as pg

from studio.core.curves import Curves
from studio.core.metrics import Metric, best_place
from studio.gui.language import tr
from studio.gui.plots.across import Across
from studio.gui.plots.canvas import Canvas
from studio.gui.plots.key import Mark, mark_pen
from studio.gui.plots.thinning import Numbers
from studio.gui.plots.trace import Trace
from studio.gui.theme import Tokens

_EXACT = frozenset({"lr", "kl_coef"})  # computed, not measured: no noise to smooth away
_BAND_ALPHA = 40
_ROUNDING = 1e-6  # of a value: a spread below it is what single precision makes of values that are all the same
_MARKED = 200  # points of a held-out metric that are drawn with a mark each; more would be one thick line


def in_short(value: float, digits: int = 4) -> str:
    """A number in as few characters as tell it: 1,234 or 0.25 or 2e-4."""
    if value and abs(value) < 0.001:
        mantissa, exponent = f"{value:.3e}".split("e")
        return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"
    return f"{value:,.{digits}g}" if abs(value) < 1000 else f"{value:,.0f}"


@dataclass(frozen=True, slots=True)
class Part:
    """What of a plot is to be drawn: from a step to another, on so many pixels across."""

    first: float
    last: float
    pixels: int


class Series:
    """The lines of one metric. `second`: it shares the plot with another one, and takes the other colour."""

    def __init__(self, metric: Metric, across: Across, *, second: bool = False) -> None:
        self.metric, self.trace, self._across = metric, Trace(), across
        self.mark: Mark = (
            "smoothed" if not second else "eval" if metric.is_held_out else "limit" if metric.is_limit else "second"
        )
        curve: dict[str, Any] = {"connect": "finite"}  # which leaves a gap where a value is nan
        self.raw, self.smooth = pg.PlotDataItem(**curve), pg.PlotDataItem(**curve)
        self.best = pg.PlotDataItem(pen=None, symbol="star", symbolSize=15)
        self.best_at: int | None = None
        self.spread = Trace() if metric.spread else None
        self._edges = pg.PlotDataItem(**curve), pg.PlotDataItem(**curve)
        self._band = pg.FillBetweenItem(*self._edges) if metric.spread else None
        self.low, self.high = math.inf, -math.inf  # of what is drawn

    def join(self, plot: Canvas) -> None:
        """Be drawn in a plot."""
        if self._band is not None:
            for edge in self._edges:  # drawn so that there is something to fill between, but not seen
                plot.add(edge)
                edge.setPen(pg.mkPen((0, 0, 0, 0)))
            plot.add(self._band)
        for item in (self.raw, self.smooth, self.best):
            plot.add(item)

    def apply_tokens(self, tokens: Tokens, ratio: float = 1.0) -> None:
        """Take the colours of the theme. ratio: the screen's pixels in a logical one."""
        self.raw.setPen(mark_pen("second-raw" if self.mark == "second" else "raw", tokens, ratio))
        pen = mark_pen(self.mark, tokens, ratio)
        colour = pen.color()
        if self._band is not None:
            faint = pen.color()
            faint.setAlpha(_BAND_ALPHA)
            self._band.setBrush(pg.mkBrush(faint))
        self.smooth.setPen(pen)
        for item in (self.smooth, self.best):
            item.setSymbolBrush(pg.mkBrush(colour))
            item.setSymbolPen(pg.mkPen(tokens.surface))

    def set_smoothing(self, weight: float) -> None:
        """Smooth with this share of the past at the next `draw`."""
        exact = self.metric.name in _EXACT or self.metric.is_limit or self.metric.is_held_out
        self.trace.set_weight(0.0 if exact else weight)
        if self.spread is not None:
            self.spread.set_weight(weight)

    def draw(self, curves: Curves, part: Part) -> None:
        """Draw what the curves hold of a part."""
        trace = self.trace
        trace.follow(curves.by_name[self.metric.name])
        self.low, self.high = math.inf, -math.inf
        first, last = trace.within(part.first, part.last)
        if self.metric.is_held_out:
            self._draw_held_out(first, last, part.pixels)
            return
        if not self.metric.is_limit:
            self._put(self.raw, *trace.raw(first, last, part.pixels))
        # A line needs two points; a lone one is a dot.
        steps, smoothed = trace.smoothed(first, last, part.pixels)
        self._put(self.smooth, steps, smoothed, symbol="o" if len(trace) == 1 else None)
        if self.spread is not None:
            self.spread.follow(curves.by_name[self.metric.spread])
            self._draw_band(self.spread, first, last, part.pixels, smoothed)

    def _put(self, item: pg.PlotDataItem, steps: Numbers, values: Numbers, **looks: Any) -> None:
        item.setData(self._across.places(steps), values, **looks)
        finite = values[np.isfinite(values)]
        if len(finite):
            self.low, self.high = min(self.low, float(finite.min())), max(self.high, float(finite.max()))

    def _draw_held_out(self, first: int, last: int, pixels: int) -> None:
        few = last - first <= _MARKED
        self._put(self.smooth, *self.trace.raw(first, last, pixels), symbol="d" if few else None, symbolSize=9)
        curve = self.trace.curve
        self.best_at = self._best_at() if len(curve) > 1 else None
        if self.best_at is None or not first <= self.best_at < last:
            self.best.setData([], [])
        else:
            at = self._across.place(curve.steps[self.best_at])
            self.best.setData([at], [curve.values[self.best_at]])

    def _best_at(self) -> int | None:
        """The best of what was trained: what was measured before the first step is no checkpoint that could be kept."""
        curve = self.trace.curve
        trained = bisect_right(curve.steps, 0)
        best = best_place(self.metric, curve.values[trained:])
        return None if best is None else trained + best

    def _draw_band(self, spread: Trace, first: int, last: int, pixels: int, middle: Numbers) -> None:
        """One standard deviation to either side of the smoothed curve; none where the two weren't measured alike."""
        steps, wide = spread.smoothed(first, min(last, len(spread)), pixels)
        alike = len(wide) == len(middle) and spread.curve.steps == self.trace.curve.steps
        for edge, side in zip(self._edges, (-1.0, 1.0), strict=True):
            if alike:
                self._put(edge, steps, middle + side * wide)
            else:
                edge.setData([], [])

    def is_positive(self) -> bool:
        """Whether a logarithmic axis can show all of it."""
        return self.trace.is_positive()

    def value_at(self, index: int) -> str:
        """A value in words."""
        value = self.trace.curve.values[index]
        if not math.isfinite(value):
            return tr("not a number") if math.isnan(value) else tr("infinite")
        told = in_short(value)
        spread = self.spread.curve.values if self.spread is not None else ()
        if index < len(spread) and math.isfinite(spread[index]):
            wide = spread[index] if spread[index] > _ROUNDING * abs(value) else 0.0
            told += f" ± {in_short(wide)}"
        return f"{told} {self.metric.unit}".strip()

    def value_near(self, step: float) -> str:
        """The value at the point nearest to a step; empty when there is none."""
        index = self.trace.nearest(step)
        return "" if index is None else self.value_at(index)
