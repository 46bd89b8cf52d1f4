"""What a terminal shows of a run that learns from a reward: figures beside the bar, and a line for each evaluation."""

from __future__ import annotations

from studio.core.events import Event

# Of a step, by what they are called beside the bar. Those of PPO alone are absent elsewhere.
_STEP = {
    "score": "score",
    "reward": "reward",
    "kl": "KL",
    "kl_coef": "KL coef",
    "entropy": "entropy",
    "clip_fraction": "clipped",
    "value_loss": "value loss",
    "explained_variance": "explained",
    "response_length": "length",
    "ended": "ended",
}


def step_figures(event: Event) -> dict[str, str]:
    """The figures of a step; empty when it doesn't learn from a reward."""
    if event.number("score") is None:
        return {}
    found = {label: event.number(name) for name, label in _STEP.items()}
    told = {label: f"{value:.3g}" for label, value in found.items() if value is not None}
    for label, name in (("score", "score_sd"), ("reward", "reward_sd")):
        if label in told and (spread := event.number(name)) is not None:
            told[label] += f"±{spread:.2g}"
    return told


def evaluation_line(event: Event) -> str:
    """What an evaluation found, as a line; empty when it doesn't measure a score."""
    score, error = event.number("eval_score"), event.number("eval_score_error")
    if score is None:
        return ""
    told = f"Step {event.number('step') or 0:,.0f}: held-out score {score:.4g}"
    told += f" ± {error:.2g}" if error is not None else ""
    for name, label in (("eval_judge", "judge"), ("eval_kl", "KL"), ("eval_length", "length")):
        if (value := event.number(name)) is not None:
            told += f", {label} {value:.3g}"
    if (ended := event.number("eval_ended")) is not None:
        told += f", {ended:.0%} ended"
    return told + (" (the best so far)" if event.values.get("best") is True else "")
