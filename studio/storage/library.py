"""The library: every model that a project knows, in one list, whether it was linked, downloaded, trained or came along.

A list is read from names and small files alone. What is told of one model in full is `storage.model_cards`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from studio.core.errors import StudioError
from studio.core.methods import METHODS
from studio.core.recipes import Recipe
from studio.storage.models import list_models, model_name, starter_model, writes_no_text
from studio.storage.project import Project
from studio.storage.runs import RunFolder, list_runs


class Kind(StrEnum):
    """What a model is good for, in a word that stands in lists."""

    BASE = "Base model"
    TUNED = "Trained model"
    ADAPTER = "Adapter"
    JUDGE = "Reward model"


class Origin(StrEnum):
    """How the project came by a model."""

    PROGRAM = "comes with Plumbline"
    FOLDER = "a folder on this computer"
    RUN = "made by a run of this project"


@dataclass(frozen=True, slots=True)
class LibraryModel:
    """A model that can be chosen. base: the model that an adapter lies on, None for a whole model.

    run: the id of the run that made it, or empty. step: of an unfinished run's newest checkpoint, 0 otherwise.
    """

    folder: Path
    name: str
    kind: Kind
    origin: Origin
    base: Path | None = None
    run: str = ""
    method: str = ""
    step: int = 0

    @property
    def writes(self) -> bool:
        """Whether it answers; a reward model gives scores."""
        return self.kind is not Kind.JUDGE

    @property
    def about(self) -> str:
        """What it is, in a line."""
        how = METHODS[self.method].label if self.method in METHODS else ""
        unfinished = f"step {self.step:,}" if self.step else ""
        came = str(self.origin) if self.origin is Origin.PROGRAM else ""
        gone = "" if self.folder.is_dir() else "not there any more"
        return ", ".join(part for part in (str(self.kind), how, unfinished, came, gone) if part)


def list_library(project: Project) -> list[LibraryModel]:
    """What the project's runs have made, newest first; then the models that it can start from. Raises StudioError."""
    made: list[LibraryModel] = []
    bases: dict[Path, LibraryModel] = {}
    for run in list_runs(project.runs):
        try:
            recipe = run.recipe()
        except StudioError:
            continue
        result = _result_of(run)
        if result is not None:
            made.append(_made_by(run, recipe, *result))
        base = Path(recipe.base_model)
        bases.setdefault(base, _base(base))
    own = {model.folder for model in made}
    known = {folder: _base(folder) for folder in list_models(project)}
    starter = starter_model()
    came_along = {starter: _base(starter)} if starter else {}
    others = {**known, **came_along, **bases}
    return [*made, *(model for folder, model in others.items() if folder not in own)]


def _result_of(run: RunFolder) -> tuple[Path, int] | None:
    """The folder of what a run has made, and its step where that is a checkpoint."""
    if run.is_sealed:
        return run.result, 0
    last = run.last_checkpoint()
    return (last.folder, last.step) if last else None


def _made_by(run: RunFolder, recipe: Recipe, folder: Path, step: int) -> LibraryModel:
    whole = (folder / "config.json").is_file() and not (folder / "adapter_config.json").is_file()
    talks = recipe.how.talks
    kind = Kind.JUDGE if not talks else Kind.TUNED if whole else Kind.ADAPTER
    base = None if whole else Path(recipe.base_model)
    return LibraryModel(folder, recipe.name or run.id, kind, Origin.RUN, base, run.id, recipe.method, step)


def _base(folder: Path) -> LibraryModel:
    kind = Kind.BASE
    try:
        if writes_no_text(folder):
            kind = Kind.JUDGE
    except StudioError:
        pass  # gone or damaged: its card says so
    origin = Origin.PROGRAM if folder == starter_model() else Origin.FOLDER
    return LibraryModel(folder, model_name(folder), kind, origin)
