"""One curve as it is drawn: of a part of its steps, the raw values and the smoothed ones, thinned to a plot's width.

It looks into the curve's own arrays for as long as a call lasts, and keeps no copy of them: a run can have a million
steps. (An array that numpy looks into can't grow, so nothing that a call returns may share its memory.)
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right

import numpy as np
import numpy.typing as npt

from studio.core.curves import Curve
from studio.gui.plots.averages import Averages
from studio.gui.plots.thinning import BLOCK, GAP, Extremes, Numbers, Places, thinned

_EXACT = 256 * BLOCK  # points up to which all smoothed ones are worked out; of more, those at the ends of blocks


class Trace:
    """Follows one `Curve`. What is not finite is drawn as nan, a gap."""

    def __init__(self, weight: float = 0.0) -> None:
        self.curve = Curve()
        self.weight = weight
        self._edits, self._known = 0, 0
        self._extremes, self._averages = Extremes(), Averages(weight)

    def __len__(self) -> int:
        return len(self.curve)

    def set_weight(self, weight: float) -> None:
        """Smooth with this share of the past."""
        if weight != self.weight:
            self.weight, self._averages = weight, Averages(weight)
            self._averages.follow(_view(self.curve.values))

    def follow(self, curve: Curve) -> None:
        """Take over what was added to the curve; begin again when it is another one, or was changed."""
        if curve is not self.curve or curve.edits != self._edits or len(curve) < self._known:
            self.curve, self._edits = curve, curve.edits
            self._extremes, self._averages = Extremes(), Averages(self.weight)
        self._known = len(curve)
        values = _view(curve.values)
        self._extremes.follow(values)
        self._averages.follow(values)

    def within(self, first: float, last: float) -> tuple[int, int]:
        """The places of the points from a step to another, and one more to either side: from, and to before."""
        steps = self.curve.steps
        return max(0, bisect_left(steps, first) - 1), min(len(self.curve), bisect_right(steps, last) + 1)

    def raw(self, first: int, last: int, parts: int) -> tuple[Numbers, Numbers]:
        """Steps and values to draw of the points at these places."""
        values = _view(self.curve.values)
        return self._points(thinned(values, self._extremes, first, last, parts), values)

    def smoothed(self, first: int, last: int, parts: int) -> tuple[Numbers, Numbers]:
        """Steps and smoothed values to draw of the points at these places."""
        values = _view(self.curve.values)
        if last - first <= _EXACT:
            places = np.arange(first, last, max(1, (last - first) // (2 * parts)), dtype=np.int64)
            if len(places) and places[-1] != last - 1:
                places = np.append(places, last - 1)
            found = self._averages.smoothed(values, first, last)[places - first]
        else:
            begin, end = first // BLOCK, last // BLOCK
            blocks = np.arange(begin, end, max(1, (end - begin) // (2 * parts)), dtype=np.int64)
            newest = max(last - 1, 0)
            places = np.append(blocks * BLOCK + BLOCK - 1, newest)
            found = np.append(
                self._averages.at_ends(values, blocks), self._averages.smoothed(values, newest, newest + 1)
            )
        return _view(self.curve.steps)[places].astype(np.float64), found

    def is_positive(self) -> bool:
        """Whether a logarithmic axis can show all that is finite."""
        return self._extremes.lowest(_view(self.curve.values)) > 0

    def smoothed_at(self, place: int) -> float:
        """One smoothed value."""
        return float(self._averages.smoothed(_view(self.curve.values), place, place + 1)[0])

    def nearest(self, step: float) -> int | None:
        """The place of the point nearest to a step; None when there is no point."""
        steps = self.curve.steps
        if not len(self.curve):
            return None
        right = bisect_left(steps, step)
        if right == 0:
            return 0
        if right == len(steps):
            return right - 1
        return right if steps[right] - step < step - steps[right - 1] else right - 1

    def _points(self, places: Places, values: Numbers) -> tuple[Numbers, Numbers]:
        gaps = places == GAP
        steps = _view(self.curve.steps)[places].astype(np.float64)
        found = values[places]
        steps[gaps] = np.nan
        found[gaps | ~np.isfinite(found)] = np.nan
        return steps, found


def _view(numbers: array[int] | array[float]) -> npt.NDArray[np.float64]:
    """The array's own memory; the caller lets go of it before the array grows."""
    kind = np.intc if numbers.typecode == "i" else np.float64
    return np.frombuffer(numbers, kind) if len(numbers) else np.empty(0, kind)  # type: ignore[return-value]
