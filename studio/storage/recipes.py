"""A recipe made ready to run: everything it names is found, checked and named for good."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from studio.core.errors import StudioError
from studio.core.recipes import Recipe
from studio.core.records import KINDS
from studio.storage.contrast import check_contrast
from studio.storage.datasets import find_dataset
from studio.storage.files import whole_path
from studio.storage.models import check_model, is_whole_model
from studio.storage.project import Project
from studio.storage.reward_models import check_reward_model


def ready_recipe(project: Project, recipe: Recipe) -> Recipe:
    """The recipe with its model and dataset found and named for good, so that it can be run again.

    Raises StudioError saying what is missing, cannot be used, or does not fit the method.
    """
    recipe.check()
    method = recipe.how
    if recipe.adapter and is_whole_model(Path(recipe.adapter)):  # it takes the base's place
        recipe = replace(recipe, base_model=recipe.adapter, adapter="")
    model, dataset = check_model(Path(recipe.base_model)), find_dataset(project, recipe.dataset)
    if dataset.kind_name not in method.needs:
        wanted = " or ".join(f"{KINDS[name].rows} ({KINDS[name].about})" for name in method.needs)
        raise StudioError(
            f"“{dataset.name}” holds {dataset.kind.rows}; “{method.label}” learns from {wanted}.",
            "Choose another dataset, or another method.",
        )
    if not method.is_rewarded:  # such a method writes answers of its own
        check_contrast(project, dataset)
    adapter = _adapter(recipe.adapter)
    rewards = recipe.rewards
    reward, judge = (
        str(check_reward_model(Path(named)).folder) if named else "" for named in (rewards.model, rewards.judge)
    )
    return replace(
        recipe,
        base_model=str(model.folder),
        adapter=adapter,
        rewards=replace(rewards, model=reward, judge=judge),
        dataset=dataset.id,
        dataset_hash=dataset.content_hash,
    )


def _adapter(named: str) -> str:
    if not named:
        return ""
    folder = whole_path(Path(named))
    if not os.path.isfile(folder / "adapter_config.json"):
        raise StudioError(f"There is no adapter in “{folder}”.", "Choose the adapter folder of a finished run.")
    if not os.path.isfile(folder / "adapter_model.safetensors"):
        raise StudioError(
            f"The adapter in “{folder}” has no weights in safetensors form.",
            "Choose another adapter, or train it again.",
        )
    return str(folder)
