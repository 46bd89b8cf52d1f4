"""Runs the program from the checkout with the modules blocked that a packaged one leaves out: half a minute instead of
a build, to see whether a new import needs one of them. `python packaging/check_bundle.py`

Whether everything else is collected is seen by building: `check_program.py` tries what was built.
"""

from __future__ import annotations

import importlib.util
import os
import pkgutil
import subprocess
import sys
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path

import bundle

HERE = Path(__file__).resolve()
BLOCKED = {"window": bundle.NOT_IN_WINDOW, "worker": bundle.NOT_IN_WORKER}


def block(names: tuple[str, ...]) -> None:
    """Let nobody find these modules, as if they were not installed."""
    left_out = frozenset(names)
    find = PathFinder.find_spec

    def find_others(name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        parts = name.split(".")
        if any(".".join(parts[:length]) in left_out for length in range(1, len(parts) + 1)):
            return None
        return find(name, path, target)  # pyright: ignore[reportArgumentType]

    PathFinder.find_spec = staticmethod(find_others)  # pyright: ignore[reportAttributeAccessIssue]


def run_blocked(part: str, words: list[str]) -> int:
    """Be the window or the worker, without what it would lack."""
    block(BLOCKED[part])
    if words == ["import"]:  # every module of the engine, also those that few runs need
        import studio.engine

        for found in pkgutil.walk_packages(studio.engine.__path__, "studio.engine."):
            importlib.import_module(found.name)
        return 0
    from studio.__main__ import main

    return main(words)


def main() -> int:
    """Try both parts; the exit status."""
    if sys.argv[1:2] == ["--blocked"]:
        return run_blocked(sys.argv[2], sys.argv[3:])
    sys.path.insert(0, str(bundle.ROOT))
    from studio.processes.trial import train_two_steps

    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "PYTHONPATH": str(bundle.ROOT)}
    os.environ["PYTHONPATH"] = str(bundle.ROOT)
    command = [sys.executable, str(HERE), "--blocked"]
    for part, words in (("window", ["--check"]), ("worker", ["import"])):
        done = subprocess.run([*command, part, *words], env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            print(f"Without what the {part} leaves out it fails:\n{done.stderr[-3000:]}")
            return 1
        print(f"ok      the {part} starts without what it leaves out")
    trial = train_two_steps([*command, "worker"])
    print(f"ok      the worker trains without what it leaves out (loss {trial.loss:.2f}, {trial.seconds:.0f} s)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
