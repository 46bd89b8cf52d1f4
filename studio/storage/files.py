"""Files written whole or not at all, and disk trouble said in words."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import secrets
import shutil
import sys
import time
from pathlib import Path
from typing import Any, cast

from studio.core.errors import StudioError

_TAIL = 64 * 1024
_NEXT_TO_NOTHING = 64 * 1024
_BUSY = 1.0  # seconds that Windows is given to let go of a file


def write_whole(path: Path, text: str) -> None:
    """Write a UTF-8 file so that a reader sees the old text or the new one, never a part. Raises StudioError."""
    # Not tempfile's, whose files nobody else may read: a project can belong to several people.
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with temporary.open("x", encoding="utf-8", newline="\n") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            _replace(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
    except OSError as error:
        raise disk_trouble(error, path) from error
    except UnicodeEncodeError as error:
        raise StudioError(
            f"“{path.name}” can't be written: a name or text for it holds half of a character, which no file can keep.",
            "Use names of whole characters.",
            str(error),
        ) from error


def _replace(temporary: Path, path: Path) -> None:
    """Windows refuses while anybody reads the old file, which for files of this size is over at once."""
    until = time.monotonic() + _BUSY
    while True:
        try:
            os.replace(temporary, path)
            return
        except PermissionError:
            if sys.platform != "win32" or time.monotonic() > until:
                raise
            time.sleep(0.01)


def tail_of(path: Path) -> str:
    """The end of a text file, at most 64 kB of it; empty when it can't be read."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL))
            return file.read().decode("utf-8", "replace")
    except OSError:
        return ""


def object_in(path: Path) -> dict[str, Any]:
    """The JSON object in a file; an empty one when it is missing, damaged or something else."""
    try:
        parsed = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return cast("dict[str, Any]", parsed) if isinstance(parsed, dict) else {}


def whole_path(path: Path) -> Path:
    """The path from the root on, with ~ written out. Raises StudioError for no such home, or a name that isn't text."""
    try:
        whole = path.expanduser().absolute()
    except RuntimeError as error:
        raise StudioError(f"There is no home folder for “{path.parts[0]}”.", "Write the whole path.") from error
    name = str(whole).encode("utf-8", "replace").decode()
    if name != str(whole):  # bytes in an encoding of long ago: SQLite could use it, but not what trains
        raise StudioError(f"The name “{name}” is not text that every program can read.", "Rename the folder.")
    return whole


def reading_trouble(error: OSError, path: Path) -> StudioError:
    """The sentence for an operating-system error met while reading `path`."""
    if isinstance(error, FileNotFoundError):
        return StudioError(f"There is no file “{path}”.", "It may have been moved; choose it again.")
    details = f"{type(error).__name__}: {error}"
    return StudioError(f"“{path}” can't be read: {error.strerror or error}.", "Check its permissions.", details)


def disk_trouble(error: OSError, path: Path) -> StudioError:
    """The sentence for an operating-system error met while writing `path`."""
    details = f"{type(error).__name__}: {error}"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return disk_full(path, details)
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return StudioError(
            f"“{path}” can't be written: {error.strerror}.",
            "Change the folder's permissions, or choose a folder that is yours.",
            details,
        )
    return StudioError(
        f"“{path}” can't be written: {error.strerror or error}.", "Check the disk and try again.", details
    )


def disk_full(path: Path, details: str = "") -> StudioError:
    """The sentence for a full disk."""
    return StudioError(
        f"The disk that holds “{path.name}” is full ({free_space(path)} free).",
        "Free some space and try again; nothing that was there is lost.",
        details,
    )


def free_space(path: Path) -> str:
    """Free space on the disk of `path`, in words."""
    free = free_bytes(path)
    return "unknown space" if free is None else in_bytes(free)


def is_full(path: Path) -> bool:
    """Whether next to nothing can be written to the disk of `path`."""
    free = free_bytes(path)
    return free is not None and free < _NEXT_TO_NOTHING


def free_bytes(path: Path) -> int | None:
    """Free bytes on the disk of a path, or of its nearest parent that exists."""
    for folder in (path, *path.parents):
        with contextlib.suppress(OSError):
            return shutil.disk_usage(folder).free
    return None


def in_bytes(count: float) -> str:
    """A number of bytes in words, such as "1.4 GB"."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if abs(count) < 1000:
            return f"{count:.0f} {unit}" if unit == "bytes" or count >= 100 else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"
