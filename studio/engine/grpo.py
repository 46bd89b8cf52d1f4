"""GRPO: rewards of a prompt's answers on one scale, the distance from the reference in the loss, inside TRL's trainer.

What it shares with RLOO is `engine.groups`; encoding and the roles of the base are PPO's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from transformers import PreTrainedModel, PreTrainedTokenizerBase
from trl.trainer.grpo_config import GRPOConfig
from trl.trainer.grpo_trainer import GRPOTrainer

from studio.core.methods import GrpoSettings
from studio.engine.groups.method import build, group_arguments
from studio.engine.groups.trainer import GroupTrainer
from studio.engine.ppo.experience import Prompt
from studio.engine.ppo.method import encode
from studio.engine.supervision import Supervision
from studio.engine.trainers import Place
from studio.engine.trainers import load_policy as load

__all__ = ["build_trainer", "encode", "load"]


class GroupRelative(GroupTrainer, GRPOTrainer):
    """TRL's trainer with our prompts, rewards and figures."""

    def _answers_to(self, prompts: list[list[int]]) -> list[list[int]]:
        # GRPO's differs from RLOO's, which the type checker sees, by a number of answers and odds that come with them.
        generate: Any = self._generate_single_turn
        return generate(prompts, None, {}, 1)[0]


def build_trainer(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    train: Sequence[Prompt],
    held_out: Sequence[Prompt],
    settings: GrpoSettings,
    place: Place,
    supervision: Supervision,
) -> GroupRelative:
    """A trainer with a policy, its reference and the rewards on `model`. Call its `train()`."""
    arguments: Any = GRPOConfig(
        **group_arguments(settings, place, len(train)), scale_rewards=settings.scale, loss_type=settings.averaging
    )
    return build(GroupRelative, arguments, model, tokenizer, train, held_out, settings, place, supervision)
