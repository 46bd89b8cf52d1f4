"""The demo's project: the sample data imported, the lessons trained one after the other by workers, and who answers.

Nothing here is special to the demo's models: it is what a user would do, in the same order, with the same workers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from studio.cli.training import follow
from studio.core.datasets import DatasetInfo
from studio.core.errors import StudioError
from studio.core.lessons import INSTRUCTIONS, PREFERENCES, PROMPTS, Lesson
from studio.core.recipes import Recipe
from studio.core.rewards import Rewards
from studio.core.runs import RunState, RunStory
from studio.storage.datasets import list_datasets
from studio.storage.interchange import import_file
from studio.storage.models import add_model
from studio.storage.project import DATABASE, Project
from studio.storage.recipes import ready_recipe
from studio.storage.runs import RunFolder, list_runs

_FILES = {INSTRUCTIONS: "instructions.json", PREFERENCES: "preferences.jsonl", PROMPTS: "prompts.jsonl"}


class School:
    """A project with a base model and the sample data: a new one, or an earlier one, in which what is trained already
    is not trained again. rows: how many of each sample file are taken, where not all. Its methods raise StudioError."""

    def __init__(self, folder: Path, base: Path, samples: Path, *, rows: int | None = None) -> None:
        there = (folder / DATABASE).is_file()
        self.project = Project.open(folder) if there else Project.create(folder)
        self.base = add_model(self.project, base).folder
        known = {info.name: info for info in list_datasets(self.project)}
        self.datasets: dict[str, DatasetInfo] = {
            name: known.get(name) or import_file(self.project, samples / file, name, most=rows)
            for name, file in _FILES.items()
        }
        self.runs: dict[str, RunFolder] = {}

    def train(
        self, lesson: Lesson, *, title: str = "", watch: Callable[[RunStory], str] = lambda story: ""
    ) -> RunFolder:
        """Train a lesson to its end. title, watch: what stands before and after its bar (see `follow`)."""
        recipe = Recipe(
            str(self.base),
            self.datasets[lesson.dataset].id,
            lesson.label,
            method=lesson.method,
            adapter=str(self.runs[lesson.after].adapter) if lesson.after else "",
            settings=lesson.settings,
            rewards=Rewards(str(self.runs[lesson.rewarded_by].adapter)) if lesson.rewarded_by else Rewards(),
        )
        ready = ready_recipe(self.project, recipe)
        folder = self._finished(ready)
        if folder is None:
            folder = RunFolder.create(self.project.runs, ready)
            ended = follow(folder, title=title, watch=watch)
            if ended.state is not RunState.FINISHED:
                raise StudioError(ended.sentence, ended.hint, ended.details)
        self.runs[lesson.name] = folder
        return folder

    def _finished(self, wanted: Recipe) -> RunFolder | None:
        """A finished run of that very recipe, whatever it is called."""
        for run in list_runs(self.project.runs):
            if run.is_sealed and replace(run.recipe(), name=wanted.name) == wanted:
                return run
        return None

    def adapter_of(self, name: str) -> Path | None:
        """What answers for a stage beside the base model; None for the base itself."""
        return self.runs[name].adapter if name in self.runs else None


def distance_of(run: RunFolder) -> float | None:
    """How far the weights that a run made are from where it started: on held-out prompts where it measures that, at
    the step whose weights it kept; else as it said last."""
    events = list(run.all_events())
    held_out = {event.number("step"): value for event in events if (value := event.number("eval_kl")) is not None}
    trained = [value for event in events if (value := event.number("kl")) is not None]
    told = list(held_out.values()) or trained
    kept = next((event.number("best") for event in reversed(events) if event.kind == "finished"), None)
    return held_out.get(kept, told[-1] if told else None)
