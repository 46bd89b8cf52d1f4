"""A step's answers as they were scored: the figures and rows that events tell of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from studio.core.events import ROLLOUT_ROWS, ROLLOUT_TEXT
from studio.core.methods import GroupSettings
from studio.engine.reward_sources import Written


@dataclass(frozen=True, slots=True)
class Scored:
    """A step's answers as they were scored. kl: nats from the reference; the tensors are [answers]."""

    written: Sequence[Written]
    scores: Tensor
    shaped: Tensor
    lengths: Tensor
    kl: Tensor

    def figures(self, settings: GroupSettings) -> dict[str, float]:
        """Means and spreads over the answers."""
        rewards = self.shaped - settings.kl_coefficient * self.kl
        return {
            "score": float(self.scores.mean()),
            "score_sd": float(self.scores.std(correction=0)),
            "reward": float(rewards.mean()),
            "reward_sd": float(rewards.std(correction=0)),
            "kl": float(self.kl.mean()),
            "kl_budget": settings.kl_budget,
            "kl_coef": settings.kl_coefficient,
            "response_length": float(self.lengths.mean()),
            "ended": sum(written.ended for written in self.written) / len(self.written),
        }

    def rows(self) -> list[dict[str, Any]]:
        """A few answers to look at: the best, the worst, and the first ones between."""
        order = torch.argsort(self.scores, stable=True).tolist()
        shown = list(dict.fromkeys([order[-1], order[0], *order[1:]]))[:ROLLOUT_ROWS]
        return [
            {
                "prompt": self.written[place].prompt[-ROLLOUT_TEXT:],
                "answer": self.written[place].answer[:ROLLOUT_TEXT],
                "score": round(float(self.scores[place]), 4),
                "kl": round(float(self.kl[place]), 4),
                "tokens": int(self.lengths[place]),
                "ended": self.written[place].ended,
            }
            for place in shown
        ]


def shaped_scores(scores: Tensor, lengths: Tensor, written: Sequence[Written], settings: GroupSettings) -> Tensor:
    """What answers are rewarded with, before the KL penalty: the score with bonus and penalties [answers]."""
    ended = torch.tensor([one.ended for one in written])
    ending = torch.where(ended, settings.end_bonus, -settings.cut_penalty)
    return scores + ending - settings.length_penalty * lengths
