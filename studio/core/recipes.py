"""Recipes: everything that decides a run, in one JSON document that can be saved, shared and run again.

    {"format": 1, "method": "sft", "name": "...", "base_model": "/path", "adapter": "", "dataset": "<id>",
     "dataset_hash": "...", "template": "model", "settings": {...what is absent takes its default...},
     "rewards": {...where the method learns from a reward: see core.rewards...}}

`dataset` may also be a dataset's name when a person writes the file. The hash is filled in when the run starts.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields
from typing import Any, cast

from studio.core.errors import StudioError, did_you_mean
from studio.core.fields import problems_of, settings_from, settings_of
from studio.core.methods import Method, SftSettings, TrainSettings, method_named
from studio.core.rewards import Rewards
from studio.core.templates import MODELS_OWN, template_named

FORMAT = 1


_KEYS = (
    "format", "method", "name", "base_model", "adapter", "dataset", "dataset_hash", "template", "settings", "rewards",
)  # fmt: skip


@dataclass(frozen=True)
class Recipe:
    """What is asked of one run.

    base_model: a folder. adapter: the folder of an adapter on it to go on from, or empty. template: a built-in
    template's name, or "model" for the one that the adapter was trained with, else the model's own. rewards: empty but
    for a method that learns from a reward.
    """

    base_model: str
    dataset: str
    name: str = ""
    template: str = MODELS_OWN
    method: str = "sft"
    dataset_hash: str = ""
    adapter: str = ""
    settings: TrainSettings = field(default_factory=SftSettings)
    rewards: Rewards = field(default_factory=Rewards)

    @property
    def how(self) -> Method:
        """The method. Raises StudioError when this Plumbline does not know it."""
        return method_named(self.method)

    def check(self) -> None:
        """Raise StudioError with the first thing that is missing or cannot be used."""
        if not self.base_model:
            raise StudioError("No base model is chosen.", "Choose a model folder.")
        if not self.dataset:
            raise StudioError("No dataset is chosen.", "Choose a dataset, or import one first.")
        if self.template != MODELS_OWN:
            template_named(self.template)
        if self.how.is_rewarded:
            self.rewards.check()
        elif not self.rewards.is_empty:
            raise StudioError(f"“{self.how.label}” takes no reward.", "Remove it, or choose another method.")
        for sentence in problems_of(self.settings).values():
            raise StudioError(sentence, "Correct the value and try again.")

    def to_json(self) -> str:
        """The recipe as it stands in files, with every setting: later defaults never change an old run."""
        values: dict[str, Any] = {"format": FORMAT, **{part.name: getattr(self, part.name) for part in fields(self)}}
        values["settings"] = {known.name: getattr(self.settings, known.name) for known in settings_of(self.settings)}
        values["rewards"] = self.rewards.to_values()
        kept = [key for key in _KEYS if key != "rewards" or values[key]]
        return json.dumps({key: values[key] for key in kept}, indent=2, ensure_ascii=False) + "\n"

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
        method = method_named(values.get("method", "sft"), where)
        settings = values.get("settings", {})
        if not isinstance(settings, dict):
            raise StudioError(f"{where} has settings that are not an object.", "Write them as {“epochs”: 3, ...}.")
        words: dict[str, str] = {}
        for key in ("name", "base_model", "adapter", "dataset", "dataset_hash", "template"):
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
        read = settings_from(method.settings, cast("dict[str, Any]", settings), where)
        rewards = Rewards.from_values(values["rewards"], where) if "rewards" in values else Rewards()
        return Recipe(**words, method=method.name, settings=read, rewards=rewards)
