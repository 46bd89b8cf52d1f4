"""Rewards: from the score of an answer to a reward for each of its tokens. Where scores come from is
`engine.reward_sources`.

reward of token t = -coefficient * KL_t, and at an answer's last token its score too (Ziegler et al. 2019, equation 2;
InstructGPT, Ouyang et al. 2022, equation 2). KL_t: how much likelier the token is than under the reference, in nats.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from studio.core.methods import PpoSettings

_HELD = 0.2  # of the relative error, so that one step's freak moves the coefficient little
_GAIN = 0.1  # both as in Ziegler et al. 2019, section 2.2


@dataclass(slots=True)
class RunningScale:
    """Mean and deviation of all scores so far (Chan et al. 1979: parts are merged exactly)."""

    count: int = 0
    mean: float = 0.0
    squares: float = 0.0  # of the distances from the mean, summed up

    def see(self, scores: Tensor) -> None:
        """Take scores [episodes] into account."""
        values = scores.double()
        new, mean = len(values), float(values.mean())
        total, distance = self.count + new, mean - self.mean
        self.squares += float((values - mean).square().sum()) + distance**2 * self.count * new / total
        self.mean += distance * new / total
        self.count = total

    def scaled(self, scores: Tensor) -> Tensor:
        """Scores with mean 0 and deviation 1 by what has been seen; only centred while all were the same."""
        deviation = (self.squares / (self.count - 1)) ** 0.5 if self.count > 1 else 0.0
        return (scores - self.mean) / (deviation if deviation > 1e-8 else 1.0)


@dataclass(slots=True)
class KlPenalty:
    """The coefficient of the KL penalty; with adaptive control it is steered to a distance aimed at."""

    coefficient: float

    def steer(self, kl: float, target: float) -> None:
        """After a step whose answers were `kl` nats away (Ziegler et al. 2019, equation 3)."""
        error = min(max(kl / target - 1, -_HELD), _HELD)
        self.coefficient *= 1 + _GAIN * error


def shaped_scores(scores: Tensor, lengths: Tensor, ended: Tensor, settings: PpoSettings, scale: RunningScale) -> Tensor:
    """What answers are rewarded with: scores on one scale, clipped, then bonus and penalties. All are [episodes].

    What these answers score is in `scale` already.
    """
    if settings.normalise:
        scores = scale.scaled(scores)
    if settings.score_clip:
        scores = scores.clamp(-settings.score_clip, settings.score_clip)
    ending = torch.where(ended, settings.end_bonus, -settings.cut_penalty)
    return scores + ending - settings.length_penalty * lengths


def token_rewards(shaped: Tensor, kl: Tensor, mask: Tensor, coefficient: float) -> Tensor:
    """A reward for each token [episodes, longest answer]. shaped: [episodes]; kl, mask: as the result."""
    rewards = -coefficient * kl * mask
    last = mask.sum(1) - 1
    rewards[torch.arange(len(rewards)), last] += shaped
    return rewards
