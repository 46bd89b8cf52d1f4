"""Recipes: everything that decides a run, in one JSON document that can be saved, shared and run again.

    {"format": 1, "method": "sft", "name": "...", "base_model": "/path", "dataset": "<id>", "dataset_hash": "...",
     "template": "model", "settings": {...only what differs from the default or is wanted explicitly...}}

`dataset` may also be a dataset's name when a person writes the file. The hash is filled in when the run starts.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from studio.core.errors import StudioError, did_you_mean
from studio.core.fields import problems_of, setting, settings_from
from studio.core.templates import MODELS_OWN

FORMAT = 1


@dataclass(frozen=True)
class SftSettings:
    """Supervised fine-tuning with LoRA. Defaults follow the LoRA papers' common practice and TRL's documentation."""

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
    train_on: str = setting(
        "answers",
        "Learn from",
        "Answers only is right for instructions: the model is not taught to write the questions.",
        choices={"answers": "Answers only", "everything": "Everything"},
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


METHODS: Mapping[str, type[SftSettings]] = {"sft": SftSettings}
_KEYS = ("format", "method", "name", "base_model", "dataset", "dataset_hash", "template", "settings")


@dataclass(frozen=True)
class Recipe:
    """What is asked of one run. `base_model` is a folder; `template` a built-in template's name or "model"."""

    base_model: str
    dataset: str
    name: str = ""
    template: str = MODELS_OWN
    method: str = "sft"
    dataset_hash: str = ""
    settings: SftSettings = field(default_factory=SftSettings)

    def check(self) -> None:
        """Raise StudioError with the first thing that is missing or cannot be used."""
        if not self.base_model:
            raise StudioError("No base model is chosen.", "Choose a model folder.")
        if not self.dataset:
            raise StudioError("No dataset is chosen.", "Choose a dataset, or import one first.")
        for sentence in problems_of(self.settings).values():
            raise StudioError(sentence, "Correct the value and try again.")

    def to_json(self) -> str:
        """The recipe as it stands in files, with every setting: later defaults never change an old run."""
        values = {"format": FORMAT, **dataclasses.asdict(self)}
        return json.dumps({key: values[key] for key in _KEYS}, indent=2, ensure_ascii=False) + "\n"

    @staticmethod
    def from_json(text: str, where: str = "The recipe") -> Recipe:
        """Read a recipe. Raises StudioError naming what is wrong; `where` names the file in the sentence."""
        try:
            parsed = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise StudioError(
                f"{where} is not JSON ({error}).", "Export the recipe again, or correct the file."
            ) from error
        if not isinstance(parsed, dict):
            raise StudioError(
                f"{where} is not a JSON object.", "A recipe begins with { and names base_model and dataset."
            )
        values = cast("dict[str, Any]", parsed)
        for key in values:
            if key not in _KEYS:
                raise StudioError(
                    f"{where} has an entry “{key}” that is not known.",
                    did_you_mean(key, _KEYS) or "Remove it.",
                )
        if values.get("format", FORMAT) != FORMAT:
            raise StudioError(
                f"{where} has format {values['format']!r}; this Plumbline reads format {FORMAT}.",
                "Update Plumbline.",
            )
        method = values.get("method", "sft")
        if method not in METHODS:
            raise StudioError(f"{where} asks for the method {method!r}.", f"Known methods are {', '.join(METHODS)}.")
        settings = values.get("settings", {})
        if not isinstance(settings, dict):
            raise StudioError(f"{where} has settings that are not an object.", "Write them as {“epochs”: 3, ...}.")
        words: dict[str, str] = {}
        for key in ("name", "base_model", "dataset", "dataset_hash", "template"):
            value = values.get(key, "")
            if not isinstance(value, str):
                raise StudioError(
                    f"{where} has {value!r} as “{key}”; it must be text.", "Correct the value and try again."
                )
            if value:
                words[key] = value
        for key in ("base_model", "dataset"):
            if key not in words:
                raise StudioError(f"{where} has no “{key}”.", "Add it: a model folder, and a dataset's name or id.")
        return Recipe(
            **words,
            method=method,
            settings=settings_from(METHODS[method], cast("dict[str, Any]", settings), where),
        )
