"""What the guide's button does: the tedious part on the real screen. The deciding press is left to the user."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Protocol

from studio.core.errors import StudioError
from studio.core.guide import MADE_BY_RLHF, Act, Facts
from studio.core.lessons import LESSONS
from studio.core.recipes import Recipe
from studio.core.rewards import Rewards
from studio.core.runs import RunState
from studio.gui.language import mark
from studio.jobs.runs import ProjectRuns, RunRecord
from studio.storage.datasets import list_datasets
from studio.storage.models import starter_model
from studio.storage.project import Project
from studio.storage.resources import carried

_FEW = 8  # prompts of a blind test; a few minutes of reading


class Pages(Protocol):
    """The program, as far as the guide needs it."""

    project: Project | None
    runs: ProjectRuns | None
    pages: dict[str, Any]

    def show_page(self, key: str) -> None:
        """Show a page of the open project."""
        ...


def perform(act: Act, studio: Pages, facts: Facts) -> None:
    """Do it. Raises StudioError."""
    match act.verb:
        case "import":
            file = carried("sample_data", act.noun)
            studio.show_page("data")
            studio.pages["data"].import_file(file, Path(act.noun).stem)
        case "train":
            recipe = recipe_of(act.noun, studio)
            studio.show_page("train")
            studio.pages["train"].form.show_recipe(recipe)
        case "label":
            identity = _newest_dataset(studio, act.noun)
            studio.show_page("label")
            studio.pages["label"].begin_with(identity)
        case "blind":
            prompts = _first_prompts(act.noun) if act.noun else []
            studio.show_page("chat")
            run = _newest_policy(studio)
            if run is not None:
                studio.pages["chat"].open_blind_test(run.id, prompts)
        case "export":
            studio.show_page("models")
            run = _newest_policy(studio)
            if run is not None:
                studio.pages["models"].open_model(run.folder.result, mark("Take away"))
        case _:
            studio.show_page(act.noun)


def recipe_of(name: str, studio: Pages) -> Recipe:
    """The recipe of a lesson in the open project. Raises StudioError when something it needs is gone."""
    lesson = next(lesson for lesson in LESSONS if lesson.name == name)
    starter = starter_model()
    if starter is None:
        raise StudioError("The starter model is missing from the program.", "Install Plumbline again.")
    before = newest(studio, _method_of(lesson.after)) if lesson.after else None
    judge = newest(studio, _method_of(lesson.rewarded_by)) if lesson.rewarded_by else None
    needs = {"instructions": "examples", "preferences": "pairs", "prompts": "prompts"}[lesson.dataset]
    return Recipe(
        str(starter),
        _newest_dataset(studio, needs, lesson.dataset),
        lesson.label,
        method=lesson.method,
        adapter=str(before.folder.result) if before else "",
        settings=lesson.settings,
        rewards=Rewards(str(judge.folder.result)) if judge else Rewards(),
    )


def newest(studio: Pages, *methods: str) -> RunRecord | None:
    """The newest finished run of one of these methods."""
    records = studio.runs.records() if studio.runs else []
    return next((r for r in records if r.recipe and r.recipe.method in methods and r.state is RunState.FINISHED), None)


def _newest_policy(studio: Pages) -> RunRecord | None:
    """The newest model that talks and was tuned: by preferences, else by example."""
    return newest(studio, *MADE_BY_RLHF) or newest(studio, "sft", "pretrain")


def _first_prompts(file: str) -> list[str]:
    """Some prompts of a file of the sample data that no lesson learns from by example."""
    lines = carried("sample_data", file).read_text(encoding="utf-8").splitlines()
    prompts = [str(json.loads(line)["prompt"]) for line in lines[: 4 * _FEW]]
    return [prompt for prompt in prompts if "\n" not in prompt][:_FEW]


def _method_of(name: str) -> str:
    return next(lesson.method for lesson in LESSONS if lesson.name == name)


def _newest_dataset(studio: Pages, kind: str, name: str = "") -> str:
    """The id of the dataset of that name, else of the newest of that kind."""
    assert studio.project is not None
    found = [info for info in list_datasets(studio.project) if info.kind_name == kind]
    if not found:
        raise StudioError(f"The project has no {kind} any more.", "Bring them in again: go to Data and import them.")
    return next((info.id for info in found if info.name == name), found[0].id)
