"""What a packaged program does before anything else; it leaves out whatever a checkout needs as well."""

from __future__ import annotations

import multiprocessing
import os
import sys


def start() -> None:
    """Be the child that Python asked for, if it did; then set its surroundings right."""
    multiprocessing.freeze_support()
    _give_back_the_library_path()


def _give_back_the_library_path() -> None:
    """PyInstaller points it at the program's own libraries, which is wrong for every other program that is started
    from here: uv, the runtime's Python, nvidia-smi, the file manager. This process has read it already. This program
    started again shall point it there again, which it would leave out as a child of itself."""
    os.environ["PYINSTALLER_RESET_ENVIRONMENT"] = "1"
    kept = os.environ.pop("LD_LIBRARY_PATH_ORIG", None)
    if kept is not None:
        os.environ["LD_LIBRARY_PATH"] = kept
    elif sys.platform.startswith("linux"):
        os.environ.pop("LD_LIBRARY_PATH", None)
