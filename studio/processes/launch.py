"""Starting workers: the command line of one, its environment, and a process that outlives or dies with its parent."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from studio.core.errors import StudioError
from studio.storage.resources import carried
from studio.storage.runtimes import current_runtime, interpreter_in, is_needed
from studio.storage.settings import home, is_portable

# Torch's CUDA allocator fragments less with expandable segments; Python must not buffer what the log should show.
_ENVIRONMENT = {
    "PYTHONUNBUFFERED": "1",
    "PYTHONIOENCODING": "utf-8",
    "PYTORCH_CUDA_ALLOC_CONF": "expandable_segments:True",
}
# -P: what lies in the folder that the user happens to be in is no part of the program, whatever it is called.
_PROGRAM = (sys.executable, "-P", "-m", "studio")


def worker_command(*words: str) -> list[str]:
    """The command that starts a worker: this program again, told to be one; the program beside a packaged one; or the
    Python of the runtime. Raises StudioError when there is no runtime yet."""
    if not getattr(sys, "frozen", False):
        return [*_PROGRAM, "--worker", *words]
    if not is_needed():
        beside = Path(sys.executable).with_name("plumbline-worker" + Path(sys.executable).suffix)
        return [str(beside), "--worker", *words]
    runtime = current_runtime()
    if runtime is None:
        raise StudioError("Training is not set up on this computer yet.", "Choose “Set up training” on the start page.")
    return [*runtime_worker(Path(runtime.folder)), "--worker", *words]


def runtime_worker(folder: Path) -> list[str]:
    """The command that starts a worker with a runtime's Python on the sources that this program carries, before the
    words that say which. -I: the runtime's packages alone, whatever the user's own Python has."""
    # The program's folder can't be written to, and compiling all sources again would slow down every start.
    kept = f"pycache_prefix={folder / 'pycache'}"
    python = [str(interpreter_in(folder)), "-I", "-u", "-X", "utf8", "-X", kept]
    return [*python, str(carried("worker"))]


def has_screen() -> bool:
    """Whether a window can be seen here."""
    return sys.platform in ("win32", "darwin") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def window_command(*words: str) -> list[str]:
    """The command that opens the window: this program again."""
    if getattr(sys, "frozen", False):
        return [sys.executable, *words]
    return [*_PROGRAM, *words]


def start_worker(
    command: Sequence[str],
    *,
    log: IO[bytes],
    talks: bool,
) -> subprocess.Popen[bytes]:
    """Start a worker in a process group of its own, so that Ctrl+C and a closing terminal don't reach it.

    talks: stdin and stdout are pipes and stderr is the log; otherwise it has no pipe at all and logs everything,
    so that no pipe can be left unread and nothing breaks when the parent goes. Raises StudioError.
    """
    flags = 0
    if sys.platform == "win32":
        flags = (
            subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.BELOW_NORMAL_PRIORITY_CLASS
        )
    # A runtime's Python lies elsewhere, so it can't see that the program keeps everything beside itself.
    portable = {"PLUMBLINE_HOME": str(home())} if is_portable() else {}
    try:
        return subprocess.Popen(
            list(command),
            stdin=subprocess.PIPE if talks else subprocess.DEVNULL,
            stdout=subprocess.PIPE if talks else log,
            stderr=log,
            env={**os.environ, **_ENVIRONMENT, **portable},
            start_new_session=True,
            creationflags=flags,
        )
    except OSError as error:
        raise StudioError(
            f"The process that does the work can't be started ({error}).",
            "Close other programs and try again; if it stays, install Plumbline again.",
        ) from error
