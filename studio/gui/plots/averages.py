"""`core.smoothing` for whole arrays: the same averages, to rounding, in a hundredth of the time.

The averages at the ends of a curve's blocks are kept, so that any part of it can be smoothed without what was before.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from studio.gui.plots.thinning import BLOCK, Numbers, Places, new_blocks


class Averages:
    """Moving averages with bias correction of one growing curve; values that are not finite do not enter them."""

    def __init__(self, weight: float) -> None:
        self.weight = weight
        self._ends, self._counts = np.empty(0), np.empty(0)  # after each full block: the average, and how many entered

    def follow(self, values: Numbers) -> None:
        """Look at what was added."""
        for first, last in new_blocks(len(self._ends), len(values)):
            averages, counts = self._run(values[first * BLOCK : last * BLOCK], first)
            self._ends = np.append(self._ends, averages[BLOCK - 1 :: BLOCK])
            self._counts = np.append(self._counts, counts[BLOCK - 1 :: BLOCK])

    def smoothed(self, values: Numbers, first: int, last: int) -> Numbers:
        """The values from `first` to before `last` smoothed; what is not finite is nan."""
        begin = first // BLOCK
        averages, counts = self._run(values[begin * BLOCK : last], begin)
        return self._corrected(averages, counts, values[begin * BLOCK : last])[first - begin * BLOCK :]

    def at_ends(self, values: Numbers, blocks: Places) -> Numbers:
        """What is smoothed at the last places of full blocks."""
        return self._corrected(self._ends[blocks], self._counts[blocks], values[blocks * BLOCK + BLOCK - 1])

    def _corrected(self, averages: Numbers, counts: Numbers, raw: Numbers) -> Numbers:
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(np.isfinite(raw), averages / (1.0 - self.weight**counts), np.nan)

    def _run(self, values: Numbers, block: int) -> tuple[Numbers, Numbers]:
        """Averages and counts after each value, when the first one is that of a block."""
        average, count = (self._ends[block - 1], self._counts[block - 1]) if block else (0.0, 0.0)
        finite = np.isfinite(values)
        counts = np.cumsum(finite)
        averages = np.concatenate([[average], _averages(values[finite], self.weight, average)])
        return averages[counts], counts + count


def _averages(values: Numbers, weight: float, average: float) -> Numbers:
    """a = weight * a + (1 - weight) * value, for each value: within blocks by one product of matrices."""
    mixing, decay = _weights(weight)
    full = len(values) // BLOCK
    within = values[: full * BLOCK].reshape(full, BLOCK) @ mixing
    before = np.empty(full)
    for block, end in enumerate(within[:, -1].tolist()):
        before[block] = average
        average = end + decay[-1] * average
    rest = values[full * BLOCK :]
    last = rest @ mixing[: len(rest), : len(rest)] + average * decay[: len(rest)]
    return np.concatenate([(within + before[:, None] * decay).ravel(), last])


@lru_cache(maxsize=8)
def _weights(weight: float) -> tuple[Numbers, Numbers]:
    """The share that each value of a block has in the average after each, and what is left of the one before."""
    ages = np.arange(BLOCK)[None, :] - np.arange(BLOCK)[:, None]
    mixing = np.where(ages >= 0, (1.0 - weight) * weight ** np.maximum(ages, 0), 0.0)
    return mixing, weight ** np.arange(1.0, BLOCK + 1)
