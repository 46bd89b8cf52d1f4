"""The reading of a run that learns from a reward: what `core.alarms` sees, or else how its score and distance stand."""

from __future__ import annotations

import math

from studio.core.alarms import alarms_of
from studio.core.curves import Curves
from studio.core.methods import RewardedSettings
from studio.core.reading.words import FEW, TOO_FEW, WINDOW, Reading, mean, short

_SELDOM = 0.5  # of the answers come to their end


def reading_of_rewards(curves: Curves) -> Reading | None:
    """How the run stands; None before its first step."""
    scores = curves.by_name["score"].values
    if not scores:
        return None
    if not math.isfinite(scores[-1]):
        step = curves.by_name["score"].steps[-1]
        return Reading(f"The score is not a finite number at step {step:,.0f}. Look at what gives it.", True)
    budgets = curves.by_name["kl_budget"].values
    alarms = alarms_of(curves, RewardedSettings(kl_budget=budgets[-1] if budgets else math.inf))
    if alarms:
        return Reading(alarms[0].what, True)  # what would help is said where the alarm began
    if len(scores) < FEW:
        return TOO_FEW
    return _all_alike(curves) or _cut_off(curves) or _trend(curves)


def _all_alike(curves: Curves) -> Reading | None:
    spreads = curves.by_name["score_sd"].values[-FEW:]
    if not spreads or any(spread > 1e-6 for spread in spreads):
        return None
    return Reading(
        "All answers of a step score the same, so there is nothing to learn from them: prompts that are neither too "
        "easy nor too hard, a higher temperature or another reward would help.",
        True,
    )


def _cut_off(curves: Curves) -> Reading | None:
    share = mean(curves.by_name["ended"].values[-WINDOW:])
    if not share < _SELDOM:
        return None
    return Reading(
        f"Only {share:.0%} of the answers come to their end; the others are cut off. Allow longer answers, reward "
        "ending (“Penalty for not ending”), or fine-tune on examples that end first.",
        True,
    )


def _trend(curves: Curves) -> Reading:
    scores = curves.by_name["score"].values
    part = max(FEW // 2, min(WINDOW, len(scores) // 3))
    start, now = mean(scores[:part]), mean(scores[-part:])
    noise = mean(curves.by_name["score_sd"].values[-part:])
    measured, held = curves.by_name["eval_score"].values, ""
    if len(measured) > 1:
        held = f"; on held-out prompts it was {short(measured[0])} and is {short(measured[-1])}"
    if math.isnan(noise) or abs(now - start) > 0.05 * noise:
        told = f"The score has {'risen' if now > start else 'fallen'} from {short(start)} to {short(now)}{held}."
    else:
        told = f"The score has hardly changed since the start ({short(start)}, then {short(now)}){held}."
    distance, budgets = mean(curves.by_name["kl"].values[-part:]), curves.by_name["kl_budget"].values
    if not math.isnan(distance):
        whole = f"; its budget is {short(budgets[-1])}" if budgets else ""
        told += f" The model is {short(distance)} nats an answer from its start{whole}."
    return Reading(told)
