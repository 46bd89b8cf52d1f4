"""Keeping: which evaluation was the best so far, and whether so many were no better that the run ends early.

What is counted is saved with every checkpoint, so that a resumed run decides as the uninterrupted one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from studio.core.methods import RewardedSettings, TrainSettings
from studio.core.training_settings import HIGHEST_ACCURACY, LAST


class Keeping:
    """The best evaluation so far, by eval loss, by held-out accuracy, or by held-out score among those within the KL
    budget. step: 0 before the first one.

    waited: evaluations since then. keeps: whether its weights become the result.
    """

    def __init__(self, settings: TrainSettings, step: int = 0, value: float | None = None, waited: int = 0) -> None:
        rewarded = isinstance(settings, RewardedSettings)
        self._budget = settings.kl_budget if rewarded else math.inf
        self._name = "eval_score" if rewarded else "eval_accuracy" if settings.keep == HIGHEST_ACCURACY else "eval_loss"
        self._patience = settings.patience
        self.keeps = settings.keep != LAST
        self.step, self.value, self.waited = step, value, waited

    @property
    def exhausted(self) -> bool:
        """Whether the run should end early."""
        return 0 < self._patience <= self.waited

    def take(self, step: int, figures: Mapping[str, float]) -> bool:
        """Take an evaluation into account. Returns whether it is the best so far."""
        value = figures.get(self._name)
        if value is None:
            return False
        better = math.isfinite(value) and figures.get("eval_kl", 0.0) <= self._budget
        if better and self.value is not None:
            better = value < self.value if self._name == "eval_loss" else value > self.value
        if better:
            self.step, self.value, self.waited = step, value, 0
        else:
            self.waited += 1
        return better
