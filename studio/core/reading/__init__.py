"""Readings: a sentence or two on how a run stands now, made from its curves alone.

They say what is likely, by which figures, and what would help; they never stop a run. Of several things the most
pressing is said. What a single metric means is `core.metrics`.
"""

from __future__ import annotations

from studio.core.curves import Curves
from studio.core.reading.losses import reading_of_losses
from studio.core.reading.rewards import reading_of_rewards
from studio.core.reading.words import Reading

__all__ = ["Reading", "reading_of"]


def reading_of(curves: Curves, method: str) -> Reading | None:
    """How a run of that method stands; None before its first step. It looks at few points, however long the run is."""
    return reading_of_rewards(curves) if curves.by_name["score"] else reading_of_losses(curves, method)
