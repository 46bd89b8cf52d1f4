"""Alarms: what goes wrong when a model learns from a reward, told from a run's curves alone.

The worker says each as a `warning` event once, when it begins. They never stop a run. How a run stands in general is
`core.reading`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import StatisticsError, correlation, fmean

from studio.core.curves import Curves
from studio.core.methods import RewardedSettings
from studio.core.training_settings import LAST

_WINDOW = 5  # steps whose mean stands for "now" or "at the start": single steps are noisy
_ENOUGH = 20  # steps, before length and score are compared
_NEGATIVE = -1.0  # nats an answer; chance alone gives a little less than 0 at the start (TRL warns here too)
_COLLAPSED = 0.2  # of the entropy at the start
_LONGER, _TOGETHER = 1.5, 0.7  # times the length at the start, and its correlation with the score


@dataclass(frozen=True, slots=True)
class Alarm:
    """What goes wrong, and what would help."""

    name: str
    what: str
    hint: str


def alarms_of(curves: Curves, settings: RewardedSettings) -> list[Alarm]:
    """What is going wrong now."""
    found = (alarm(curves, settings) for alarm in _ALARMS)
    return [alarm for alarm in found if alarm is not None]


def _kl_runaway(curves: Curves, settings: RewardedSettings) -> Alarm | None:
    now = _now(curves, "kl")
    if not now > settings.kl_budget:
        return None
    hint = "Raise the KL penalty or lower the learning rate; the best checkpoint within the budget is kept."
    if settings.keep == LAST or settings.held_out <= 0:
        hint = "Raise the KL penalty or lower the learning rate."
    return Alarm(
        "kl runaway",
        f"The model is {now:.3g} nats an answer away from its start, beyond the budget of {settings.kl_budget:g}.",
        hint,
    )


def _kl_negative(curves: Curves, settings: RewardedSettings) -> Alarm | None:
    now = _now(curves, "kl")
    if not now < _NEGATIVE:
        return None
    return Alarm(
        "negative KL",
        f"The distance from the start is measured as {now:.3g} nats, which can't be: answers are not written with the "
        "odds that they are learned with.",
        "Train in 32 bits, and with temperature 1.",
    )


def _entropy_collapse(curves: Curves, settings: RewardedSettings) -> Alarm | None:
    then, now = _start(curves, "entropy"), _now(curves, "entropy")
    if not now < _COLLAPSED * then:
        return None
    return Alarm(
        "entropy collapse",
        f"The model hardly hesitates any more (entropy {now:.2g} nats a token, {then:.2g} at the start), so it tries "
        "nothing new.",
        "Raise the KL penalty, lower the learning rate, or give an entropy bonus.",
    )


def _length_hacking(curves: Curves, settings: RewardedSettings) -> Alarm | None:
    lengths, scores = curves.by_name["response_length"].values, curves.by_name["score"].values
    if len(lengths) < _ENOUGH or len(lengths) != len(scores):
        return None
    then, now = _start(curves, "response_length"), _now(curves, "response_length")
    if not now > _LONGER * then or not _together(lengths, scores) > _TOGETHER:
        return None
    return Alarm(
        "length hacking",
        f"Answers have grown from {then:.0f} to {now:.0f} tokens, and the score goes with their length: long may be "
        "all that is rewarded.",
        "Give a penalty for length, or a reward model that doesn't like length.",
    )


def _judge_disagrees(curves: Curves, settings: RewardedSettings) -> Alarm | None:
    scores, judged = curves.by_name["eval_score"].values, curves.by_name["eval_judge"].values
    if len(scores) < 3 or len(judged) < 3:
        return None
    rises = scores[-3] < scores[-2] < scores[-1] and scores[-1] > scores[0]
    falls = judged[-3] > judged[-2] > judged[-1] and judged[-1] < judged[0]
    if not (rises and falls):
        return None
    return Alarm(
        "judge disagrees",
        f"The held-out score rises ({scores[0]:.3g} to {scores[-1]:.3g}) while the judge's falls ({judged[0]:.3g} to "
        f"{judged[-1]:.3g}): the reward is being tricked.",
        "Take an earlier checkpoint, and raise the KL penalty or train a better reward model.",
    )


_ALARMS: tuple[Callable[[Curves, RewardedSettings], Alarm | None], ...] = (
    _kl_runaway,
    _kl_negative,
    _entropy_collapse,
    _length_hacking,
    _judge_disagrees,
)


def _now(curves: Curves, name: str) -> float:
    values = curves.by_name[name].values[-_WINDOW:]
    return fmean(values) if len(values) == _WINDOW else math.nan


def _start(curves: Curves, name: str) -> float:
    values = curves.by_name[name].values
    return fmean(values[:_WINDOW]) if len(values) >= 2 * _WINDOW else math.nan


def _together(left: Sequence[float], right: Sequence[float]) -> float:
    try:
        return correlation(left, right)
    except (StatisticsError, ValueError):  # one of them never changes
        return 0.0
