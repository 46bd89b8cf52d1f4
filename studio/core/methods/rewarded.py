"""Learning from a reward: what all methods share that write answers themselves.

PPO's own settings are in `ppo`, those of RLOO and GRPO in `groups`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from studio.core.fields import setting
from studio.core.samples import SampledSettings
from studio.core.training_settings import (
    ADAMW,
    GO_ON,
    HIGHEST_REWARD,
    KEEP_REWARDED,
    LORA,
    OFF,
    TrainSettings,
    keep_setting,
)


@dataclass(frozen=True)
class RewardedSettings(SampledSettings, TrainSettings):
    """What methods have that write answers themselves and learn from the reward that each gets.

    A step writes `episodes` answers, one to each of as many prompts.
    """

    epochs: float = setting(1.0, "Passes over the prompts", "How often each prompt is answered.", low=0.01, high=1000)
    learning_rate: float = setting(
        5e-5,
        "Learning rate",
        "How far each step moves the weights. Too high, and the model drifts to nonsense that is rewarded by accident.",
        low=1e-8,
        high=1.0,
    )
    max_length: int = setting(
        512,
        "Longest prompt and answer",
        "Together, in tokens. Prompts that leave no room for the longest answer are left out.",
        low=8,
        high=131072,
        unit="tokens",
    )
    answer_tokens: int = setting(
        64,
        "Longest answer",
        "Answers are cut off after this many tokens. Shorter is faster; too short, and no answer comes to its end.",
        low=1,
        high=16384,
        unit="tokens",
    )
    batch_size: int = setting(
        8,
        "Answers at a time",
        "How many answers share one forward pass when they are scored and learned from; more needs more memory.",
        low=1,
        high=1024,
    )
    accumulate: int = setting(
        4,
        "Passes per update",
        "Forward passes added up before the weights move. Effective batch = answers at a time x passes per update.",
        low=1,
        high=1024,
        advanced=True,
    )
    keep: str = keep_setting(KEEP_REWARDED, HIGHEST_REWARD)
    # No settings here: an answer must be as likely when it is learned from as when written, ...
    lora_dropout: float = 0.0
    # ... and the roles are adapters side by side over one base that stays as it is.
    way: str = LORA
    dora: bool = False
    start: str = GO_ON
    optimiser: str = ADAMW
    checkpointing: str = OFF
    schedule: str = setting(
        "linear",
        "Learning-rate schedule",
        "How the learning rate changes after the warm-up.",
        choices={"cosine": "Cosine to zero", "linear": "Straight to zero", "constant": "Constant"},
        advanced=True,
    )
    warmup: float = setting(
        0.0,
        "Warm-up",
        "Share of the steps in which the learning rate rises from zero.",
        low=0.0,
        high=1.0,
        advanced=True,
    )
    held_out: float = setting(
        0.05,
        "Held out for evaluation",
        "Share of the prompts never trained on; the reward is measured on them, and decides which checkpoint is best. "
        "0 turns evaluation off.",
        low=0.0,
        high=0.5,
    )
    temperature: float = setting(
        1.0,
        "Temperature",
        "How adventurous the answers are that it learns from. 1 is the model as it is; lower tries fewer things out.",
        low=0.05,
        high=5.0,
        advanced=True,
    )
    kl_coefficient: float = setting(
        0.05,
        "KL penalty",
        "How strongly the model is held to where it started. 0 lets it go wherever the reward is.",
        low=0.0,
        high=10.0,
    )
    kl_budget: float = setting(
        10.0,
        "KL budget",
        "How far from its start the model may be for a checkpoint to count as good. Above it, there is an alarm.",
        low=0.01,
        high=10000.0,
        unit="nats an answer",
    )
    end_bonus: float = setting(
        0.0,
        "Bonus for ending",
        "Added to the score of an answer that ends its turn.",
        low=-1000.0,
        high=1000.0,
        advanced=True,
    )
    cut_penalty: float = setting(
        1.0,
        "Penalty for not ending",
        "Taken from the score of an answer that is cut off at the longest length.",
        low=-1000.0,
        high=1000.0,
        advanced=True,
    )
    length_penalty: float = setting(
        0.0,
        "Penalty for length",
        "Taken from the score for each token of an answer. Helps when answers grow longer without growing better.",
        low=-1.0,
        high=1.0,
        advanced=True,
    )

    @property
    def episodes(self) -> int:
        """Answers that a step writes and learns from."""
        return self.effective_batch

    def steps_for(self, rows: int, passes: int | None = None) -> int:
        steps = max(1, math.ceil(self.epochs * rows / self.episodes))
        return min(steps, self.max_steps) if self.max_steps else steps
