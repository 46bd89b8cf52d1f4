"""RLOO: REINFORCE with the mean reward of an answer's siblings as the baseline, inside TRL's RLOOTrainer.

What it shares with GRPO is `engine.groups`; encoding and the roles of the base are PPO's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from transformers import PreTrainedModel, PreTrainedTokenizerBase
from trl.trainer.rloo_config import RLOOConfig
from trl.trainer.rloo_trainer import RLOOTrainer

from studio.core.methods import RlooSettings
from studio.engine.groups.method import build, group_arguments
from studio.engine.groups.trainer import GroupTrainer
from studio.engine.ppo.experience import Prompt
from studio.engine.ppo.method import encode
from studio.engine.supervision import Supervision
from studio.engine.trainers import Place
from studio.engine.trainers import load_policy as load

__all__ = ["build_trainer", "encode", "load"]


class LeaveOneOut(GroupTrainer, RLOOTrainer):
    """TRL's trainer with our prompts, rewards and figures."""

    def _answers_to(self, prompts: list[list[int]]) -> list[list[int]]:
        return self._generate_single_turn(prompts, None, {})


def build_trainer(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    train: Sequence[Prompt],
    held_out: Sequence[Prompt],
    settings: RlooSettings,
    place: Place,
    supervision: Supervision,
) -> LeaveOneOut:
    """A trainer with a policy, its reference and the rewards on `model`. Call its `train()`."""
    arguments: Any = RLOOConfig(
        **group_arguments(settings, place, len(train)), normalize_advantages=settings.normalise_advantages
    )
    return build(LeaveOneOut, arguments, model, tokenizer, train, held_out, settings, place, supervision)
