"""The reading of a run that learns from examples or preferences, out of its losses, accuracies and margins."""

from __future__ import annotations

import math
from bisect import bisect_right

from studio.core.curves import Curve, Curves
from studio.core.reading.words import FEW, TOO_FEW, WINDOW, Reading, mean, noise_between, short

_ENOUGH = 2 * WINDOW  # so that "at the start" and "now" are different points
_RISES = 3  # evaluations in a row; one or two are noise
_FAR = 20.0  # nats an answer: at that distance a model seldom writes anything that its reference would


def reading_of_losses(curves: Curves, method: str) -> Reading | None:
    """How a run of that method stands; None before its first step. It looks at few points, however long the run is."""
    loss = curves.by_name["loss"]
    if not loss:
        return None
    first = _not_finite(curves) or _rising(loss) or _memorising(curves) or _certain(curves) or _drifting(curves)
    if first is not None:
        return first
    if len(loss) < FEW:
        return TOO_FEW
    return (_both_fall(curves) if method == "dpo" else None) or _guessing(curves) or _trend(curves)


def _not_finite(curves: Curves) -> Reading | None:
    for name, label in (("loss", "Loss"), ("eval_loss", "Eval loss")):
        curve = curves.by_name[name]
        if curve and not math.isfinite(curve.values[-1]):
            return Reading(
                f"{label} is not a finite number at step {curve.steps[-1]:,.0f}. The weights seldom recover from that: "
                "start again with a lower learning rate.",
                True,
            )
    return None


def _rising(loss: Curve) -> Reading | None:
    if len(loss) < _ENOUGH:
        return None
    start, now = mean(loss.values[:WINDOW]), mean(loss.values[-WINDOW:])
    if start <= 0 or now < 1.25 * start:
        return None
    return Reading(
        f"Loss is higher than at the start ({short(now)}, after {short(start)}): the learning rate is likely too high.",
        True,
    )


def _memorising(curves: Curves) -> Reading | None:
    measured = curves.by_name["eval_loss"]
    values = measured.values
    rises = 0
    while rises + 1 < len(values) and values[-1 - rises] > values[-2 - rises]:
        rises += 1
    if rises < _RISES:
        return None
    best = _best(measured)
    if values[-1] - values[best] < 0.01 * abs(values[best]):
        return None
    at = measured.steps[best]
    told = f"Eval loss has risen for {rises} evaluations"
    accuracy = curves.by_name["eval_accuracy"].values
    if len(accuracy) > 1 and accuracy[-1] >= max(accuracy):
        return Reading(
            f"{told}, yet held-out accuracy is at its best ({short(accuracy[-1])}): the model grows surer than it "
            f"should be, not worse. The lowest eval loss was at step {at:,.0f}."
        )
    loss = curves.by_name["loss"]
    then = bisect_right(loss.steps, at)
    falls = mean(loss.values[-WINDOW:]) < mean(loss.values[max(0, then - WINDOW) : then])
    why = "likely memorising" if falls else "loss does not fall either, so the learning rate may be too high"
    return Reading(f"{told}: {why}; the best was at step {at:,.0f}.", True)


def _certain(curves: Curves) -> Reading | None:
    accuracy, held_out = curves.by_name["accuracy"].values, curves.by_name["eval_accuracy"].values
    if len(accuracy) < WINDOW or not min(accuracy[-WINDOW:]) >= 0.999:
        return None
    told = "Accuracy has been 1.0 for a while"
    if not held_out:
        return Reading(f"{told}: the model may be memorising what it trains on. Hold some rows out to know.", True)
    if held_out[-1] < 0.9:
        return Reading(
            f"{told}, but it is {short(held_out[-1])} on held-out rows: the model is likely memorising what it "
            "trains on.",
            True,
        )
    return Reading(f"{told}, and it is {short(held_out[-1])} on held-out rows: more passes would add little.")


def _drifting(curves: Curves) -> Reading | None:
    values = curves.by_name["kl"].values
    if len(values) < 2 * _ENOUGH:
        return None
    half = len(values) // 2
    then, now = mean(values[half - WINDOW // 2 : half + WINDOW // 2]), mean(values[-WINDOW:])
    if now < _FAR or now < 1.5 * then:
        return None
    return Reading(
        f"The model moves ever further from its start: {short(now)} nats an answer now, {short(then)} halfway. "
        "A larger beta or a lower learning rate holds it back.",
        True,
    )


def _both_fall(curves: Curves) -> Reading | None:
    """DPO compares two answers, so it may make both less likely; Rafailov et al. 2024 (From r to Q*) explain why."""
    chosen, margin = curves.by_name["chosen"].values, curves.by_name["margin"].values
    if len(chosen) < WINDOW or len(margin) < WINDOW:
        return None
    reward, ahead = mean(chosen[-WINDOW:]), mean(margin[-WINDOW:])
    if reward >= 0 or ahead <= 0:
        return None
    return Reading(
        f"The chosen answers' reward is below zero ({short(reward)}): both answers have become less likely, the "
        f"rejected ones more so. That is usual for DPO; what counts is the margin, {short(ahead)} now."
    )


def _guessing(curves: Curves) -> Reading | None:
    held_out = curves.by_name["eval_accuracy"].values
    if len(held_out) < _RISES or abs(held_out[-1] - 0.5) > 0.03:
        return None
    return Reading(
        f"Accuracy is {short(held_out[-1])} on held-out rows, about what guessing gives. More rows, more passes or a "
        "higher learning rate may help."
    )


def _trend(curves: Curves) -> Reading:
    loss, measured = curves.by_name["loss"], curves.by_name["eval_loss"]
    part = max(FEW // 2, min(WINDOW, len(loss) // 3))
    first, latest = loss.values[:part], loss.values[-part:]
    start, now = mean(first), mean(latest)
    best, last = _best(measured) if measured else -1, len(measured) - 1
    confirmed = now < start and last > 0 and best == last  # by rows that are never trained on
    if abs(now - start) < 0.01 * abs(start):
        told = f"Loss has hardly changed since the start ({short(start)}, then {short(now)})"
    elif abs(now - start) < noise_between(first, latest) and not confirmed:
        told = f"Loss goes up and down, without a trend so far ({short(start)} at the start, {short(now)} now)"
    elif now > start:
        told = f"Loss has risen from {short(start)} to {short(now)}"
    else:
        told = f"Loss has fallen from {short(start)} to {short(now)}"
    if best == last:  # also where nothing was measured
        also = f", and eval loss is the lowest so far ({short(measured.values[last])})" if last > 0 else ""
        return Reading(f"{told}{also}.")
    return Reading(
        f"{told}. Eval loss is {short(measured.values[last])}; the lowest, {short(measured.values[best])}, was at "
        f"step {measured.steps[best]:,.0f}."
    )


def _best(curve: Curve) -> int:
    """The index of the lowest finite value."""
    return min(range(len(curve)), key=lambda at: curve.values[at] if math.isfinite(curve.values[at]) else math.inf)
