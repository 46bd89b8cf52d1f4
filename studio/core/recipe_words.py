"""A recipe in words, setting by setting, and what differs between several. Datasets' names are looked up elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from studio.core.errors import StudioError
from studio.core.fields import Setting, settings_of
from studio.core.recipes import Recipe
from studio.core.templates import MODELS_OWN, template_named

NONE = "–"  # of a setting that a method doesn't have


def setting_rows(recipe: Recipe) -> list[tuple[str, str]]:
    """Template, settings and rewards: label and value."""
    settings = [(known.label, value_in_words(known, getattr(recipe.settings, known.name))) for known in _known(recipe)]
    return [("Prompt template", template_label(recipe.template)), *settings, *_rewards(recipe)]


def template_label(template: str) -> str:
    """What people call a template."""
    if template == MODELS_OWN:
        return "The model's own"
    try:
        return template_named(template).label
    except StudioError:
        return template


def value_in_words(known: Setting, value: Any) -> str:
    """The value of a setting as the form would say it."""
    if known.choices is not None:
        return known.choices.get(value, str(value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    shown = f"{value:.6g}" if isinstance(value, float) else str(value)
    return f"{shown} {known.unit}".strip()


@dataclass(frozen=True, slots=True)
class Compared:
    """One setting of several recipes, and whether they differ in it."""

    label: str
    values: tuple[str, ...]

    @property
    def differs(self) -> bool:
        """Whether they are not all alike."""
        return len(set(self.values)) > 1


def compared(recipes: Sequence[Recipe], datasets: Sequence[str]) -> list[Compared]:
    """Every setting of several recipes side by side. datasets: what each one's is called."""
    tables: list[dict[str, str]] = []
    for recipe, dataset in zip(recipes, datasets, strict=True):
        tables.append(
            {
                "Method": recipe.how.label,
                "Model": PurePath(recipe.base_model).name,
                "Starts from": _start_of(recipe),
                "Dataset": dataset,
                "Data hash": recipe.dataset_hash[:12] or NONE,
                **dict(setting_rows(recipe)),
            }
        )
    labels = dict.fromkeys(label for table in tables for label in table)
    return [Compared(label, tuple(table.get(label, NONE) for table in tables)) for label in labels]


def _start_of(recipe: Recipe) -> str:
    """The run whose result it goes on from, by the folder that its adapter lies in."""
    return PurePath(recipe.adapter).parent.name if recipe.adapter else "the base model itself"


def _known(recipe: Recipe) -> Sequence[Setting]:
    return list(settings_of(recipe.settings))


def _rewards(recipe: Recipe) -> list[tuple[str, str]]:
    """What rewarded, and what watched; nothing for a method that learns from no reward."""
    rewards, function = recipe.rewards, recipe.rewards.function
    found = [
        ("Reward model", f"{rewards.model} (weight {rewards.model_weight:g})" if rewards.model else ""),
        ("Rules", ", ".join(rule.told for rule in rewards.rules)),
        (
            "Code of your own",
            f"{function.path} (weight {function.weight:g}, {function.sha256[:12]})" if function else "",
        ),
        ("Judge", rewards.judge),
        ("Rules of the judge", ", ".join(rule.told for rule in rewards.judge_rules)),
    ]
    return [(word, value) for word, value in found if value]
