"""One curve as arrays ready to be drawn: the raw values, and the smoothed ones kept up to date point by point.

A training of a hundred thousand steps is drawn ten times a second, so only what is new is smoothed.
"""

from __future__ import annotations

import math
from array import array

import numpy as np
import numpy.typing as npt

from studio.core.curves import Curve
from studio.core.smoothing import Smoother

Numbers = npt.NDArray[np.float64]


class Trace:
    """Follows one `Curve`. `steps`, `raw` and `smoothed` are equally long; what is not finite is nan."""

    def __init__(self, weight: float = 0.0) -> None:
        self.steps: Numbers = np.empty(0)
        self.raw: Numbers = np.empty(0)
        self._smoothed = array("d")
        self._last = (math.nan, math.nan)
        self.set_weight(weight)

    def set_weight(self, weight: float) -> None:
        """Smooth anew, at the next `follow`, with this share of the past."""
        self._weight = weight
        self._forget()

    def _forget(self) -> None:
        self._smoother = Smoother(self._weight)
        self._smoothed = array("d")

    @property
    def smoothed(self) -> Numbers:
        """The smoothed values."""
        return _finite(self._smoothed)

    def follow(self, curve: Curve) -> None:
        """Take over what was added to the curve; begin again when what was smoothed already has been replaced."""
        known = len(self._smoothed)
        if known > len(curve) or (known and not _same((curve.steps[known - 1], curve.values[known - 1]), self._last)):
            self._forget()
            known = 0
        self._smoothed.extend(self._smoother.feed(curve.values[known:]))
        # Copies: an array that numpy looks into can't grow.
        self.steps, self.raw = np.array(curve.steps), _finite(curve.values)
        if len(curve):
            self._last = (curve.steps[-1], curve.values[-1])

    def nearest(self, step: float) -> int | None:
        """The index of the point nearest to a step; None when there is no point."""
        if not len(self.steps):
            return None
        right = int(np.searchsorted(self.steps, step))
        if right == 0:
            return 0
        if right == len(self.steps):
            return right - 1
        return right if self.steps[right] - step < step - self.steps[right - 1] else right - 1


def _finite(values: array[float]) -> Numbers:
    numbers = np.array(values)
    numbers[~np.isfinite(numbers)] = np.nan
    return numbers


def _same(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return one[0] == other[0] and (one[1] == other[1] or math.isnan(one[1]) and math.isnan(other[1]))
