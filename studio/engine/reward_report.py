"""The report on a reward model: how well it judges held-out rows, how sure it may be, and whether it only likes length.

Pure arithmetic over scores; when it is written is `engine.reward`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from studio.core.intervals import wilson
from studio.storage.files import write_whole

FILE = "report.json"
BINS = 5
LENGTH_EXPLAINS = 0.5  # |r| above which length alone tells a good part of the reward
Scores = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Bin:
    """Comparisons in which the model was `sure` to between `low` and `high`, and the share of them that it got right.

    A well calibrated model is right as often as it is sure."""

    low: float
    high: float
    n: int
    sure: float
    right: float


@dataclass(frozen=True, slots=True)
class Report:
    """Held-out figures. accuracy: share of n independent comparisons that it got right; interval: Wilson's, at 95 %."""

    kind: str
    step: int
    n: int
    accuracy: float
    interval: tuple[float, float]
    calibration: tuple[Bin, ...]
    chosen_mean: float
    chosen_sd: float
    rejected_mean: float
    rejected_sd: float
    length_correlation: float

    @property
    def length_explains(self) -> bool:
        """Whether rewards go with the answers' lengths more than they should."""
        return abs(self.length_correlation) > LENGTH_EXPLAINS

    def write(self, folder: Path) -> None:
        """Put it into the run's folder. Raises OSError or StudioError."""
        values = {"format": 1, **asdict(self)}
        write_whole(folder / FILE, json.dumps(values, indent=2, ensure_ascii=False) + "\n")


def report_on(kind: str, step: int, scores: Scores, lengths: Scores, places: Sequence[tuple[int, int]]) -> Report:
    """The report. scores and lengths [answers]: rewards, and tokens of each answer; places: (better, worse) answers."""
    better = np.array([scores[place] for place, _ in places])
    worse = np.array([scores[place] for _, place in places])
    right = int((better > worse).sum())
    return Report(
        kind,
        step,
        len(places),
        right / max(len(places), 1),
        wilson(right, len(places)),
        tuple(calibration(better, worse)),
        *_mean_and_sd(better),
        *_mean_and_sd(worse),
        correlation(scores, lengths),
    )


def calibration(better: Scores, worse: Scores) -> list[Bin]:
    """Comparisons by how sure the model was of the answer that it preferred (Bradley-Terry: sigmoid of the difference),
    in bins from a half to 1. Empty bins are left out."""
    sure = 1 / (1 + np.exp(-np.abs(better - worse)))
    right = better > worse
    edges = np.linspace(0.5, 1.0, BINS + 1)
    which = np.clip(np.digitize(sure, edges) - 1, 0, BINS - 1)
    found: list[Bin] = []
    for place in range(BINS):
        own = which == place
        if own.any():
            low, high = round(float(edges[place]), 3), round(float(edges[place + 1]), 3)
            found.append(Bin(low, high, int(own.sum()), float(sure[own].mean()), float(right[own].mean())))
    return found


def correlation(left: Scores, right: Scores) -> float:
    """Pearson's r; 0 where one of the two never changes."""
    if len(left) < 2 or left.std() == 0 or right.std() == 0:
        return 0.0
    return float(np.corrcoef(left, right)[0, 1])


def _mean_and_sd(values: Scores) -> tuple[float, float]:
    return (float(values.mean()), float(values.std())) if len(values) else (0.0, 0.0)
