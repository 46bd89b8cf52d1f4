"""Intervals for measured shares."""

from __future__ import annotations

import math

Z95 = 1.959964  # the 97.5th percentile of the normal distribution


def wilson(successes: int, trials: int, z: float = Z95) -> tuple[float, float]:
    """Wilson's score interval for a share (Wilson 1927): (low, high), both within 0 to 1.

    Unlike mean +- z * deviation it stays right near 0 and 1 and for few trials. Raises ValueError for wrong counts.
    """
    if not 0 <= successes <= trials:
        raise ValueError(f"{successes} successes of {trials} trials")
    if trials == 0:
        return 0.0, 1.0
    share, spread = successes / trials, z * z / trials
    centre = share + spread / 2
    half = z * math.sqrt(share * (1 - share) / trials + spread / (4 * trials))
    # At the edges the formula is 0 or 1 up to rounding.
    low = (centre - half) / (1 + spread) if successes else 0.0
    high = (centre + half) / (1 + spread) if successes < trials else 1.0
    return low, high
