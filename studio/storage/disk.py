"""What takes room on the disk: downloaded models, runs and their checkpoints, what was taken away, the database, the
trash, and what other programs keep. It is only looked at here; what is deleted goes to a `storage.trash`.

Links are counted where they lead from, so that nothing is counted twice.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from studio.core.errors import Cancelled, StudioError
from studio.storage.files import object_in
from studio.storage.hub_places import (
    downloaded_models,
    hugging_face_home,
    models_home,
    partial_downloads,
    read_download,
)
from studio.storage.models import model_name
from studio.storage.project import Project
from studio.storage.runs import RunFolder, list_runs
from studio.storage.trash import models_trash, project_trash


class Kind(StrEnum):
    """What takes room, in a word for a person."""

    MODEL = "Downloaded model"
    CONVERTED = "Model of this project"
    RUN = "Run"
    CHECKPOINT = "Checkpoint"
    EXPORT = "Taken away"
    PARTIAL = "Unfinished download"
    PROJECT = "Data and labels"
    TRASH = "Trash"
    CACHE = "Hugging Face's cache"


@dataclass(frozen=True, slots=True)
class Piece:
    """Something that takes room. note: what speaks against deleting it. run: the id of the run that it belongs to.

    can_go: whether it may be thrown away here. spare: a checkpoint that nothing needs any more.
    """

    kind: Kind
    name: str
    folder: Path
    size: int
    note: str = ""
    run: str = ""
    can_go: bool = True
    spare: bool = False

    @property
    def what(self) -> str:
        """What it is called when it is in the trash."""
        return f"{self.kind} “{self.name}”"


def survey(project: Project, is_cancelled: Callable[[], bool] = lambda: False) -> list[Piece]:
    """All that takes room, the largest first. Raises Cancelled."""

    def size(folder: Path, but: Path | None = None) -> int:
        return size_on_disk(folder, is_cancelled, but)

    pieces: list[Piece] = []
    runs = list_runs(project.runs)
    used = _users(runs)
    for run in runs:
        name = _name_of(run)
        pieces.append(
            Piece(Kind.RUN, name, run.folder, size(run.folder, run.checkpoints), _used_by(run.result, used), run.id)
        )
        kept = kept_checkpoints(run)
        for folder in _folders(run.checkpoints):
            step, note = folder.name.rpartition("-")[2], kept.get(folder, "")
            title = f"{name}, step {step}"
            pieces.append(Piece(Kind.CHECKPOINT, title, folder, size(folder), note, run.id, spare=not note))
    home = models_home()
    for folder in downloaded_models(home):
        download = read_download(folder)
        name = download.name if download else model_name(folder)
        pieces.append(Piece(Kind.MODEL, name, folder, size(folder), _used_by(folder, used)))
    pieces += [
        Piece(Kind.PARTIAL, folder.name.replace("--", "/"), folder, size(folder)) for folder in partial_downloads(home)
    ]
    made = [(Kind.CONVERTED, folder, model_name(folder)) for folder in _folders(project.models)]
    made += [(Kind.EXPORT, folder, folder.name) for folder in _folders(project.exports)]
    for kind, folder, name in made:
        whole = not folder.name.startswith(".")  # see new_folder
        said = name if whole else folder.name[1:].rpartition(".")[0] or name
        note = _used_by(folder, used) if whole else "unfinished: it is being written now, or was broken off"
        pieces.append(Piece(kind, said, folder, size(folder), note))
    pieces.append(Piece(Kind.PROJECT, project.name, project.folder, _rest(project, size), can_go=False))
    for trash in (project_trash(project.folder), models_trash(home)):
        pieces += [
            Piece(Kind.TRASH, thrown.what, thrown.place, size(thrown.place), can_go=False) for thrown in trash.things()
        ]
    cache = hugging_face_home()
    if cache.is_dir():
        note = "Other programs use it; “hf cache” of huggingface_hub cleans it up."
        pieces.append(Piece(Kind.CACHE, str(cache), cache, size(cache), note, can_go=False))
    return sorted((piece for piece in pieces if piece.size), key=lambda piece: -piece.size)


def _rest(project: Project, size: Callable[[Path], int]) -> int:
    """What the project's folder holds beside what is a piece of its own: database, evaluations, logs."""
    listed = {project.runs, project.models, project.exports, project_trash(project.folder).folder}
    files = sum(_file_size(file) for file in project.folder.glob("*") if not file.is_dir())
    return files + sum(size(folder) for folder in _folders(project.folder) if folder not in listed)


def kept_checkpoints(run: RunFolder) -> dict[Path, str]:
    """The checkpoints of a run that are worth keeping, each with why: the last one, and the best."""
    counting = run.complete_checkpoints()
    if not counting:
        return {}
    last = counting[-1]
    best = object_in(last.folder / "plumbline.json").get("best_step")
    kept = {one.folder: "the best one" for one in counting if one.step == best and best}
    kept[last.folder] = "the last one, from which the run goes on"
    if last.step == best:
        kept[last.folder] = "the last one, from which the run goes on, and the best"
    return kept


def spare_checkpoints(run: RunFolder) -> list[Path]:
    """The checkpoints of a run that nothing needs any more."""
    kept = kept_checkpoints(run)
    return [folder for folder in _folders(run.checkpoints) if folder not in kept]


def size_on_disk(folder: Path, is_cancelled: Callable[[], bool] = lambda: False, but: Path | None = None) -> int:
    """Bytes below a folder, without one folder in it. Raises Cancelled."""
    total = 0
    for parent, folders, files in os.walk(folder):
        if is_cancelled():
            raise Cancelled
        if but is not None and Path(parent) == but.parent:
            folders[:] = [name for name in folders if name != but.name]
        total += sum(_file_size(Path(parent, name)) for name in files)
    return total


def runs_on(project: Project, folder: Path) -> list[str]:
    """The names of the project's runs that were made from the model in a folder, newest first."""
    return _users(list_runs(project.runs)).get(os.path.realpath(folder), [])


def _users(runs: list[RunFolder]) -> dict[str, list[str]]:
    """By folder, the names of the runs that were made from what is in it."""
    users: dict[str, list[str]] = {}
    for run in runs:
        try:
            recipe = run.recipe()
        except StudioError:
            continue
        for folder in {recipe.base_model, recipe.adapter, recipe.rewards.model, recipe.rewards.judge} - {""}:
            users.setdefault(os.path.realpath(folder), []).append(recipe.name or run.id)
    return users


def _used_by(folder: Path, users: dict[str, list[str]]) -> str:
    names = users.get(os.path.realpath(folder), [])
    if not names:
        return ""
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"used by {', '.join(f'“{name}”' for name in names[:3])}{more}"


def _name_of(run: RunFolder) -> str:
    try:
        return run.recipe().name or run.id
    except StudioError:
        return run.id


def _folders(folder: Path) -> list[Path]:
    try:
        return sorted(entry for entry in folder.iterdir() if entry.is_dir() and not entry.is_symlink())
    except OSError:
        return []


def _file_size(file: Path) -> int:
    """A file that has several names takes its room once: a part of it counts for each name."""
    try:
        info = file.lstat()
        return info.st_size // max(info.st_nlink, 1)
    except OSError:
        return 0
