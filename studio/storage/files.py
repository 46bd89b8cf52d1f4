"""Files written whole or not at all, and disk trouble said in words."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import tempfile
from pathlib import Path

from studio.core.errors import StudioError


def write_whole(path: Path, text: str) -> None:
    """Write a UTF-8 file so that a reader sees the old text or the new one, never a part. Raises StudioError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
    except OSError as error:
        raise disk_trouble(error, path) from error


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
    """Free space on the disk of `path` (or of its nearest existing parent), in words."""
    for folder in (path, *path.parents):
        with contextlib.suppress(OSError):
            return in_bytes(shutil.disk_usage(folder).free)
    return "unknown space"


def in_bytes(count: float) -> str:
    """A number of bytes in words, such as "1.4 GB"."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if abs(count) < 1000:
            return f"{count:.0f} {unit}" if unit == "bytes" or count >= 100 else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"
