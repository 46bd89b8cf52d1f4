"""Having a model's pickled weights converted: by a worker that is waited for, so a window asks in a thread."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from studio.core.errors import StudioError
from studio.processes.launch import worker_command


def convert_model(source: Path, target: Path) -> Path:
    """Write the model of `source` into the new folder `target` as safetensors. Returns it. Raises StudioError."""
    try:
        done = subprocess.run(
            worker_command("convert", str(source), str(target)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONIOENCODING": "utf-8"},
            check=False,
        )
    except OSError as error:
        raise StudioError(f"The converting process can't be started ({error}).") from error
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise StudioError(
            said[-1] if said else f"The converting process ended with exit code {done.returncode}.",
            "The model's own files are as they were.",
        )
    return target
