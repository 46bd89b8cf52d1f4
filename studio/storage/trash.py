"""A trash: what was deleted is moved into a folder on the same disk, and can be put back until the trash is emptied.

trash/<when>-<random>/thrown.json    {"from": "/where/it/was", "what": "The run “first”", "when": "2026-..."}
trash/<when>-<random>/<name>         the file or folder itself
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from studio.core.errors import StudioError
from studio.storage.files import disk_trouble, object_in, write_whole
from studio.storage.project import now

_ABOUT = "thrown.json"


@dataclass(frozen=True, slots=True)
class Thrown:
    """Something in a trash. place: its folder there. origin: where it was. what: in words."""

    place: Path
    origin: Path
    what: str
    when: str

    @property
    def thing(self) -> Path:
        """The file or folder as it lies in the trash."""
        return self.place / self.origin.name


class Trash:
    """The trash in `folder`, which is made when the first thing goes in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def throw(self, path: Path, what: str) -> Thrown:
        """Move a file or folder in, as a whole or not at all. Raises StudioError."""
        stamp = datetime.now().strftime("%Y%m%d-%H%M%S")
        thrown = Thrown(self.folder / f"{stamp}-{secrets.token_hex(3)}", path, what, now())
        try:
            thrown.place.mkdir(parents=True)
            about = {"from": str(path), "what": what, "when": thrown.when}
            write_whole(thrown.place / _ABOUT, json.dumps(about, ensure_ascii=False) + "\n")
            os.rename(path, thrown.thing)
        except OSError as error:
            shutil.rmtree(thrown.place, ignore_errors=True)
            raise disk_trouble(error, path) from error
        except BaseException:
            shutil.rmtree(thrown.place, ignore_errors=True)
            raise
        return thrown

    def things(self) -> list[Thrown]:
        """What is in it, newest first."""
        try:
            places = sorted(self.folder.iterdir(), reverse=True)
        except OSError:
            return []
        found: list[Thrown] = []
        for place in places:
            about = object_in(place / _ABOUT)
            if isinstance(about.get("from"), str):
                thrown = Thrown(place, Path(about["from"]), str(about.get("what") or ""), str(about.get("when") or ""))
                if os.path.lexists(thrown.thing):
                    found.append(thrown)
        return found

    def put_back(self, thrown: Thrown) -> None:
        """Move something to where it was. Raises StudioError when something else is there now."""
        if os.path.lexists(thrown.origin):
            raise StudioError(
                f"{thrown.what} can't be put back: there is something else now in “{thrown.origin}”.",
                "Move that away first.",
            )
        try:
            thrown.origin.parent.mkdir(parents=True, exist_ok=True)
            os.rename(thrown.thing, thrown.origin)
        except OSError as error:
            raise disk_trouble(error, thrown.origin) from error
        shutil.rmtree(thrown.place, ignore_errors=True)

    def empty(self) -> None:
        """Delete all that is in it, for good. Raises StudioError for what can't be deleted."""
        failed: list[OSError] = []
        with contextlib.suppress(FileNotFoundError):
            for place in list(self.folder.iterdir()):
                try:
                    shutil.rmtree(place) if place.is_dir() and not place.is_symlink() else place.unlink()
                except OSError as error:
                    failed.append(error)
        if failed:
            raise disk_trouble(failed[0], self.folder)


def project_trash(project_folder: Path) -> Trash:
    """The trash of a project."""
    return Trash(project_folder / "trash")


def models_trash(models: Path) -> Trash:
    """The trash of downloaded models, on their disk."""
    return Trash(models / ".trash")
