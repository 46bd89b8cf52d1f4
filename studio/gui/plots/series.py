"""One metric in a plot: faint as it was measured and strong as smoothed; what is measured on held-out rows is a line
of few points, each with its mark. Where the plot stands and what surrounds the lines is `metric_plot`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pyqtgraph as pg

from studio.core.metrics import Curves, Metric
from studio.gui.plots.key import Mark, mark_pen
from studio.gui.plots.trace import Trace
from studio.gui.theme import Tokens

_EXACT = frozenset({"lr"})  # computed, not measured: no noise to smooth away


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
        self.mark: Mark = "smoothed" if not second else "eval" if metric.is_held_out else "second"
        # "finite" leaves a gap where a value is nan; one point a pixel is enough for a curve.
        curve: dict[str, Any] = {"connect": "finite", "autoDownsampleFactor": 1.0}
        self.raw, self.smooth = pg.PlotDataItem(**curve), pg.PlotDataItem(**curve)

    def join(self, plot: pg.PlotWidget) -> None:
        """Be drawn in a plot."""
        # Set up after being added, because the plot then gives its items its own ways. "peak" keeps the spikes.
        for item, method in ((self.raw, "peak"), (self.smooth, "mean")):
            plot.addItem(item)
            if not self.metric.is_held_out:
                item.setDownsampling(auto=True, method=method)
                item.setClipToView(True)

    def apply_tokens(self, tokens: Tokens) -> None:
        """Take the colours of the theme."""
        self.raw.setPen(mark_pen("second-raw" if self.mark == "second" else "raw", tokens))
        self.smooth.setPen(mark_pen(self.mark, tokens))
        self.smooth.setSymbolBrush(pg.mkBrush(mark_pen(self.mark, tokens).color()))
        self.smooth.setSymbolPen(pg.mkPen(tokens.surface))

    def set_smoothing(self, weight: float) -> None:
        """Smooth with this share of the past at the next `draw`."""
        self.trace.set_weight(0.0 if self.metric.name in _EXACT or self.metric.is_held_out else weight)

    def draw(self, curves: Curves) -> None:
        """Draw what the curves hold."""
        trace = self.trace
        trace.follow(curves.by_name[self.metric.name])
        if self.metric.is_held_out:
            self.smooth.setData(trace.steps, trace.raw, symbol="d", symbolSize=9)
            return
        self.raw.setData(trace.steps, trace.raw)
        # A line needs two points; a lone one is a dot.
        self.smooth.setData(trace.steps, trace.smoothed, symbol="o" if len(trace.steps) == 1 else None)

    def is_positive(self) -> bool:
        """Whether a logarithmic axis can show all of it."""
        finite = self.trace.raw[np.isfinite(self.trace.raw)]
        return bool((finite > 0).all())

    def value_at(self, index: int) -> str:
        """A value in words."""
        value = float(self.trace.raw[index])
        return "not a number" if math.isnan(value) else f"{in_short(value)} {self.metric.unit}".strip()

    def value_near(self, step: float) -> str:
        """The value at the point nearest to a step; empty when there is none."""
        index = self.trace.nearest(step)
        return "" if index is None else self.value_at(index)
