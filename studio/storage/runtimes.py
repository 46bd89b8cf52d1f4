"""Runtimes: private folders with Python and torch, for a packaged program that brings neither. Which one is in use is a
line in a file, switched in one step once a new one was tried. Making one is `processes.runtimes`.

Only the thin build needs one; a checkout and the offline build have torch beside them.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import platformdirs
import psutil

from studio.core.errors import StudioError
from studio.core.torch_builds import System
from studio.storage.files import write_whole
from studio.storage.resources import carried
from studio.storage.settings import home, is_portable

_MARK = "plumbline-runtime"  # a file in each runtime's folder: nothing without it is ever deleted
_RECORD = "runtime.json"
_OF_UV = "plumbline-uv"  # in a folder that a person chose there may be another “uv”, “cache” or “python”
_ENDING = 5.0  # seconds; a worker that was told to end needs a moment
WINDOW_PYTHON = ".".join(map(str, sys.version_info[:2]))  # of this process
LENT = ("pyarrow", "tokenizers")  # to the window of the thin program, which leaves them out


@dataclass(frozen=True, slots=True)
class Runtime:
    """One that was tried and works. build: the key of a `TorchBuild`. lock: what was installed, by its hash."""

    folder: str
    build: str
    lock: str
    python: str  # version
    made: float
    device: str = ""

    @property
    def interpreter(self) -> Path:
        """The Python that runs the worker."""
        return interpreter_in(Path(self.folder))

    @property
    def is_there(self) -> bool:
        """Whether its Python still is where it was."""
        return self.interpreter.exists()

    @property
    def is_current(self) -> bool:
        """Whether it holds what this version of Plumbline wants for that build."""
        try:
            return self.lock == lock_hash(lock_file(self.build))
        except StudioError:
            return False

    def lends(self) -> Path | None:
        """The folder of the packages that this process can import: those for another Python don't fit."""
        folder = Path(self.folder)
        places = [lent_folder(folder)]
        if same_python(self.python, WINDOW_PYTHON):
            places = [folder / "Lib" / "site-packages", *folder.glob("lib/python3*/site-packages")]
        return next((place for place in places if place.is_dir()), None)


def is_needed() -> bool:
    """Whether this program brings no torch of its own."""
    if not getattr(sys, "frozen", False):
        return False
    return not Path(sys.executable).with_name("plumbline-worker" + Path(sys.executable).suffix).exists()


def system() -> System:
    """This computer's system, as `core.torch_builds` names it."""
    return "windows" if sys.platform == "win32" else "macos" if sys.platform == "darwin" else "linux"


def interpreter_in(folder: Path) -> Path:
    """The Python of a runtime's folder."""
    return folder / "Scripts" / "python.exe" if sys.platform == "win32" else folder / "bin" / "python"


def same_python(one: str, other: str) -> bool:
    """Whether compiled packages fit both of two versions of Python."""
    return one.split(".")[:2] == other.split(".")[:2]


def lent_folder(folder: Path) -> Path:
    """Where a runtime with another Python than the window's keeps what it lends to the window, installed for that."""
    return folder / f"lent-{WINDOW_PYTHON}"


def runtimes_home() -> Path:
    """Where runtimes are put unless another folder is chosen: gigabytes, so not among the settings."""
    if os.environ.get("PLUMBLINE_HOME") or is_portable():
        return home() / "runtimes"
    return Path(platformdirs.user_data_dir("Plumbline", appauthor=False)) / "runtimes"


def current_runtime() -> Runtime | None:
    """The one in use; None when there is none, or it is gone."""
    try:
        told = json.loads((home() / _RECORD).read_text(encoding="utf-8"))
        runtime = Runtime(**{field.name: told[field.name] for field in dataclasses.fields(Runtime)})
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return runtime if runtime.is_there else None


def use_runtime(runtime: Runtime) -> None:
    """Switch to it. Raises StudioError."""
    write_whole(home() / _RECORD, json.dumps(dataclasses.asdict(runtime), indent=2, ensure_ascii=False) + "\n")


def new_folder(place: Path, build: str) -> Path:
    """Make the folder of a new runtime in `place`. Raises OSError."""
    stem = f"{build}-{time.strftime('%Y%m%d-%H%M%S')}"
    folder = next(
        place / name for name in (stem, *(f"{stem}-{n}" for n in range(2, 99))) if not (place / name).exists()
    )
    folder.mkdir(parents=True)
    (folder / _MARK).touch()
    return folder


def uv_folder(place: Path) -> Path:
    """Where uv keeps, beside the runtimes of `place`, what came so far and the Python that they share."""
    return place / _OF_UV


def remove_runtimes(place: Path, keep: Runtime | None) -> list[Path]:
    """Delete every runtime in `place` but one, what was begun and never finished too; returns what is still in use and
    stays. Folders that are no runtimes are left alone."""
    stay: list[Path] = []
    for folder in _runtimes_in(place) or ():
        if keep is not None and _is_same(folder, Path(keep.folder)):
            continue
        if is_in_use(folder):
            stay.append(folder)
        else:
            shutil.rmtree(folder, ignore_errors=True)
    return stay


def leave_place(place: Path) -> None:
    """Delete what uv keeps in `place`, where no runtime is left."""
    if _runtimes_in(place) == []:
        shutil.rmtree(uv_folder(place), ignore_errors=True)


def _runtimes_in(place: Path) -> list[Path] | None:
    """None when nobody can know: it isn't there, can't be read, or is on a drive that is away."""
    try:
        # Not Path.is_file, which raises for a folder that may not be entered, such as a drive's lost+found.
        return [folder for folder in sorted(place.iterdir()) if os.path.isfile(folder / _MARK)]
    except OSError:
        return None


def _is_same(folder: Path, other: Path) -> bool:
    """A place can be written in several ways, through links for instance."""
    try:
        return folder.samefile(other)
    except OSError:
        return False


def forget_runtime(patience: float = _ENDING) -> None:
    """Delete the runtime in use. Raises StudioError while something trains with it."""
    runtime = current_runtime()
    if runtime is not None:
        until = time.monotonic() + patience
        while (used := is_in_use(Path(runtime.folder))) and time.monotonic() < until:
            time.sleep(0.2)
        if used:
            raise StudioError("The runtime is in use by a run or a chat.", "Stop it first, then remove the runtime.")
        shutil.rmtree(runtime.folder, ignore_errors=True)
        leave_place(Path(runtime.folder).parent)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(home() / _RECORD)


def is_in_use(folder: Path) -> bool:
    """Whether a process runs on the Python of that folder."""
    start = os.path.join(os.path.realpath(folder), "")
    for process in psutil.process_iter(["cmdline", "exe"]):
        words: list[str] = [*(process.info["cmdline"] or [])[:1], process.info["exe"] or ""]
        # Either can be written through links. The interpreter itself is one too, which leads out of the folder.
        places = (os.path.join(os.path.realpath(os.path.dirname(word)), "") for word in words if os.path.isabs(word))
        if any(place.startswith(start) for place in places):
            return True
    return False


def lock_file(build: str, on: System | None = None) -> Path:
    """The list of what a build installs, each package with its version and hashes. Raises StudioError."""
    try:
        return carried("packaging", "locks", f"{on or system()}-{build}.txt")
    except StudioError as error:
        raise StudioError(
            f"This copy of Plumbline has no list of files for the build “{build}” of torch.",
            "Choose another build, or get a released copy of Plumbline.",
            error.sentence,
        ) from error


def has_lock(build: str) -> bool:
    """Whether this program can set up that build on this system."""
    try:
        return lock_file(build).is_file()
    except StudioError:
        return False


def lock_hash(lock: Path) -> str:
    """Names the contents of a lock."""
    return hashlib.sha256(lock.read_bytes()).hexdigest()[:16]


def lend_packages() -> None:
    """Let this process import `LENT` from the runtime, which the thin program leaves out."""
    runtime = current_runtime() if is_needed() else None
    packages = runtime.lends() if runtime is not None else None
    if packages is not None and str(packages) not in sys.path:
        sys.path.append(str(packages))  # after what the program brings, which is what it was tested with
