"""Methods: the ways to train, each with what it needs, what it makes, and its settings declared once.

Forms, command-line flags, validation and JSON are all made from these declarations; doing it is the engine's work.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from studio.core.errors import StudioError, did_you_mean
from studio.core.fields import setting


@dataclass(frozen=True)
class TrainSettings:
    """What every method has. Defaults follow the LoRA papers' common practice and TRL's documentation."""

    epochs: float = setting(
        3.0,
        "Passes over the data",
        "How often each example is seen. More can mean memorising.",
        low=0.01,
        high=1000,
    )
    learning_rate: float = setting(
        2e-4,
        "Learning rate",
        "How far each step moves the weights. 0.0002 suits LoRA; very small models bear ten times more.",
        low=1e-8,
        high=1.0,
    )
    max_length: int = setting(
        512,
        "Longest example",
        "Longer examples are cut at this many tokens. Never more than the model's context.",
        low=8,
        high=131072,
        unit="tokens",
    )
    batch_size: int = setting(
        4,
        "Examples at a time",
        "How many examples share one forward pass; more needs more memory.",
        low=1,
        high=1024,
    )
    accumulate: int = setting(
        2,
        "Passes per step",
        "Forward passes added up before the weights move. Effective batch = examples at a time x passes per step.",
        low=1,
        high=1024,
        advanced=True,
    )
    max_steps: int = setting(
        0,
        "Stop after",
        "Ends the run after this many steps; 0 means all passes over the data.",
        low=0,
        unit="steps",
        advanced=True,
    )
    lora_rank: int = setting(
        16,
        "LoRA rank",
        "Size of the adapter. 8 to 32 suits most tasks; more can learn more and needs more memory.",
        low=1,
        high=1024,
    )
    lora_alpha: int = setting(
        32, "LoRA alpha", "Scale of the adapter; usually twice the rank.", low=1, high=4096, advanced=True
    )
    lora_dropout: float = setting(
        0.0,
        "LoRA dropout",
        "Share of adapter inputs dropped while training, against memorising.",
        low=0.0,
        high=0.9,
        advanced=True,
    )
    schedule: str = setting(
        "cosine",
        "Learning-rate schedule",
        "How the learning rate changes after the warm-up.",
        choices={"cosine": "Cosine to zero", "linear": "Straight to zero", "constant": "Constant"},
        advanced=True,
    )
    warmup: float = setting(
        0.03,
        "Warm-up",
        "Share of the steps in which the learning rate rises from zero.",
        low=0.0,
        high=1.0,
        advanced=True,
    )
    weight_decay: float = setting(
        0.0,
        "Weight decay",
        "Pulls weights towards zero; LoRA seldom needs it.",
        low=0.0,
        high=1.0,
        advanced=True,
    )
    clip: float = setting(
        1.0,
        "Gradient clipping",
        "Longer gradients are shortened to this norm.",
        low=0.001,
        high=1000.0,
        advanced=True,
    )
    held_out: float = setting(
        0.05,
        "Held out for evaluation",
        "Share of the examples never trained on; eval loss is measured on them. 0 turns evaluation off.",
        low=0.0,
        high=0.5,
    )
    evaluations: int = setting(
        10,
        "Evaluations",
        "How often eval loss is measured over the whole run.",
        low=1,
        high=1000,
        advanced=True,
    )
    checkpoint_minutes: float = setting(
        10.0,
        "Checkpoint every",
        "A checkpoint is also saved on every stop and at the end. 0 saves one after every step.",
        low=0.0,
        high=1440.0,
        unit="minutes",
        advanced=True,
    )
    precision: str = setting(
        "auto",
        "Number format",
        "Automatic takes bf16 where the processor or card has it and the model is large enough to gain.",
        choices={"auto": "Automatic", "fp32": "32-bit", "bf16": "bfloat16"},
        advanced=True,
    )
    seed: int = setting(
        42,
        "Seed",
        "The same seed, data and settings give the same run.",
        low=0,
        high=2**31 - 1,
        advanced=True,
    )

    @property
    def effective_batch(self) -> int:
        """Examples that decide one step."""
        return self.batch_size * self.accumulate

    def held_out_of(self, rows: int) -> int:
        """How many of so many rows are never trained on: at least one, if any; never all."""
        if self.held_out <= 0 or rows < 2:
            return 0
        return min(max(1, round(self.held_out * rows)), rows - 1)

    def steps_for(self, rows: int) -> int:
        """How many steps a run over so many trained rows has: all passes, or `max_steps` when that is fewer."""
        passes = math.ceil(rows / self.batch_size)
        steps = max(1, math.ceil(self.epochs * math.ceil(passes / self.accumulate)))
        return min(steps, self.max_steps) if self.max_steps else steps


@dataclass(frozen=True)
class SftSettings(TrainSettings):
    """Supervised fine-tuning on conversations."""

    train_on: str = setting(
        "answers",
        "Learn from",
        "Answers only is right for instructions: the model is not taught to write the questions.",
        choices={"answers": "Answers only", "everything": "Everything"},
        advanced=True,
    )


@dataclass(frozen=True)
class PretrainSettings(TrainSettings):
    """Continued pretraining: every token of plain text is learned, in blocks of `max_length`."""

    epochs: float = setting(
        1.0, "Passes over the text", "How often each passage is read. More can mean memorising.", low=0.01, high=1000
    )


@dataclass(frozen=True)
class RewardSettings(TrainSettings):
    """A reward model: a number for an answer. Pairs after Bradley and Terry 1952, rankings after Plackett 1975."""

    epochs: float = setting(
        1.0, "Passes over the data", "Reward models memorise quickly: one or two passes are usual.", low=0.01, high=1000
    )
    learning_rate: float = setting(
        1e-4, "Learning rate", "How far each step moves the weights. 0.0001 suits LoRA.", low=1e-8, high=1.0
    )
    held_out: float = setting(
        0.1,
        "Held out for evaluation",
        "Share of the rows never trained on; accuracy is measured on them. 0 turns evaluation off.",
        low=0.0,
        high=0.5,
    )
    margins: bool = setting(
        True,
        "Use margins",
        "Where pairs say by how much an answer was preferred, ask for at least that much difference (Llama 2, 2023).",
        advanced=True,
    )
    centre: float = setting(
        0.01,
        "Centre rewards",
        "Keeps rewards near zero: weight of the squared sum of each pair's rewards (Eisenstein et al. 2023).",
        low=0.0,
        high=1.0,
        advanced=True,
    )


@dataclass(frozen=True)
class PreferenceSettings(TrainSettings):
    """What methods have that hold a model to where it started."""

    epochs: float = setting(1.0, "Passes over the data", "One to three; more drifts away.", low=0.01, high=1000)
    learning_rate: float = setting(
        5e-5,
        "Learning rate",
        "Far smaller than for fine-tuning: 0.000005 to 0.00005 with LoRA.",
        low=1e-8,
        high=1.0,
    )
    beta: float = setting(
        0.1,
        "Beta",
        "How strongly the model is held to where it started. Smaller values let it move further.",
        low=0.001,
        high=10.0,
    )


@dataclass(frozen=True)
class DpoSettings(PreferenceSettings):
    """Direct preference optimisation (Rafailov et al. 2023) and its variants, as TRL names them."""

    variant: str = setting(
        "sigmoid",
        "Loss",
        "How a preference becomes a loss.",
        choices={
            "sigmoid": "DPO",
            "ipo": "IPO (does not push easy pairs further)",
            "hinge": "Hinge (SLiC)",
            "robust": "Robust (some labels are wrong)",
            "sigmoid_norm": "DPO by length (SimPO's averaging)",
        },
        advanced=True,
    )
    wrong_labels: float = setting(
        0.1,
        "Wrong labels",
        "For the robust loss: about which share of the preferences is wrong.",
        low=0.0,
        high=0.49,
        advanced=True,
    )


@dataclass(frozen=True)
class KtoSettings(PreferenceSettings):
    """Kahneman-Tversky optimisation (Ethayarajh et al. 2024): learns from single answers marked good or bad."""

    good_weight: float = setting(
        1.0, "Weight of good answers", "Raise it when good answers are rare.", low=0.01, high=100.0, advanced=True
    )
    bad_weight: float = setting(
        1.0, "Weight of bad answers", "Raise it when bad answers are rare.", low=0.01, high=100.0, advanced=True
    )


@dataclass(frozen=True)
class Method:
    """A way to train.

    needs: kinds of datasets that it takes (core.records). makes: what comes out of a run. talks: whether what comes out
    writes text, so that it can be talked to and other runs can go on from it. after: methods that usually come before
    it, so that the newest such run is proposed to go on from. goes_on: whether it can begin with an adapter at all.
    """

    name: str
    label: str
    about: str
    needs: tuple[str, ...]
    makes: str
    settings: type[TrainSettings]
    talks: bool = True
    after: tuple[str, ...] = ()
    goes_on: bool = True


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
            goes_on=False,
        ),
    )
}


def method_named(name: str, where: str = "The recipe") -> Method:
    """The method of that name. Raises StudioError for an unknown one."""
    if name not in METHODS:
        known = did_you_mean(str(name), METHODS) or f"Known methods are {', '.join(METHODS)}."
        raise StudioError(f"{where} asks for the method {name!r}.", known)
    return METHODS[name]
