"""Comparing several answers to each prompt, “PPO without a value model”: RLOO and GRPO."""

from __future__ import annotations

import math
from dataclasses import dataclass

from studio.core.fields import setting
from studio.core.methods.rewarded import RewardedSettings


@dataclass(frozen=True)
class GroupSettings(RewardedSettings):
    """What methods have that write several answers to each prompt and compare them with each other.

    How much better an answer is than its siblings takes the place of a value model: “PPO without a value model”.
    """

    answers_each: int = setting(
        4,
        "Answers to each prompt",
        "They are compared with each other, so there are at least two. More tell better what is good, and cost more.",
        low=2,
        high=256,
    )

    @property
    def prompts_a_step(self) -> int:
        """Prompts that a step answers, each several times."""
        return max(1, self.episodes // self.answers_each)

    def steps_for(self, rows: int, passes: int | None = None) -> int:
        steps = max(1, math.ceil(self.epochs * rows / self.prompts_a_step))
        return min(steps, self.max_steps) if self.max_steps else steps

    def conflicts(self) -> dict[str, str]:
        """Values that can't be used together: the setting to change, and why."""
        if self.episodes % self.answers_each == 0:
            return {}
        return {
            "answers_each": f"A step writes {self.episodes:,} answers, which can't be shared out in groups of "
            f"{self.answers_each:,}: make it a divisor of them, or change the answers at a time."
        }


@dataclass(frozen=True)
class RlooSettings(GroupSettings):
    """REINFORCE leave-one-out (Ahmadian et al. 2024): an answer's reward against the mean of its siblings'."""

    normalise_advantages: bool = setting(
        False,
        "Normalise advantages",
        "Brings a step's advantages to mean 0 and deviation 1, so that any scale of reward suits the learning rate.",
        advanced=True,
    )


@dataclass(frozen=True)
class GrpoSettings(GroupSettings):
    """Group-relative policy optimisation (Shao et al. 2024): rewards of a group on one scale, the KL in the loss."""

    kl_coefficient: float = setting(
        0.04,
        "KL penalty",
        "How strongly the model is held to where it started. 0 lets it go wherever the reward is.",
        low=0.0,
        high=10.0,
    )
    scale: str = setting(
        "group",
        "Scale of advantages",
        "What a reward's distance from its group's mean is divided by: the group's spread, the step's, or nothing.",
        choices={"group": "The group's spread", "batch": "The step's spread", "none": "Nothing (Dr. GRPO)"},
        advanced=True,
    )
    averaging: str = setting(
        "dapo",
        "Mean over tokens",
        "By tokens, long answers count for more; by answers, each counts the same however long it is.",
        choices={
            "dapo": "All tokens alike (DAPO)",
            "grpo": "Each answer alike (GRPO)",
            "dr_grpo": "By the longest length (Dr. GRPO)",
        },
        advanced=True,
    )
