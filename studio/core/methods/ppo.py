"""Proximal policy optimisation: its settings beside those of every method that learns from a reward."""

from __future__ import annotations

from dataclasses import dataclass

from studio.core.fields import setting
from studio.core.methods.rewarded import RewardedSettings
from studio.core.training_settings import LORA, LORA_8BIT, QLORA


@dataclass(frozen=True)
class PpoSettings(RewardedSettings):
    """Proximal policy optimisation (Schulman et al. 2017) for language models (Ziegler et al. 2019, InstructGPT 2022).

    Defaults follow TRL's and “The N implementation details of RLHF with PPO” (Huang et al. 2024).
    """

    way: str = setting(
        LORA,
        "Base model",
        "Held once for all roles, frozen. In 8 or 4 bits it needs a half or a quarter of the memory and a step takes "
        "longer.",
        choices={
            LORA: "As it is (LoRA)",
            LORA_8BIT: "In 8 bits (LLM.int8)",
            QLORA: "In 4 bits (QLoRA)",
        },
        advanced=True,
    )
    minibatches: int = setting(
        1,
        "Updates per pass",
        "A step's answers are split into this many updates. Answers a step = effective batch x updates per pass.",
        low=1,
        high=256,
        advanced=True,
    )
    update_epochs: int = setting(
        4,
        "Passes over a step's answers",
        "How often a step learns from the same answers. More uses them better; too many overdo it.",
        low=1,
        high=64,
    )
    value_model: str = setting(
        "adapter",
        "Value model",
        "What foretells an answer's reward while it is being written. Its own adapter is more exact; a head on the "
        "policy takes about a third less time.",
        choices={"adapter": "Its own adapter", "shared": "A head on the policy"},
    )
    clip_range: float = setting(
        0.2,
        "Clip range",
        "How much likelier or less likely a step may make a token: 0.2 means by a fifth.",
        low=0.01,
        high=10.0,
        advanced=True,
    )
    value_clip: float = setting(
        0.2,
        "Clip range of values",
        "How far a step may move a foretold reward. 0 turns clipping off.",
        low=0.0,
        high=1000.0,
        advanced=True,
    )
    value_coefficient: float = setting(
        0.1,
        "Weight of the value loss",
        "How much learning to foretell counts beside learning to answer.",
        low=0.0,
        high=100.0,
        advanced=True,
    )
    entropy_coefficient: float = setting(
        0.0,
        "Entropy bonus",
        "Rewards staying undecided, so that the model goes on trying things out. Seldom needed with a KL penalty.",
        low=0.0,
        high=1.0,
        advanced=True,
    )
    discount: float = setting(
        1.0,
        "Discount (gamma)",
        "How much a reward at the end of an answer counts for the tokens before it; 1 is usual for text.",
        low=0.0,
        high=1.0,
        advanced=True,
    )
    gae_lambda: float = setting(
        0.95,
        "Lambda of the advantages",
        "1 trusts what was rewarded, 0 what the value model foretells.",
        low=0.0,
        high=1.0,
        advanced=True,
    )
    whiten: bool = setting(
        True,
        "Whiten advantages",
        "Brings a step's advantages to mean 0 and deviation 1, so that any scale of reward suits the learning rate.",
        advanced=True,
    )
    normalise: bool = setting(
        True,
        "Normalise scores",
        "Brings scores to mean 0 and deviation 1 over all answers so far, so that any reward suits the KL penalty.",
        advanced=True,
    )
    score_clip: float = setting(
        5.0,
        "Clip scores",
        "Higher and lower scores are cut at this, so that a freak can't rule a step. 0 turns it off.",
        low=0.0,
        high=1e6,
        advanced=True,
    )
    kl_estimator: str = setting(
        "k1",
        "KL estimate",
        "How distance is told from samples (Schulman 2020). k1 is exact on average; k3 is never negative and steadier.",
        choices={"k1": "k1: log-ratio", "k3": "k3: ratio - 1 - log-ratio"},
        advanced=True,
    )
    kl_control: str = setting(
        "fixed",
        "KL control",
        "Adaptive raises the KL penalty while the model is further away than aimed at, and lowers it when nearer.",
        choices={"fixed": "Fixed penalty", "adaptive": "Adaptive (Ziegler et al. 2019)"},
        advanced=True,
    )
    kl_target: float = setting(
        6.0,
        "Aim of the adaptive KL",
        "The distance that the adaptive penalty steers to.",
        low=0.01,
        high=10000.0,
        unit="nats an answer",
        advanced=True,
    )
    stop_update_at: float = setting(
        0.0,
        "End an update early at",
        "A step stops learning from its answers once it has moved this far within them. 0 never does; 0.02 is usual.",
        low=0.0,
        high=10.0,
        unit="nats a token",
        advanced=True,
    )
    rollout_batch: int = setting(
        0,
        "Answers written at a time",
        "Fewer need less memory for what was read so far; 0 writes all answers of a step together.",
        low=0,
        high=4096,
        advanced=True,
    )

    @property
    def episodes(self) -> int:
        return self.effective_batch * self.minibatches
