"""What a packaged program does before anything else; it leaves out whatever a checkout needs as well."""

from __future__ import annotations

import multiprocessing
import os
import sys
from pathlib import Path

# A folder of this name beside the program makes it portable: settings, projects and runtimes are kept in it.
PORTABLE = "plumbline-data"


def start() -> None:
    """Be the child that Python asked for, if it did; then set this process's surroundings right."""
    multiprocessing.freeze_support()
    _give_back_the_library_path()
    _stay_beside_the_program()


def _give_back_the_library_path() -> None:
    """PyInstaller points it at the program's own libraries, which is wrong for every other program that is started
    from here: uv, the runtime's Python, nvidia-smi, the file manager. This process has read it already."""
    kept = os.environ.pop("LD_LIBRARY_PATH_ORIG", None)
    if kept is not None:
        os.environ["LD_LIBRARY_PATH"] = kept
    elif sys.platform.startswith("linux"):
        os.environ.pop("LD_LIBRARY_PATH", None)


def _stay_beside_the_program() -> None:
    folder = Path(sys.executable).resolve().parent / PORTABLE
    if folder.is_dir() and os.access(folder, os.W_OK):
        os.environ.setdefault("PLUMBLINE_HOME", str(folder))
