"""A folder that appears whole or not at all: it is filled under another name and moved into place at the end."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Generator
from pathlib import Path

from studio.core.errors import StudioError
from studio.storage.files import disk_trouble, whole_path


def check_new(target: Path) -> Path:
    """Its whole path. Raises StudioError when it is there already, or what should hold it is a file or not writable."""
    target = whole_path(target)
    if os.path.lexists(target):
        raise StudioError(
            f"“{target.name}” is there already, in “{target.parent}”.",
            "Give another name: nothing that is there is written over.",
        )
    holds = next((place for place in target.parents if os.path.lexists(place)), target.parent)
    if not os.path.isdir(holds) or not os.access(holds, os.W_OK):
        raise StudioError(f"No folder can be made in “{holds}”.", "Choose another place, or change its permissions.")
    return target


@contextlib.contextmanager
def new_folder(target: Path) -> Generator[Path]:
    """The folder to fill; it becomes `target` at the end, and goes when anything is raised.

    Raises StudioError when `target` is there already, or can't be made.
    """
    target = check_new(target)
    making = target.with_name(f".{target.name[:80]}.{secrets.token_hex(4)}")
    try:
        making.mkdir(parents=True)
        try:
            yield making
            _sync(making)
            making.replace(target)
        except BaseException:
            shutil.rmtree(making, ignore_errors=True)
            raise
    except OSError as error:
        raise disk_trouble(error, target) from error


def _sync(folder: Path) -> None:
    """Bring every file to the disk, so that what has its name also has its content after a power cut."""
    for file in folder.rglob("*"):
        if file.is_file():
            with file.open("r+b") as stream:  # Windows syncs only what was opened to write
                os.fsync(stream.fileno())
