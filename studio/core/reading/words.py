"""What all readings share: a sentence, and figures as they stand in one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean

FEW = 10  # points; before that a curve says nothing
WINDOW = 20  # points whose mean stands for "now": the noise of single steps is often a tenth of the loss


@dataclass(frozen=True, slots=True)
class Reading:
    """What to say, and whether it asks for something to be done."""

    sentence: str
    worrying: bool = False


TOO_FEW = Reading("Ten steps or more are needed before the curves tell anything.")


def mean(values: Sequence[float]) -> float:
    """The mean of what is finite; nan of nothing."""
    finite = [value for value in values if math.isfinite(value)]
    return fmean(finite) if finite else math.nan


def noise_between(one: Sequence[float], other: Sequence[float]) -> float:
    """How far apart the means of two stretches of a curve may lie by chance: two standard errors of their difference.

    The noise is what neighbours differ by (von Neumann 1941), so that a curve's own slope doesn't count as noise.
    """
    variances = 0.0
    for part in (one, other):
        finite = [value for value in part if math.isfinite(value)]
        if len(finite) > 1:
            steps = [after - before for before, after in pairwise(finite)]
            variances += fmean(step * step for step in steps) / 2 / len(finite)
    return 2 * math.sqrt(variances)


def short(value: float) -> str:
    """A figure in a sentence."""
    return f"{value:.3g}"
