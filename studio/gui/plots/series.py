"""One metric in a plot: faint as it was measured and strong as smoothed, in a band where its spread is known; what is
measured on held-out rows is a line of few points, each with its mark. What surrounds the lines is `metric_plot`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pyqtgraph as pg

from studio.core.curves import Curves
from studio.core.metrics import Metric
from studio.gui.plots.key import Mark, mark_pen
from studio.gui.plots.trace import Trace
from studio.gui.theme import Tokens

_EXACT = frozenset({"lr", "kl_coef"})  # computed, not measured: no noise to smooth away
_BAND_ALPHA = 40


def in_short(value: float) -> str:
    """A number in as few characters as tell it: 1,234 or 0.25 or 2e-4."""
    if value and abs(value) < 0.001:
        mantissa, exponent = f"{value:.3e}".split("e")
        return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"
    return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"


class Series:
    """The lines of one metric. `second`: it shares the plot with another one, and takes the other colour."""

    def __init__(self, metric: Metric, *, second: bool = False) -> None:
        self.metric, self.trace = metric, Trace()
        self.mark: Mark = (
            "smoothed" if not second else "eval" if metric.is_held_out else "limit" if metric.is_limit else "second"
        )
        # "finite" leaves a gap where a value is nan; one point a pixel is enough for a curve.
        curve: dict[str, Any] = {"connect": "finite", "autoDownsampleFactor": 1.0}
        self.raw, self.smooth = pg.PlotDataItem(**curve), pg.PlotDataItem(**curve)
        self.spread = Trace() if metric.spread else None
        self._edges = pg.PlotDataItem(**curve), pg.PlotDataItem(**curve)
        self._band = pg.FillBetweenItem(*self._edges) if metric.spread else None

    def join(self, plot: pg.PlotWidget) -> None:
        """Be drawn in a plot."""
        if self._band is not None:
            for edge in self._edges:  # drawn so that there is something to fill between, but not seen
                plot.addItem(edge)
                edge.setPen(pg.mkPen((0, 0, 0, 0)))
                edge.setDownsampling(auto=True, method="mean")
                edge.setClipToView(True)
            plot.addItem(self._band)
        # Set up after being added, because the plot then gives its items its own ways. "peak" keeps the spikes.
        for item, method in ((self.raw, "peak"), (self.smooth, "mean")):
            plot.addItem(item)
            if not self.metric.is_held_out:
                item.setDownsampling(auto=True, method=method)
                item.setClipToView(True)

    def apply_tokens(self, tokens: Tokens) -> None:
        """Take the colours of the theme."""
        self.raw.setPen(mark_pen("second-raw" if self.mark == "second" else "raw", tokens))
        if self._band is not None:
            colour = mark_pen(self.mark, tokens).color()
            colour.setAlpha(_BAND_ALPHA)
            self._band.setBrush(pg.mkBrush(colour))
        self.smooth.setPen(mark_pen(self.mark, tokens))
        self.smooth.setSymbolBrush(pg.mkBrush(mark_pen(self.mark, tokens).color()))
        self.smooth.setSymbolPen(pg.mkPen(tokens.surface))

    def set_smoothing(self, weight: float) -> None:
        """Smooth with this share of the past at the next `draw`."""
        exact = self.metric.name in _EXACT or self.metric.is_limit or self.metric.is_held_out
        self.trace.set_weight(0.0 if exact else weight)
        if self.spread is not None:
            self.spread.set_weight(weight)

    def draw(self, curves: Curves) -> None:
        """Draw what the curves hold."""
        trace = self.trace
        trace.follow(curves.by_name[self.metric.name])
        if self.metric.is_held_out:
            self.smooth.setData(trace.steps, trace.raw, symbol="d", symbolSize=9)
            return
        if not self.metric.is_limit:
            self.raw.setData(trace.steps, trace.raw)
        # A line needs two points; a lone one is a dot.
        self.smooth.setData(trace.steps, trace.smoothed, symbol="o" if len(trace.steps) == 1 else None)

        if self.spread is not None:
            self.spread.follow(curves.by_name[self.metric.spread])
            self._draw_band(self.spread)

    def _draw_band(self, spread: Trace) -> None:
        """One standard deviation to either side of the smoothed curve."""
        count = min(len(self.trace.steps), len(spread.steps))
        steps, middle, wide = self.trace.steps[:count], self.trace.smoothed[:count], spread.smoothed[:count]
        for edge, side in zip(self._edges, (middle - wide, middle + wide), strict=True):
            edge.setData(steps, side)

    def is_positive(self) -> bool:
        """Whether a logarithmic axis can show all of it."""
        finite = self.trace.raw[np.isfinite(self.trace.raw)]
        return bool((finite > 0).all())

    def value_at(self, index: int) -> str:
        """A value in words."""
        value = float(self.trace.raw[index])
        if math.isnan(value):
            return "not a number"
        told = in_short(value)
        if self.spread is not None and index < len(self.spread.raw) and not math.isnan(self.spread.raw[index]):
            told += f" ± {in_short(float(self.spread.raw[index]))}"
        return f"{told} {self.metric.unit}".strip()

    def value_near(self, step: float) -> str:
        """The value at the point nearest to a step; empty when there is none."""
        index = self.trace.nearest(step)
        return "" if index is None else self.value_at(index)
