"""Having a model's pickled weights converted: by a worker that is waited for, so a window asks in a thread."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

from studio.core.errors import Cancelled, StudioError
from studio.processes.launch import worker_command
from studio.storage.new_folder import new_folder

_LOOK_EVERY = 0.2  # seconds: how long it may take to see that it is cancelled


def convert_model(source: Path, target: Path, cancelled: Callable[[], bool] = lambda: False) -> Path:
    """Write the model of `source` into the new folder `target` as safetensors, whole or not at all. Returns it. Raises
    StudioError, and Cancelled soon after `cancelled` says so."""
    with new_folder(target) as making:
        _convert(source, making, cancelled)
    return target


def _convert(source: Path, making: Path, cancelled: Callable[[], bool]) -> None:
    try:
        worker = subprocess.Popen(
            worker_command("convert", str(source), str(making)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        )
    except OSError as error:
        raise StudioError(f"The converting process can't be started ({error}).") from error
    with worker:
        told = _wait_for(worker, cancelled)
    if worker.returncode:
        said = told.decode("utf-8", "replace").strip().splitlines()
        raise StudioError(
            said[-1] if said else f"The converting process ended with exit code {worker.returncode}.",
            "The model's own files are as they were.",
        )


def _wait_for(worker: subprocess.Popen[bytes], cancelled: Callable[[], bool]) -> bytes:
    """What a worker writes to its standard error until it ends."""
    while True:
        try:
            return worker.communicate(timeout=_LOOK_EVERY)[1]
        except subprocess.TimeoutExpired:
            if cancelled():
                worker.kill()
                raise Cancelled from None
