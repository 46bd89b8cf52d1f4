"""Which points of a long curve to draw: of each part of a plot's width the lowest and the highest, so that no spike is
lost, and a gap where a value is no number. Every point that is drawn was logged.

A million points are looked at once, in blocks; afterwards only the blocks are. So that this takes no memory besides,
they are looked at some at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

BLOCK = 64
SOME = 1024  # blocks looked at at a time
GAP = -1

Numbers = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


def new_blocks(known: int, count: int) -> Iterator[tuple[int, int]]:
    """From which block to before which to look at, some at a time: so many are known, and there are so many values."""
    full = count // BLOCK
    for first in range(known, full, SOME):
        yield first, min(first + SOME, full)


class Extremes:
    """Of each full block of a curve: its lowest and its highest value, where they are, and whether it has gaps."""

    def __init__(self) -> None:
        self.low = self.high = np.empty(0)
        self.low_at = self.high_at = np.empty(0, np.int64)
        self.gaps = np.empty(0, np.bool_)

    def follow(self, values: Numbers) -> None:
        """Look at what was added."""
        for first, last in new_blocks(len(self.gaps), len(values)):
            self._join(_Parts.of(values[first * BLOCK : last * BLOCK], first * BLOCK).in_groups(BLOCK))

    def _join(self, found: _Parts) -> None:
        self.low, self.low_at = np.append(self.low, found.low), np.append(self.low_at, found.low_at)
        self.high, self.high_at = np.append(self.high, found.high), np.append(self.high_at, found.high_at)
        self.gaps = np.append(self.gaps, found.gaps)

    def parts(self, first: int, last: int) -> _Parts:
        """The blocks from `first` to before `last`."""
        cut = slice(first, last)
        return _Parts(self.low[cut], self.low_at[cut], self.high[cut], self.high_at[cut], self.gaps[cut])

    def lowest(self, values: Numbers) -> float:
        """The lowest finite value of the whole curve; inf when there is none."""
        rest = values[len(self.gaps) * BLOCK :]
        rest = rest[np.isfinite(rest)]
        return min(float(part.min()) if len(part) else np.inf for part in (self.low, rest))


class _Parts:
    """Consecutive parts of a curve. Where a part has nothing finite, low is inf and high -inf."""

    def __init__(self, low: Numbers, low_at: Places, high: Numbers, high_at: Places, gaps: Flags) -> None:
        self.low, self.low_at, self.high, self.high_at, self.gaps = low, low_at, high, high_at, gaps

    @staticmethod
    def of(values: Numbers, first: int) -> _Parts:
        """Each value as a part of its own; `first` is the place of the first one."""
        finite, at = np.isfinite(values), np.arange(first, first + len(values), dtype=np.int64)
        return _Parts(np.where(finite, values, np.inf), at, np.where(finite, values, -np.inf), at, ~finite)

    def in_groups(self, size: int) -> _Parts:
        """So many parts joined at a time."""
        count = -(-len(self.low) // size)
        rows = np.arange(count)

        def grouped(values: Any, otherwise: float) -> Any:
            missing = count * size - len(values)
            whole = values if not missing else np.concatenate([values, np.full(missing, otherwise, values.dtype)])
            return whole.reshape(count, size)

        low, high = grouped(self.low, np.inf), grouped(self.high, -np.inf)
        lowest, highest = low.argmin(axis=1), high.argmax(axis=1)
        return _Parts(
            low[rows, lowest],
            grouped(self.low_at, 0)[rows, lowest],
            high[rows, highest],
            grouped(self.high_at, 0)[rows, highest],
            grouped(self.gaps, False).any(axis=1),
        )

    def places(self) -> Places:
        """The places of lows and highs in the order of the curve, with GAP after a part that has gaps."""
        ends = np.stack([np.minimum(self.low_at, self.high_at), np.maximum(self.low_at, self.high_at)])
        ends = np.concatenate([ends, np.full((1, len(self.low)), GAP, np.int64)])
        there = np.isfinite(self.low)
        wanted = np.stack([there, there & (self.low_at != self.high_at), self.gaps])
        return ends.T[wanted.T]


def thinned(values: Numbers, extremes: Extremes, first: int, last: int, parts: int) -> Places:
    """The places to draw of those from `first` to before `last`: all when there are few, else about two a part."""
    count = last - first
    if count <= 4 * parts:
        return np.arange(first, last, dtype=np.int64)
    if count < 2 * BLOCK * parts:
        return _Parts.of(values[first:last], first).in_groups(-(-count // parts)).places()
    begin, end = first // BLOCK, min(last // BLOCK, len(extremes.gaps))
    blocks = extremes.parts(begin, end).in_groups(-(-(end - begin) // parts)).places()
    rest = values[end * BLOCK : last]  # what fills no block yet
    if not len(rest):
        return blocks
    return np.concatenate([blocks, _Parts.of(rest, end * BLOCK).in_groups(len(rest)).places()])
