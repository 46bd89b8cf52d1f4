"""Metrics: the numbers that a worker reports, what each means, and which of them a method's page shows.

What they add up to over a run is `core.curves`, smoothing them `core.smoothing`; drawing is the window's.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Metric:
    """A number that a worker reports. `lower_is_better` is None where neither direction is better.

    spread: the metric that is its standard deviation, drawn as a band around it. is_limit: set, not measured.
    spans_orders: its values can be orders of magnitude apart, which a logarithmic axis shows.
    """

    name: str
    label: str
    reading: str
    unit: str = ""
    lower_is_better: bool | None = None
    spread: str = ""
    is_limit: bool = False
    spans_orders: bool = False

    @property
    def is_held_out(self) -> bool:
        """Measured now and then on held-out rows, not at every step."""
        return self.name.startswith("eval_")


METRICS: tuple[Metric, ...] = (
    Metric(
        "loss",
        "Loss",
        "How surprised the model is by the answers it learns from. It should fall, fast then slowly.",
        lower_is_better=True,
        spans_orders=True,
    ),
    Metric(
        "eval_loss",
        "Eval loss",
        "The same on examples it never trains on. When it rises while loss falls, the model is memorising.",
        lower_is_better=True,
        spans_orders=True,
    ),
    Metric(
        "lr",
        "Learning rate",
        "How far each step moves the weights: up during the warm-up, then as scheduled.",
        spans_orders=True,
    ),
    Metric(
        "grad_norm",
        "Gradient norm",
        "How strongly a step pulls. Spikes are normal; a steady climb is a warning.",
        spans_orders=True,
    ),
    Metric("tokens_per_second", "Speed", "Tokens read per second.", unit="tokens/s", lower_is_better=False),
    Metric(
        "accuracy",
        "Accuracy",
        "How often the preferred answer gets the higher reward. Half is guessing; 1.0 for long is memorising.",
        lower_is_better=False,
    ),
    Metric(
        "eval_accuracy",
        "Held-out accuracy",
        "The same on rows that are never trained on: the figure to believe.",
        lower_is_better=False,
    ),
    Metric(
        "margin",
        "Margin",
        "By how much the preferred answer's reward is higher. It should rise, and slow down.",
        lower_is_better=False,
    ),
    Metric(
        "chosen",
        "Reward of chosen",
        "How much likelier preferred (or good) answers are than at the start. It may fall; what counts is the margin.",
    ),
    Metric("rejected", "Reward of rejected", "The same for the other answers. It should fall below theirs."),
    Metric(
        "kl",
        "KL from the start",
        "How far the model has moved from the reference, in nats an answer. A steady climb means that it drifts.",
        spans_orders=True,
    ),
    Metric(
        "reward",
        "Reward",
        "What is learned from: the score, put on one scale, minus the KL penalty. It should rise; expect much noise. "
        "The band is its spread over a step's answers: where it is flat, all are alike and nothing is learned.",
        lower_is_better=False,
        spread="reward_sd",
    ),
    Metric(
        "reward_sd",
        "Spread of the reward",
        "How unequal the rewards of a step's answers are. Near 0 all answers are alike and nothing is learned.",
    ),
    Metric(
        "score",
        "Score",
        "What the reward model and the rules give an answer, without the KL penalty. It should rise, and level off. "
        "The band is its spread over a step's answers.",
        lower_is_better=False,
        spread="score_sd",
    ),
    Metric("score_sd", "Spread of the score", "How unequal the scores of a step's answers are."),
    Metric(
        "eval_score",
        "Held-out score",
        "The same on prompts that are never trained on: the figure to believe.",
        lower_is_better=False,
    ),
    Metric(
        "eval_judge",
        "Held-out judge",
        "What the judge, which never rewards, gives the same answers. When it falls while the score rises, the reward "
        "is being tricked.",
        lower_is_better=False,
    ),
    Metric("eval_kl", "Held-out KL", "The distance from the start, on prompts that are never trained on."),
    Metric("kl_budget", "KL budget", "The distance up to which a checkpoint counts as good.", is_limit=True),
    Metric(
        "kl_coef",
        "KL penalty",
        "How strongly distance is punished. With adaptive control it rises while the model is further than aimed at.",
    ),
    Metric(
        "entropy",
        "Entropy",
        "How undecided the model is about the next token, in nats. It falls slowly; near 0 it repeats itself.",
    ),
    Metric(
        "clip_fraction",
        "Clip fraction",
        "Share of tokens whose change was cut off. 0.05 to 0.3 is healthy; far more means too high a learning rate.",
    ),
    Metric("policy_loss", "Policy loss", "It jumps around zero and says little; look at the score."),
    Metric(
        "value_loss",
        "Value loss",
        "How far off the value model is when it foretells rewards. It should fall, then level off.",
        lower_is_better=True,
        spans_orders=True,
    ),
    Metric(
        "explained_variance",
        "Explained variance",
        "How much of the rewards the value model foresees: 1 is all, 0 none, below 0 worse than guessing.",
        lower_is_better=False,
    ),
    Metric(
        "response_length",
        "Answer length",
        "Tokens of an answer. If it climbs with the score, length may be what is rewarded.",
        unit="tokens",
    ),
    Metric(
        "ended",
        "Answers that ended",
        "Share of answers that came to their end before the longest length. It should be near 1.",
        lower_is_better=False,
    ),
    Metric(
        "approx_kl",
        "Change of an update",
        "How far the last pass of a step moved the model from the answers it learns from, in nats a token.",
    ),
)
_BY_NAME = {metric.name: metric for metric in METRICS}
METRIC_NAMES = tuple(metric.name for metric in METRICS)

_OF_GROUPS = (
    ("score", "eval_score"),
    ("kl", "kl_budget"),
    ("reward",),
    ("eval_judge", "eval_score"),
    ("response_length",),
    ("ended",),
    ("entropy",),
    ("policy_loss",),
    ("lr",),
    ("grad_norm",),
)

# What each method's page shows: the first large, with its second metric drawn into the same plot; the rest beneath.
PLOTS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "sft": (("loss", "eval_loss"), ("lr",), ("grad_norm",), ("tokens_per_second",)),
    "pretrain": (("loss", "eval_loss"), ("lr",), ("grad_norm",), ("tokens_per_second",)),
    "reward": (("loss", "eval_loss"), ("accuracy", "eval_accuracy"), ("margin",), ("lr",), ("grad_norm",)),
    "dpo": (
        ("loss", "eval_loss"),
        ("accuracy", "eval_accuracy"),
        ("margin",),
        ("chosen", "rejected"),
        ("kl",),
        ("lr",),
    ),
    "kto": (("loss", "eval_loss"), ("chosen", "rejected"), ("margin",), ("kl",), ("lr",), ("grad_norm",)),
    "ppo": (
        ("score", "eval_score"),
        ("kl", "kl_budget"),
        ("reward",),
        ("eval_judge", "eval_score"),
        ("response_length",),
        ("ended",),
        ("entropy",),
        ("kl_coef",),
        ("clip_fraction", "approx_kl"),
        ("value_loss", "policy_loss"),
        ("explained_variance",),
        ("lr",),
        ("grad_norm",),
    ),
    "rloo": _OF_GROUPS,
    "grpo": _OF_GROUPS,
}

# PPO's figures as TRL's documentation of its PPOTrainer names them, and as they are named here. A few differ in more
# than the name: TRL's rlhf_reward is a sum over tokens of an answer like ours, but its scores hold the penalty for not
# ending; its approxkl is half of the squared log-ratio (k2), ours the ratio - 1 - log-ratio (k3) of Schulman 2020.
TRL_NAMES: Mapping[str, str] = {
    "objective/kl": "kl",
    "objective/entropy": "entropy",
    "objective/rlhf_reward": "reward",
    "objective/scores": "score",
    "policy/approxkl_avg": "approx_kl",
    "policy/clipfrac_avg": "clip_fraction",
    "loss/policy_avg": "policy_loss",
    "loss/value_avg": "value_loss",
    "val/clipfrac_avg": "value_clip_fraction",
    "val/ratio": "ratio",
    "lr": "lr",
}

# What loss says where it is not the surprise at an answer.
_LOSS_OF: Mapping[str, str] = {
    "pretrain": "How surprised the model is by the text it reads. It should fall, fast then slowly.",
    "reward": "How far the model's judgements are from people's. It should fall, then level off.",
    "dpo": "How far the model is from favouring the preferred answers more than it did at the start. It falls slowly.",
    "kto": "How far the model is from making good answers likelier and bad ones less likely. It falls slowly.",
    "ppo": "It jumps around zero and says little; look at the score.",
    "rloo": "It jumps around zero and says little; look at the score.",
    "grpo": "It jumps around zero and says little; look at the score.",
}


def plots_of(method: str, without: frozenset[str] = frozenset()) -> tuple[tuple[Metric, ...], ...]:
    """The metrics of each plot of a method; those of fine-tuning for one that isn't known.

    without: what the run never measures; the plots that are about it are left out.
    """
    groups = (group for group in PLOTS.get(method, PLOTS["sft"]) if group[0] not in without)
    return tuple(tuple(metric_of(name, method) for name in group if name not in without) for group in groups)


def metric_of(name: str, method: str) -> Metric:
    """A metric as a method means it."""
    metric = _BY_NAME[name]
    return replace(metric, reading=_LOSS_OF[method]) if name == "loss" and method in _LOSS_OF else metric


def first_of(metric: Metric, method: str) -> Metric | None:
    """The metric that it shares a plot with and is told after, as “the same on held-out rows”; None when it is none."""
    groups = (group for group in PLOTS.get(method, ()) if metric.name in group[1:])
    return next((metric_of(group[0], method) for group in groups), None)


def best_place(metric: Metric, values: Sequence[float]) -> int | None:
    """Where the best finite value stands, the first of equals; None where neither direction is better or none is."""
    if metric.lower_is_better is None:
        return None
    sign = 1.0 if metric.lower_is_better else -1.0
    finite = (place for place, value in enumerate(values) if math.isfinite(value))
    return min(finite, key=lambda place: sign * values[place], default=None)
