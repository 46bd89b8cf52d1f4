"""Room: whether the disk can take the next checkpoint, known before a byte of it is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import Tensor

from studio.core.errors import StudioError
from studio.storage.files import free_bytes, in_bytes
from studio.storage.runs import RunFolder

# Checkpoints differ a little in size, and events and the log need something too.
_MORE = 1.1
_BESIDE = 16 * 1024 * 1024


def no_room(run: RunFolder, model: Any, optimizer: Any, *, step: int, last: bool) -> StudioError | None:
    """Why the checkpoint of `step` should not be begun; None when there is room. last: the result is copied from it."""
    free = free_bytes(run.folder)
    saved = run.last_checkpoint()
    needed = _size_of(saved.folder) if saved else _forecast(model, optimizer)
    needed = int(needed * _MORE * (2 if last else 1)) + _BESIDE
    if free is None or free >= needed:
        return None
    since = f"checkpoint {saved.step:,}" if saved else "the beginning"
    return StudioError(
        f"The disk is nearly full: {in_bytes(free)} are free and saving needs about {in_bytes(needed)}, so the run "
        f"paused at step {step:,} before it wrote anything.",
        f"Free some space, then press Resume; the steps since {since} are run again.",
    )


def _size_of(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def _forecast(model: Any, optimizer: Any) -> int:
    """What is trained, and what the optimiser keeps of it."""
    weights = sum(weight.nbytes for weight in model.parameters() if weight.requires_grad)
    state = getattr(optimizer, "state", {})
    kept = sum(value.nbytes for values in state.values() for value in values.values() if isinstance(value, Tensor))
    return weights + kept
