"""The report on a reward model worked out: how well it judges held-out rows, and whether it only likes length.

Pure arithmetic over scores. What a report is, in its file and in words, is `core.reward_report`; when it is written is
`engine.reward`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from studio.core.intervals import wilson
from studio.core.reward_report import Bin, Report

BINS = 5
Scores = NDArray[np.float64]


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
