"""What plots are drawn over: steps, tokens read so far, or time of training. Places along it come from the curves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg

from studio.core.curves import Curves
from studio.gui.language import mark, tr
from studio.gui.plots.thinning import Numbers

KINDS = {"step": mark("Steps"), "tokens": mark("Tokens"), "elapsed": mark("Time")}


class Across:
    """Turns steps into places and back. Before a run has measured tokens or time, places are steps."""

    def __init__(self) -> None:
        self.kind = "step"
        self._curves = Curves()

    def follow(self, curves: Curves) -> None:
        """Go by these curves."""
        self._curves = curves

    def is_known(self, kind: str) -> bool:
        """Whether the run measured it."""
        return kind == "step" or len(self._curves.by_name[kind]) > 0

    def places(self, steps: Numbers) -> Numbers:
        """Where steps are; nan stays nan."""
        if self.kind == "step" or not self.is_known(self.kind):
            return steps
        axis = self._curves.by_name[self.kind]
        return np.interp(steps, np.frombuffer(axis.steps, np.intc), np.frombuffer(axis.values))

    def place(self, step: float) -> float:
        """Where a step is."""
        return float(self.places(np.array([step]))[0])

    def step_at(self, place: float) -> float:
        """The step that is there."""
        if self.kind == "step" or not self.is_known(self.kind):
            return place
        axis = self._curves.by_name[self.kind]
        return float(np.interp(place, np.frombuffer(axis.values), np.frombuffer(axis.steps, np.intc)))


class AcrossAxis(pg.AxisItem):
    """Steps are whole numbers: no tick between two of them. Tokens are told in thousands and millions, time as a clock
    does."""

    def __init__(self, across: Across) -> None:
        super().__init__("bottom")
        self._across = across

    def tickValues(self, low: float, high: float, size: float) -> list[tuple[float, list[float]]]:
        """Qt's axis asks which; for time, round ones of a clock."""
        if self._across.kind != "elapsed":
            return super().tickValues(low, high, size)
        wanted = (high - low) / max(2.0, size / 110)
        spacing = next((step for step in _CLOCK if step >= wanted), 86400 * max(1, round(wanted / 86400)))
        first = int(np.ceil(low / spacing))
        return [(spacing, [number * spacing for number in range(first, int(high // spacing) + 1)])]

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:
        """The words of ticks."""
        told: dict[str, Any] = {"tokens": _tokens, "elapsed": _time}
        if self._across.kind in told:
            return [told[self._across.kind](value) if value >= 0 else "" for value in values]
        return [f"{value:,.0f}" if value == round(value) and value >= 0 else "" for value in values]


_CLOCK = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)  # seconds


def _tokens(value: float) -> str:
    for size, told in ((1e9, mark("{value:.4g} B")), (1e6, mark("{value:.4g} M")), (1e3, mark("{value:.4g} k"))):
        if value >= size:
            return tr(told, value=value / size)
    return f"{value:.0f}" if value == round(value) else ""


def _time(seconds: float) -> str:
    whole = round(seconds)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
