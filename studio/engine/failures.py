"""Failures: an exception from any library turned into the sentence that a person can act on."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import traceback
from pathlib import Path

from studio.core.errors import StudioError
from studio.storage.files import disk_full, disk_trouble

# What torch and safetensors say instead of ENOSPC.
_FULL = ("no space left on device", "os error 28", "os error 112", "disk quota exceeded")
_WRITER = ("pytorchstreamwriter", "inline_container", "unexpected pos")
_MEMORY = ("out of memory", "can't allocate memory", "not enough memory", "alloc_cpu", "cublas_status_alloc_failed")
_NEARLY_FULL = 16 * 1024 * 1024


def explain(error: BaseException) -> str:
    """The traceback as text, for Copy diagnostics."""
    return "".join(traceback.format_exception(error))


def log(text: str) -> None:
    """Write to the worker's log, past Python's buffers: on a full disk nothing is left behind that fails at exit."""
    with contextlib.suppress(OSError):
        os.write(2, f"{text}\n".encode("utf-8", "replace"))


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out, of the card or of the computer."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":  # torch's; it may not be there
        return True
    return isinstance(error, RuntimeError) and any(words in str(error).lower() for words in _MEMORY)


def is_disk_full(error: BaseException, folder: Path) -> bool:
    """Whether a write failed because the disk of `folder` is full."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return True
    text = str(error).lower()
    if any(words in text for words in _FULL):
        return True
    # torch's writer says only where it stopped; a disk without room says why.
    return any(words in text for words in _WRITER) and shutil.disk_usage(folder).free < _NEARLY_FULL


def as_sentence(error: BaseException, folder: Path) -> StudioError:
    """What to tell a person about `error`, met while working in `folder`."""
    if isinstance(error, StudioError):
        return error if error.details else StudioError(error.what, error.hint, explain(error))
    if is_disk_full(error, folder):
        return disk_full(folder, explain(error))
    if is_out_of_memory(error):
        return StudioError(
            "Memory ran out.",
            "Train with fewer examples at a time or a smaller “longest example”, close other programs, "
            "or choose a smaller model.",
            explain(error),
        )
    if isinstance(error, PermissionError) or (isinstance(error, OSError) and error.errno in (errno.EROFS, errno.EIO)):
        return disk_trouble(error, Path(error.filename or folder))
    lines = str(error).strip().splitlines()
    said = f": {lines[0][:300].rstrip('.')}" if lines else ""
    return StudioError(
        f"Something failed that Plumbline didn't expect ({type(error).__name__}{said}).",
        "Copy diagnostics holds what a developer needs to know.",
        explain(error),
    )
