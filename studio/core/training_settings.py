"""Training settings: what every method of training has, declared once, and the ways in which a base model is trained.

A way is what is trained over what: an adapter over the base as it is, over 8 or 4 bits of it, or all of its weights.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from studio.core.fields import OnlyIf, setting

LORA, LORA_8BIT, QLORA, FULL = "lora", "lora8", "qlora", "full"
_BITS = {LORA_8BIT: 8, QLORA: 4}
ALL_LINEAR, ATTENTION, OWN = "all", "attention", "own"
GO_ON, MERGE = "go_on", "merge"
LAST, LOWEST_LOSS, HIGHEST_ACCURACY, HIGHEST_REWARD = "last", "loss", "accuracy", "reward"
ADAMW, ADAMW_8BIT, PAGED_8BIT, ADAFACTOR = "adamw", "adamw8bit", "paged_adamw8bit", "adafactor"
AUTO, ON, OFF = "auto", "on", "off"

an_adapter = OnlyIf("way", lambda way: way != FULL, "when an adapter is trained")
_not_8bit = OnlyIf("way", lambda way: way in (LORA, QLORA), "when an adapter is trained, and not over 8 bits")
_own_names = OnlyIf("lora_targets", lambda chosen: chosen == OWN, "when the layers are named by you")
_measured = OnlyIf("held_out", lambda share: share > 0, "when a part is held out for evaluation")
_counted = OnlyIf("batch_tokens", lambda tokens: tokens == 0, "without a token budget")

KEEP: Mapping[str, str] = {LAST: "The last step's", LOWEST_LOSS: "The one with the lowest eval loss"}
KEEP_JUDGED: Mapping[str, str] = {**KEEP, HIGHEST_ACCURACY: "The one with the highest held-out accuracy"}
KEEP_REWARDED: Mapping[str, str] = {
    HIGHEST_REWARD: "The one with the highest held-out score within the KL budget",
    LAST: KEEP[LAST],
}


def bits_of(way: str) -> int | None:
    """In how many bits a way keeps the frozen base; None for its own number format."""
    return _BITS.get(way)


def usual_rate(default: float, *, full: bool) -> float:
    """The learning rate to begin with: an adapter's default, and a tenth of it where all weights are trained."""
    return float(f"{default / 10:.6g}") if full else default


def keep_setting(choices: Mapping[str, str], usual: str = LAST) -> str:
    """The setting that decides which step's weights are the result, for a method that measures so much."""
    return setting(
        usual,
        "Keep",
        "Which weights become the result. The best ones at an evaluation are saved as a checkpoint at once.",
        choices=choices,
        advanced=True,
        only_if=(_measured,),
    )


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
        only_if=(_counted,),
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
    way: str = setting(
        LORA,
        "What is trained",
        "An adapter is small and learns nearly as much. Over 8 or 4 bits the base model needs a half or a quarter of "
        "the memory and a step takes longer. All weights learn the most, need the most memory and a rate ten times "
        "lower.",
        choices={
            LORA: "An adapter (LoRA)",
            LORA_8BIT: "An adapter over 8 bits (LLM.int8)",
            QLORA: "An adapter over 4 bits (QLoRA)",
            FULL: "All weights (full fine-tuning)",
        },
    )
    lora_rank: int = setting(
        16,
        "LoRA rank",
        "Size of the adapter. 8 to 32 suits most tasks; more can learn more and needs more memory.",
        low=1,
        high=1024,
        only_if=(an_adapter,),
    )
    lora_alpha: int = setting(
        32,
        "LoRA alpha",
        "Scale of the adapter; usually twice the rank.",
        low=1,
        high=4096,
        advanced=True,
        only_if=(an_adapter,),
    )
    lora_dropout: float = setting(
        0.0,
        "LoRA dropout",
        "Share of adapter inputs dropped while training, against memorising.",
        low=0.0,
        high=0.9,
        advanced=True,
        only_if=(an_adapter,),
    )
    lora_targets: str = setting(
        ALL_LINEAR,
        "Layers with an adapter",
        "All linear layers learn best for the same memory (Dettmers et al. 2023); attention alone is smaller.",
        choices={ALL_LINEAR: "All linear layers", ATTENTION: "Attention only", OWN: "Those that I name"},
        advanced=True,
        only_if=(an_adapter,),
    )
    lora_names: str = setting(
        "q_proj, v_proj",
        "Names of layers",
        "Ends of layer names as the architecture has them, with commas between.",
        low=1,
        advanced=True,
        only_if=(an_adapter, _own_names),
    )
    rslora: bool = setting(
        False,
        "rsLoRA scaling",
        "Scales by the rank's root, so that large ranks learn as fast as small ones (Kalajdzievski 2023). Matters from "
        "rank 64.",
        advanced=True,
        only_if=(an_adapter,),
    )
    dora: bool = setting(
        False,
        "DoRA magnitudes",
        "Learns how large each weight column is beside where it points (Liu et al. 2024): closer to full fine-tuning "
        "at small ranks, but slower.",
        advanced=True,
        only_if=(_not_8bit,),
    )
    start: str = setting(
        GO_ON,
        "An earlier adapter",
        "Merged first, a fresh adapter of its own rank learns on top, and the result holds both.",
        choices={GO_ON: "Train a copy of it", MERGE: "Merge it first"},
        advanced=True,
        only_if=(an_adapter,),
    )
    optimiser: str = setting(
        ADAMW,
        "Optimiser",
        "Turns gradients into steps. 8 bits keep its two running means in a quarter of the memory and learn nearly the "
        "same; Adafactor keeps one row and one column of them.",
        choices={
            ADAMW: "AdamW",
            ADAMW_8BIT: "AdamW in 8 bits",
            PAGED_8BIT: "AdamW in 8 bits, paged",
            ADAFACTOR: "Adafactor",
        },
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
        only_if=(_measured,),
    )
    keep: str = keep_setting(KEEP)
    patience: int = setting(
        0,
        "Stop early after",
        "Ends the run when so many evaluations in a row were no better than the best before them; 0 never does.",
        low=0,
        high=1000,
        unit="evaluations",
        advanced=True,
        only_if=(_measured,),
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
    checkpointing: str = setting(
        AUTO,
        "Activation checkpointing",
        "Computes activations again on the way back instead of keeping them: much less memory, a step takes about a "
        "third longer. Automatic does so only when the run would not fit otherwise.",
        choices={AUTO: "Automatic", ON: "Always", OFF: "Never"},
        advanced=True,
    )
    precision: str = setting(
        AUTO,
        "Number format",
        "Automatic takes bf16 where the processor or card has it and the model is large enough to gain.",
        choices={AUTO: "Automatic", "fp32": "32-bit", "bf16": "bfloat16", "fp16": "16-bit (fp16)"},
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
        """Examples that decide one step, where they are counted."""
        return self.batch_size * self.accumulate

    @property
    def budget(self) -> int:
        """Tokens of a pass, where they are counted instead of examples; else 0."""
        return getattr(self, "batch_tokens", 0)

    def held_out_of(self, rows: int) -> int:
        """How many of so many rows are never trained on: at least one, if any; never all."""
        if self.held_out <= 0 or rows < 2:
            return 0
        return min(max(1, round(self.held_out * rows)), rows - 1)

    @property
    def full(self) -> bool:
        """Whether all weights are trained."""
        return self.way == FULL

    @property
    def bits(self) -> int | None:
        """In how many bits the frozen base is kept; None for its own number format."""
        return bits_of(self.way)

    @property
    def merges(self) -> bool:
        """Whether an adapter to start from is merged into the base; all weights can be trained in no other way."""
        return self.full or self.start == MERGE

    @property
    def needs_bitsandbytes(self) -> bool:
        """Whether a library for numbers of few bits is loaded."""
        return self.bits is not None or self.optimiser in (ADAMW_8BIT, PAGED_8BIT)

    def steps_for(self, rows: int, passes: int | None = None) -> int:
        """How many steps a run over so many trained rows has: all passes, or `max_steps` when that is fewer. passes:
        over the data once, where they don't hold equally many rows."""
        passes = passes or math.ceil(rows / self.batch_size)
        steps = max(1, math.ceil(self.epochs * math.ceil(passes / self.accumulate)))
        return min(steps, self.max_steps) if self.max_steps else steps


@dataclass(frozen=True)
class BudgetedSettings:
    """What methods have whose passes may hold unequally many examples. To be mixed in before `TrainSettings`."""

    batch_tokens: int = setting(
        0,
        "Token budget",
        "A pass takes as many examples of similar length as fit into so many tokens, at least one, instead of a fixed "
        "number. The loss stays the mean over the whole step. 0: no budget.",
        low=0,
        high=10_000_000,
        unit="tokens",
        advanced=True,
    )
