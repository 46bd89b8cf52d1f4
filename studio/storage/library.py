"""The library: every model that a project knows, in one list, whether it was linked, downloaded, trained or came along.

A list is read from names and small files alone. What is told of one model in full is `storage.model_cards`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from studio.core.errors import StudioError
from studio.core.methods import METHODS
from studio.core.recipes import Recipe
from studio.storage.files import object_in, whole_path
from studio.storage.hub_places import cached_models, downloaded_models, read_download
from studio.storage.models import (
    add_model,
    check_model,
    is_whole_model,
    list_models,
    model_name,
    starter_model,
    tensors_of_file,
    writes_no_text,
)
from studio.storage.project import Project, now
from studio.storage.reward_models import WEIGHTS, check_reward_model
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
    HUB = "downloaded"
    RUN = "made by a run of this project"


@dataclass(frozen=True, slots=True)
class LibraryModel:
    """A model that can be chosen. base: the model that an adapter lies on, None for a whole model.

    run: the id of the run that made it, or empty. step: of an unfinished run's newest checkpoint, 0 otherwise.
    linked: somebody put it into the project's list.
    """

    folder: Path
    name: str
    kind: Kind
    origin: Origin
    base: Path | None = None
    run: str = ""
    method: str = ""
    step: int = 0
    linked: bool = False

    @property
    def writes(self) -> bool:
        """Whether it answers; a reward model gives scores."""
        return self.kind is not Kind.JUDGE

    @property
    def parts(self) -> tuple[Path, Path | None]:
        """What is loaded to use it: a whole model's folder, and the folder of the adapter that lies on it, if any."""
        return (self.folder, None) if self.base is None else (self.base, self.folder)

    @property
    def about(self) -> str:
        """What it is, in a line."""
        how = METHODS[self.method].label if self.method in METHODS else ""
        unfinished = f"step {self.step:,}" if self.step else ""
        came = str(self.origin) if self.origin in (Origin.PROGRAM, Origin.HUB) else ""
        gone = "" if self.folder.is_dir() else "not there any more"
        return ", ".join(part for part in (str(self.kind), how, unfinished, came, gone) if part)


def list_library(project: Project) -> list[LibraryModel]:
    """What the project's runs have made, newest first; then the models that it can start from. Raises StudioError."""
    made: list[LibraryModel] = []
    bases: set[Path] = set()
    for run in list_runs(project.runs):
        try:
            recipe = run.recipe()
        except StudioError:
            continue
        result = _result_of(run)
        if result is not None:
            made.append(_made_by(run, recipe, *result))
        bases.add(Path(recipe.base_model))
    own = {model.folder for model in made}
    starter = starter_model()
    others = {folder: _base(folder, linked=True) for folder in list_models(project)}
    linked = {folder: _adapter(folder, base, linked=True) for folder, base in linked_adapters(project)}
    for folder in downloaded_models():
        if is_adapter(folder):
            linked.setdefault(folder, _adapter(folder, _find_base(_base_named(folder)) or folder))
        else:
            others.setdefault(folder, _base(folder))
    for folder in (*([starter] if starter else []), *sorted(bases)):
        others.setdefault(folder, _base(folder))
    return [*made, *linked.values(), *(model for folder, model in others.items() if folder not in own)]


def add_to_library(project: Project, folder: Path) -> Path:
    """Check the folder of a model or an adapter and put it first in the project's list. Raises StudioError."""
    folder = whole_path(folder)
    if is_adapter(folder):
        base = _check_adapter(folder)
        with project.writing() as connection:
            row = (str(folder), str(base), now())
            connection.execute("INSERT OR REPLACE INTO adapters (folder, base, added) VALUES (?, ?, ?)", row)
        return folder
    return add_model(project, folder).folder


def forget(project: Project, folder: Path) -> None:
    """Take a model or an adapter out of the project's list; its folder stays."""
    with project.writing() as connection:
        connection.execute("DELETE FROM models WHERE folder = ?", (str(folder),))
        connection.execute("DELETE FROM adapters WHERE folder = ?", (str(folder),))


def is_adapter(folder: Path) -> bool:
    """Whether a folder holds an adapter and no model."""
    return (folder / "adapter_config.json").is_file() and not (folder / "config.json").is_file()


def linked_adapters(project: Project) -> list[tuple[Path, Path]]:
    """The adapters that lie elsewhere, newest first, each with its base model."""
    with project.connect() as connection:
        rows = connection.execute("SELECT folder, base FROM adapters ORDER BY added DESC, folder")
        return [(Path(folder), Path(base)) for folder, base in rows]


def talking_adapters(project: Project) -> list[tuple[Path, Path]]:
    """The linked adapters that write answers, each with its base model."""
    return [(folder, base) for folder, base in linked_adapters(project) if folder.is_dir() and not _scores(folder)]


def _check_adapter(folder: Path) -> Path:
    """The base model of an adapter that can be used. Raises StudioError."""
    config, name = object_in(folder / "adapter_config.json"), model_name(folder)
    kind = config.get("peft_type")
    if config.get("trainable_token_indices"):
        kind = f"{kind} with tokens of its own"  # which only PEFT's own layers can read
    if kind != "LORA":
        raise StudioError(
            f"The adapter “{name}” is of the kind {kind}, and Plumbline reads LoRA adapters.",
            "Choose another adapter.",
        )
    if not (folder / WEIGHTS).is_file():
        raise StudioError(
            f"The adapter “{name}” has no weights in safetensors form ({WEIGHTS}).", "Choose another copy of it."
        )
    tensors_of_file(folder / WEIGHTS)
    if config.get("task_type") == "SEQ_CLS":
        check_reward_model(folder)
    named = _base_named(folder)
    if not named:
        raise StudioError(f"The adapter “{name}” doesn't say which model it was trained on.", "Choose another adapter.")
    base = _find_base(named)
    if base is None:
        raise StudioError(
            f"The adapter “{name}” was trained on “{named}”, which isn't on this computer.",
            "Get that model first, then add the adapter again.",
        )
    check_model(base)
    return base


def _base_named(adapter: Path) -> str:
    """The base model that an adapter says it was trained on: a folder, or a name on the Hub."""
    recorded = object_in(adapter / "plumbline.json").get("base")
    return str(recorded or object_in(adapter / "adapter_config.json").get("base_model_name_or_path") or "")


def _find_base(named: str) -> Path | None:
    """A base model by its folder, or by its name on the Hub where it was downloaded or lies in the cache."""
    if named and os.path.isdir(named):
        return Path(named)
    for folder in downloaded_models():
        download = read_download(folder)
        if download is not None and download.name.lower() == named.lower():
            return folder
    cached = f"models--{named.replace('/', '--')}".lower()
    return next((folder for folder in cached_models() if folder.parent.parent.name.lower() == cached), None)


def _adapter(folder: Path, base: Path, *, linked: bool = False) -> LibraryModel:
    kind = Kind.JUDGE if _scores(folder) else Kind.ADAPTER
    origin = Origin.HUB if read_download(folder) else Origin.FOLDER
    return LibraryModel(folder, model_name(folder), kind, origin, base, linked=linked)


def _scores(adapter: Path) -> bool:
    return object_in(adapter / "adapter_config.json").get("task_type") == "SEQ_CLS"


def _result_of(run: RunFolder) -> tuple[Path, int] | None:
    """The folder of what a run has made, and its step where that is a checkpoint."""
    if run.is_sealed:
        return run.result, 0
    last = run.last_checkpoint()
    return (last.folder, last.step) if last else None


def _made_by(run: RunFolder, recipe: Recipe, folder: Path, step: int) -> LibraryModel:
    whole = is_whole_model(folder)
    talks = recipe.how.talks
    kind = Kind.JUDGE if not talks else Kind.TUNED if whole else Kind.ADAPTER
    base = None if whole else Path(recipe.base_model)
    return LibraryModel(folder, recipe.name or run.id, kind, Origin.RUN, base, run.id, recipe.method, step)


def _base(folder: Path, *, linked: bool = False) -> LibraryModel:
    kind = Kind.BASE
    try:
        if writes_no_text(folder):
            kind = Kind.JUDGE
    except StudioError:
        pass  # gone or damaged: its card says so
    origin = Origin.PROGRAM if folder == starter_model() else Origin.HUB if read_download(folder) else Origin.FOLDER
    return LibraryModel(folder, model_name(folder), kind, origin, linked=linked)
