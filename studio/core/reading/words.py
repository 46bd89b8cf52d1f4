"""What all readings share: a sentence, and figures as they stand in one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
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


def short(value: float) -> str:
    """A figure in a sentence."""
    return f"{value:.3g}"
