"""Where a model comes from: the base, each run on the way to it, the data of each by its hash, and the curves.

It follows what every adapter and model keeps beside itself (`plumbline.json`); what is no longer there ends the way.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from studio.core.curves import Curves
from studio.core.errors import StudioError
from studio.core.fields import settings_of
from studio.core.methods import METHODS
from studio.core.recipes import Recipe
from studio.storage.datasets import list_datasets
from studio.storage.project import DATABASE, Project
from studio.storage.runs import RunFolder

ABOUT = "plumbline.json"
_MOST = 20  # stages that are followed back


@dataclass(frozen=True, slots=True)
class Stage:
    """One run on the way. settings: label and value of each that differs from the default. curves: of its events."""

    name: str
    method: str
    dataset: str
    dataset_hash: str
    step: int
    tokens: int
    seconds: float
    template: str
    settings: tuple[tuple[str, str], ...] = ()
    curves: Curves = field(default_factory=Curves, compare=False)

    @property
    def label(self) -> str:
        """The method in words."""
        return METHODS[self.method].label if self.method in METHODS else self.method


def stages_of(folder: Path, project: Path | None = None) -> list[Stage]:
    """The runs that led to the adapter or model in a folder, the first one first; none for a model from elsewhere."""
    names = _dataset_names(project)
    found: list[Stage] = []
    seen: set[Path] = set()
    at: Path | None = folder
    while at is not None and at not in seen and len(found) < _MOST:
        seen.add(at)
        about = _object(at / ABOUT)
        if not about:
            break
        found.append(_stage(at, about, names))
        earlier = about.get("adapter")
        base = about.get("base")
        nearer = Path(str(earlier)) if earlier else Path(str(base)) if base else None
        at = nearer if nearer is not None and (nearer / ABOUT).is_file() else None
    return found[::-1]


def run_of(folder: Path) -> RunFolder | None:
    """The run that an adapter, model or checkpoint lies in."""
    for parent in folder.parents:
        if (parent / "recipe.json").is_file():
            return RunFolder(parent)
    return None


def _stage(folder: Path, about: dict[str, Any], names: dict[str, str]) -> Stage:
    run = run_of(folder)
    settings: tuple[tuple[str, str], ...] = ()
    curves = Curves()
    if run is not None:
        with contextlib.suppress(StudioError):  # of a recipe that can't be read any more, the rest is told all the same
            settings = _settings(run.recipe())
        for event in run.all_events():
            curves.feed(event)
    dataset = str(about.get("dataset", ""))
    return Stage(
        str(about.get("name") or folder.name),
        str(about.get("method", "sft")),
        names.get(dataset, dataset),
        str(about.get("dataset_hash", "")),
        int(about.get("step", 0)),
        int(about.get("tokens", 0)),
        float(about.get("elapsed", 0.0)),
        str(about.get("template", "")),
        settings,
        curves,
    )


def _settings(recipe: Recipe) -> tuple[tuple[str, str], ...]:
    """All settings that count, as label and value."""
    found: list[tuple[str, str]] = []
    for known in settings_of(recipe.settings):
        value: Any = getattr(recipe.settings, known.name)
        if known.idle(recipe.settings):
            continue
        shown = f"{value:g}" if isinstance(value, float) else str(value)
        if known.choices is not None:
            shown = known.choices.get(str(value), shown)
        found.append((known.label, f"{shown} {known.unit}".strip()))
    return tuple(found)


def _dataset_names(project: Path | None) -> dict[str, str]:
    if project is None or not (project / DATABASE).is_file():
        return {}
    try:
        return {info.id: info.name for info in list_datasets(Project.open(project, lock=False))}
    except StudioError:
        return {}


def _object(file: Path) -> dict[str, Any]:
    try:
        parsed = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return cast("dict[str, Any]", parsed) if isinstance(parsed, dict) else {}
