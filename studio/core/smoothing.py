"""The one smoothing of curves, for everything that is drawn. The window does the same to whole arrays at once."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence


class Smoother:
    """Exponential moving average with bias correction (Kingma and Ba 2015, section 3, as for Adam's moments).

    weight: share of the past kept at each point, 0 (none) up to but not including 1. Values may come in parts, so that
    a growing curve costs what was added to it. Raises ValueError for another weight.
    """

    def __init__(self, weight: float) -> None:
        if not 0.0 <= weight < 1.0:
            raise ValueError(f"weight is {weight}; it must be at least 0 and below 1")
        self._weight = weight
        self._average, self._kept = 0.0, 1.0

    def feed(self, values: Iterable[float]) -> list[float]:
        """As many smoothed values. Points that are not finite stay as they are and do not enter the average."""
        result: list[float] = []
        for value in values:
            if math.isfinite(value):
                self._average = self._weight * self._average + (1.0 - self._weight) * value
                self._kept *= self._weight
                value = self._average / (1.0 - self._kept)
            result.append(value)
        return result


def smooth(values: Sequence[float], weight: float) -> list[float]:
    """A whole curve smoothed at once; see `Smoother`."""
    return Smoother(weight).feed(values)
