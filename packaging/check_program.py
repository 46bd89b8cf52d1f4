"""Tries a built program: `python packaging/check_program.py FOLDER`, with --selftest the whole of it.

Says each thing that holds; the exit status is 1 at the first that does not. No display and no network are needed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import bundle

ROOT = bundle.ROOT
ENDING = ".exe" if sys.platform == "win32" else ""
# A program of Windows' windows says nothing on a terminal; this one does.
COMMAND = ("plumbline-cli" if sys.platform == "win32" else "plumbline") + ENDING
_FOREIGN = {"plumbline": ("torch", "transformers", "studio.engine"), "plumbline-worker": ("PySide6", "studio.gui")}
_WARM = 1.0  # seconds until the window can be used; twice that here, where machines are shared


class Failed(Exception):
    """Something that should hold does not."""


def check_contents(folder: Path) -> str:
    """The window has no torch in it, the worker no Qt, the thin one no worker."""
    from PyInstaller.archive.readers import CArchiveReader

    told: list[str] = []
    for program, foreign in _FOREIGN.items():
        file = folder / (program + ENDING)
        if not file.exists():
            continue
        archive = CArchiveReader(str(file))
        modules = set(archive.open_embedded_archive("PYZ.pyz").toc)
        wrong = sorted(name for name in modules if name.split(".")[0] in foreign or name.startswith(foreign))
        if wrong:
            raise Failed(f"{program} holds {', '.join(wrong[:5])}")
        told.append(f"{program} {len(modules)} modules")
    if not told:
        raise Failed(f"there is no program in {folder}")
    return ", ".join(told)


def check_version(folder: Path, environment: dict[str, str]) -> str:
    """It starts on the command line."""
    said = _run(folder, ["--version"], environment)
    if not said.startswith("Plumbline "):
        raise Failed(f"--version says {said!r}")
    return said.strip()


def check_window(folder: Path, environment: dict[str, str]) -> str:
    """The window opens, twice: the second time from a warm cache."""
    seconds = 0.0
    for _ in range(2):
        began = time.monotonic()
        told = json.loads(_run(folder, ["--check"], environment).splitlines()[-1])
        seconds = told["usable_at"] - began
    if seconds > 2 * _WARM:
        raise Failed(f"the window could be used after {seconds:.2f} s only")
    return f"usable after {seconds:.2f} s, {told['memory'] / 1e6:.0f} MB"


def check_choices(folder: Path, environment: dict[str, str]) -> str:
    """The packaged program chooses for every computer of the table what the test says."""
    table = ROOT / "tests" / "core" / "machines.json"
    rows = json.loads(table.read_text(encoding="utf-8"))
    said = [json.loads(line) for line in _run(folder, ["runtime", "choose", str(table)], environment).splitlines()]
    for row, choice in zip(rows, said, strict=True):
        if choice["build"] != row["build"]:
            raise Failed(f"for {row['is']} it chooses {choice['build']}, not {row['build']}")
    return f"{len(rows)} computers"


def check_locks(folder: Path) -> str:
    """The thin program has every list for its system that it may need."""
    inside = next(place for place in (folder / "_internal", folder) if (place / "packaging" / "locks").is_dir())
    system = {"win32": "windows", "darwin": "macos"}.get(sys.platform, "linux")
    there = {path.stem for path in (inside / "packaging" / "locks").glob(f"{system}-*.txt")}
    made = {path.stem for path in (ROOT / "packaging" / "locks").glob(f"{system}-*.txt")}
    if there != made or not there:
        raise Failed(f"it has the lists {sorted(there)}, not {sorted(made)}")
    return ", ".join(sorted(there))


def check_languages(folder: Path) -> str:
    """It has every language of the checkout, and the words of Qt's own buttons for it."""
    for code in bundle.LANGUAGES:
        ours = list(folder.rglob(f"resources/languages/{code}.*"))
        qts = [*folder.rglob(f"qtbase_{code}.qm"), *folder.rglob(f"qtbase_{code.partition('_')[0]}.qm")]
        if {path.suffix for path in ours} != {".qm", ".ts"} or not qts:
            raise Failed(f"of the language {code} it has {[path.name for path in (*ours, *qts)]}")
    return ", ".join(("en", *bundle.LANGUAGES))


def check_self(folder: Path, environment: dict[str, str]) -> str:
    """The program's own test of itself."""
    return _run(folder, ["selftest"], environment, 1800).splitlines()[-1]


def _run(folder: Path, words: list[str], environment: dict[str, str], timeout: float = 120) -> str:
    done = subprocess.run(
        [str(folder / COMMAND), *words], env=environment, capture_output=True, timeout=timeout, check=False
    )
    said = done.stdout.decode("utf-8", "replace")
    if done.returncode:
        raise Failed(
            f"“{' '.join(words)}” ended with {done.returncode}:\n{said}{done.stderr.decode('utf-8', 'replace')}"
        )
    return said


def main() -> int:
    """Check a folder. The exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--selftest", action="store_true", help="train, chat and export with it too: minutes")
    arguments = parser.parse_args()
    folder: Path = arguments.folder.resolve()
    with tempfile.TemporaryDirectory() as home:
        kept = ("SYSTEMROOT", "TEMP", "TMP", "USERPROFILE", "LOCALAPPDATA", "PATH") if sys.platform == "win32" else ()
        environment = {key: os.environ[key] for key in kept if key in os.environ}
        environment |= {"PLUMBLINE_HOME": home, "QT_QPA_PLATFORM": "offscreen"}
        checks = [
            ("what is in it", lambda: check_contents(folder)),
            ("the command line", lambda: check_version(folder, environment)),
            ("the window", lambda: check_window(folder, environment)),
            ("which torch for whom", lambda: check_choices(folder, environment)),
            ("languages", lambda: check_languages(folder)),
        ]
        if not (folder / ("plumbline-worker" + ENDING)).exists():
            checks.append(("lists of packages", lambda: check_locks(folder)))
        if arguments.selftest:
            checks.append(("the self-test", lambda: check_self(folder, environment)))
        for label, check in checks:
            try:
                print(f"ok      {label}: {check()}", flush=True)
            except (Failed, OSError, subprocess.TimeoutExpired, ValueError, StopIteration) as error:
                print(f"FAILED  {label}: {error}")
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
