"""Methods: the ways to train, each with what it needs, what it makes, and its settings declared once.

Forms, command-line flags, validation and JSON are all made from these declarations; doing it is the engine's work.
Settings stand by family: `imitation`, `preferences`, `rewarded` with `ppo` and `groups`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from studio.core.errors import StudioError, did_you_mean
from studio.core.methods.groups import GroupSettings, GrpoSettings, RlooSettings
from studio.core.methods.imitation import PretrainSettings, SftSettings
from studio.core.methods.ppo import PpoSettings
from studio.core.methods.preferences import DpoSettings, KtoSettings, PreferenceSettings, RewardSettings
from studio.core.methods.rewarded import RewardedSettings
from studio.core.training_settings import TrainSettings

__all__ = [
    "METHODS",
    "WITH_PROMPTS",
    "DpoSettings",
    "GroupSettings",
    "GrpoSettings",
    "KtoSettings",
    "Method",
    "PpoSettings",
    "PreferenceSettings",
    "PretrainSettings",
    "RewardSettings",
    "RewardedSettings",
    "RlooSettings",
    "SftSettings",
    "TrainSettings",
    "method_named",
]


@dataclass(frozen=True)
class Method:
    """A way to train.

    needs: kinds of datasets that it takes (core.records). makes: what comes out of a run. talks: whether what comes out
    writes text, so that it can be talked to and other runs can go on from it. after: methods that usually come before
    it, so that the newest such run is proposed to go on from.
    least_batch: examples that it needs in a pass.
    """

    name: str
    label: str
    about: str
    needs: tuple[str, ...]
    makes: str
    settings: type[TrainSettings]
    talks: bool = True
    after: tuple[str, ...] = ()
    least_batch: int = 1

    @property
    def is_rewarded(self) -> bool:
        """Whether it learns from a reward (core.rewards), which a recipe must name."""
        return issubclass(self.settings, RewardedSettings)


# What prompts can be taken from; answers in it are left aside.
WITH_PROMPTS = ("prompts", "examples", "pairs", "labels", "ratings", "rankings")

METHODS: Mapping[str, Method] = {
    method.name: method
    for method in (
        Method(
            "sft",
            "Teach by example (SFT)",
            "Learns to answer as the examples do. The usual first step.",
            ("examples",),
            "an adapter to talk to beside its base model",
            SftSettings,
        ),
        Method(
            "pretrain",
            "Read plain text (continued pretraining)",
            "Learns the language of a text, every token of it. Needs much text; some of how to answer is forgotten.",
            ("passages",),
            "an adapter to talk to beside its base model",
            PretrainSettings,
        ),
        Method(
            "dpo",
            "Learn from preferences (DPO)",
            "Shifts a model towards the answers that people preferred, from pairs alone. Best after fine-tuning; "
            "a pair costs about twice the time of an example.",
            ("pairs",),
            "an adapter to talk to beside its base model",
            DpoSettings,
            after=("sft",),
        ),
        Method(
            "kto",
            "Learn from thumbs up and down (KTO)",
            "Shifts a model towards good answers and away from bad ones; no pairs are needed. Best after fine-tuning; "
            "an answer costs about twice the time of an example.",
            ("labels",),
            "an adapter to talk to beside its base model",
            KtoSettings,
            after=("sft",),
            least_batch=2,
        ),
        Method(
            "reward",
            "Learn to judge (reward model)",
            "Learns to score answers from pairs, rankings or ratings. A pair costs about twice the time of an example; "
            "the report says how well it judges.",
            ("pairs", "rankings", "ratings"),
            "a judge that scores answers; it can't be talked to",
            RewardSettings,
            talks=False,
            after=("sft",),
        ),
        Method(
            "ppo",
            "Learn from a reward (PPO)",
            "Writes answers, has them scored by a reward model or rules, and learns to write what scores well. Needs "
            "prompts and a reward; the slowest way, in the memory of one model.",
            WITH_PROMPTS,
            "an adapter to talk to beside its base model",
            PpoSettings,
            after=("sft",),
        ),
        Method(
            "rloo",
            "PPO without a value model (RLOO)",
            "Writes several answers to each prompt and learns from those that are rewarded more than their siblings. "
            "Simpler than PPO, with less to set.",
            WITH_PROMPTS,
            "an adapter to talk to beside its base model",
            RlooSettings,
            after=("sft",),
        ),
        Method(
            "grpo",
            "PPO without a value model (GRPO)",
            "Like RLOO, with the rewards of each prompt's answers brought to one scale. Known from models that learn "
            "to reason; suits answers that are right or wrong.",
            WITH_PROMPTS,
            "an adapter to talk to beside its base model",
            GrpoSettings,
            after=("sft",),
        ),
    )
}


def method_named(name: str, where: str = "The recipe") -> Method:
    """The method of that name. Raises StudioError for an unknown one."""
    if name not in METHODS:
        known = did_you_mean(str(name), METHODS) or f"Known methods are {', '.join(METHODS)}."
        raise StudioError(f"{where} asks for the method {name!r}.", known)
    return METHODS[name]
