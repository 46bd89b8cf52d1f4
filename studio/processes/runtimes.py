"""Making a runtime: uv makes a folder with Python and the packages of a lock, a trial training runs in it, and only
then it takes the place of the one before. Whatever goes wrong until then, the one before goes on working.

Which build fits is `core.torch_builds`; where runtimes are kept is `storage.runtimes`.
"""

from __future__ import annotations

import collections
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from studio.core.errors import Cancelled, StudioError
from studio.core.torch_builds import BUILDS
from studio.processes.launch import runtime_worker
from studio.processes.trial import train_two_steps
from studio.storage.files import disk_trouble, free_bytes, in_bytes
from studio.storage.progress import Cancel, Report, never, quiet
from studio.storage.resources import carried
from studio.storage.runtimes import (
    LENT,
    WINDOW_PYTHON,
    Runtime,
    current_runtime,
    interpreter_in,
    leave_place,
    lent_folder,
    lock_file,
    lock_hash,
    new_folder,
    remove_runtimes,
    runtimes_home,
    same_python,
    use_runtime,
    uv_folder,
)

_POLL = 0.2  # seconds
_TAIL = 400  # lines of uv that an error keeps; to a wrong hash it names every right one, which may be 224
_SPARE = 500 * 1000**2  # bytes that must stay free
_ALREADY = frozenset({"UV_PYTHON_INSTALL_MIRROR", "UV_HTTP_TIMEOUT"})  # of a person who knows uv
# What would lead uv or its Python elsewhere.
_FOREIGN = ("UV_", "PIP_", "PYTHON", "CONDA_", "VIRTUAL_ENV", "LD_LIBRARY_PATH_ORIG")


@dataclass(frozen=True, slots=True)
class Plan:
    """What to set up and where from. place: the folder of all runtimes. wheels: a folder that holds every package, for
    a computer without a network. packages and torch: the address of a mirror, or a folder. python: a version that uv
    fetches, or the path of an interpreter; empty for the one that suits."""

    build: str
    place: Path
    wheels: str = ""
    packages: str = ""
    torch: str = ""
    python: str = ""

    @property
    def asked_python(self) -> str:
        """What uv is asked for. With the window's own version the window can borrow packages from the runtime."""
        return self.python or BUILDS[self.build].python or WINDOW_PYTHON


def plan_for(build: str) -> Plan:
    """The plan that nobody changed."""
    return Plan(build, runtimes_home())


def uv_program() -> Path:
    """The uv that this program carries. Raises StudioError."""
    return carried("uv.exe" if sys.platform == "win32" else "uv")


def set_up(
    plan: Plan, report: Report = quiet, cancelled: Cancel = never, *, uv: Path | None = None, lock: Path | None = None
) -> Runtime:
    """Make a runtime, try it, and switch to it. `report` is given bytes on the disk, the bytes expected, and what is
    being done. Raises StudioError or Cancelled; the runtime that was in use then still is."""
    uv, lock = uv or uv_program(), lock or lock_file(plan.build)
    _check_room(plan)
    before = current_runtime()
    try:
        plan.place.mkdir(parents=True, exist_ok=True)
        remove_runtimes(plan.place, before)
        folder = new_folder(plan.place, plan.build)
    except OSError as error:
        raise disk_trouble(error, plan.place) from error
    try:
        work = _Work(uv, plan, folder, report, cancelled)
        work.do("Making the folder and fetching Python", venv_words(uv, plan, folder))
        work.check_python()
        work.do("Downloading and installing packages", install_words(uv, plan, folder, lock))
        if not same_python(work.python(), WINDOW_PYTHON):
            work.do("Downloading and installing packages", lend_words(uv, plan, folder, lock))
        report(work.expected, work.expected, "Trying it: training two steps")
        trial = train_two_steps(runtime_worker(folder), cancelled)
        runtime = Runtime(str(folder), plan.build, lock_hash(lock), work.python(), time.time(), trial.device)
        use_runtime(runtime)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    # Files of the cache are the runtime's own by hard links: kept, they would only repair a damaged file with itself.
    shutil.rmtree(uv_folder(plan.place) / "cache", ignore_errors=True)
    for place in (
        plan.place,
        Path(before.folder).parent if before else plan.place,
    ):  # it may have been on another drive
        remove_runtimes(place, runtime)
        leave_place(place)
    return runtime


def venv_words(uv: Path, plan: Plan, folder: Path) -> list[str]:
    """The command that makes the runtime's folder."""
    return [str(uv), "venv", "--no-project", "--allow-existing", "--python", plan.asked_python, str(folder)]


def install_words(uv: Path, plan: Plan, folder: Path, lock: Path) -> list[str]:
    """The command that installs a lock's packages, and nothing whose hash it does not name."""
    words = [*_install(uv, plan, folder), "--compile-bytecode", "--requirements", str(lock)]
    # A version such as 2.13.0+cu126 is on torch's own index alone. Hashes make any place as good as another.
    if not plan.wheels and "+" in _version("torch", lock):
        if not plan.torch:
            words += ["--torch-backend", plan.build]
        elif Path(plan.torch).is_dir():
            words += ["--find-links", plan.torch]
        else:
            words += ["--index", plan.torch, "--index-strategy", "unsafe-best-match"]
    return words


def lend_words(uv: Path, plan: Plan, folder: Path, lock: Path) -> list[str]:
    """The command that installs, for the window's Python, what a runtime with another lends to it."""
    words = [*_install(uv, plan, folder), "--target", str(lent_folder(folder)), "--python-version", WINDOW_PYTHON]
    return [*words, "--no-deps", "--constraints", str(lock), *(f"{name}=={_version(name, lock)}" for name in LENT)]


def _install(uv: Path, plan: Plan, folder: Path) -> list[str]:
    words = [str(uv), "pip", "install", "--python", str(interpreter_in(folder)), "--require-hashes", "--no-build"]
    if plan.wheels:
        return [*words, "--no-index", "--find-links", plan.wheels]
    return [*words, "--default-index", plan.packages] if plan.packages else words


def clean_environment(place: Path, outer: Mapping[str, str]) -> dict[str, str]:
    """uv's environment: its files in `place`, on one disk so that they are linked and not copied; the user's own
    settings of uv, pip and Python left out, those of the network kept."""
    kept = {key: value for key, value in outer.items() if key in _ALREADY or not key.startswith(_FOREIGN)}
    return {
        **kept,
        "UV_NO_CONFIG": "1",
        "UV_NO_PROGRESS": "1",
        "UV_CACHE_DIR": str(uv_folder(place) / "cache"),
        "UV_PYTHON_INSTALL_DIR": str(uv_folder(place) / "python"),
        "UV_SYSTEM_CERTS": "1",  # a company's or a virus scanner's certificates are known to the system alone
    }


def _version(package: str, lock: Path) -> str:
    found = re.search(rf"^{package}==(\S+)", lock.read_text(encoding="utf-8"), re.MULTILINE)
    return found[1] if found else ""


def _check_room(plan: Plan) -> None:
    free, needed = free_bytes(plan.place), BUILDS[plan.build].disk + _SPARE
    if free is not None and free < needed:
        raise StudioError(
            f"Setting up “{BUILDS[plan.build].label}” needs {in_bytes(needed)}; the disk of “{plan.place}” has "
            f"{in_bytes(free)} free.",
            "Free some space, or choose a folder on another drive.",
        )


class _Work:
    """Runs uv step by step, tells how much has come onto the disk meanwhile, and ends it when asked to."""

    def __init__(self, uv: Path, plan: Plan, folder: Path, report: Report, cancelled: Cancel) -> None:
        self._plan, self._folder, self._report, self._cancelled = plan, folder, report, cancelled
        self._environment = clean_environment(plan.place, os.environ)
        self.expected = BUILDS[plan.build].disk
        self._free = free_bytes(plan.place) or 0
        self._done = 0

    def do(self, what: str, words: list[str]) -> None:
        said: collections.deque[str] = collections.deque(maxlen=_TAIL)
        flags = subprocess.CREATE_NO_WINDOW if sys.platform == "win32" else 0
        try:
            process = subprocess.Popen(
                words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                env=self._environment, creationflags=flags,
            )  # fmt: skip
        except OSError as error:
            raise StudioError(
                f"uv, which Plumbline carries, can't be started ({error}).", "Install Plumbline again."
            ) from error
        reader = threading.Thread(target=self._listen, args=(process, said.append), name="uv", daemon=True)
        reader.start()
        while process.poll() is None:
            if self._cancelled():
                _kill(process.pid)
                process.wait()
                reader.join()
                raise Cancelled
            self._tell(what, said)
            time.sleep(_POLL)
        reader.join()
        if process.returncode:
            raise failure_of(list(said), self._plan)

    def check_python(self) -> None:
        """Raises StudioError for a Python that the build's files are not for, before they are downloaded."""
        wanted, there = BUILDS[self._plan.build].python, self.python()
        if wanted and not same_python(there, wanted):
            raise StudioError(
                f"“{BUILDS[self._plan.build].label}” needs Python {wanted}; “{self._plan.asked_python}” is {there}.",
                f"Choose a Python {wanted}, or none: then it is fetched.",
            )

    def python(self) -> str:
        """The version of the Python that the runtime has, out of the file that describes the environment."""
        text = (self._folder / "pyvenv.cfg").read_text(encoding="utf-8", errors="replace")
        found = re.search(r"^version(?:_info)? *= *([\d.]+)", text, re.MULTILINE)
        return found[1].strip(".") if found else ""

    def _listen(self, process: subprocess.Popen[bytes], say: Callable[[str], None]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            say(line.decode("utf-8", "replace").rstrip())
        process.stdout.close()

    def _tell(self, what: str, said: collections.deque[str]) -> None:
        free = free_bytes(self._plan.place)
        if free is not None:  # others write on that disk too, so this is a guess that never goes back
            self._done = max(self._done, min(self._free - free, self.expected * 98 // 100))
        latest = next((line.strip() for line in reversed(said) if line.strip().startswith("Download")), "")
        self._report(self._done, self.expected, f"{what}: {latest}" if latest else what)


def _kill(pid: int) -> None:
    try:
        family = [*psutil.Process(pid).children(recursive=True), psutil.Process(pid)]
    except psutil.Error:
        return
    for member in family:
        try:
            member.kill()
        except psutil.Error:
            continue


def failure_of(said: list[str], plan: Plan) -> StudioError:
    """The sentence for what uv said before it gave up."""
    text = "\n".join(said)
    told = text.lower()
    source = plan.wheels or plan.packages or "the package index"
    if "hash mismatch" in told or "hashes" in told and "match" in told:
        named = re.search(r"[`“']([\w.-]+==[\w.+-]+|[\w.+-]+\.whl)", text)
        return StudioError(
            f"A package is not the one it should be: the hash of {named[1] if named else 'a file'} differs from the "
            "one that Plumbline knows.",
            "Try another mirror, or without one. The runtime in use is untouched.",
            text,
        )
    if "no space left" in told or "not enough space" in told or "os error 28" in told or "os error 112" in told:
        return StudioError(f"The disk of “{plan.place}” is full.", "Free some space, or choose another drive.", text)
    if "no interpreter found" in told or "no python" in told or "python-build-standalone" in told:
        return StudioError(
            f"Python {plan.asked_python} could not be fetched.",
            "Check the network, or choose a Python that is on this computer under Options.",
            text,
        )
    if any(word in told for word in ("dns", "connect", "timed out", "failed to fetch", "network", "certificate")):
        return StudioError(
            f"Nothing could be fetched from {source}.", "Check the network, then try again; what came is kept.", text
        )
    lacking = re.search(r"no version of (torch==[\w.]+\+\w[\w.]*)", text)
    if lacking is not None and not plan.wheels:
        return StudioError(
            f"{lacking[1]} is not in {plan.torch or plan.packages or 'the package index'}.",
            "A version with a “+” is in torch's own index and in mirrors of that alone: name one of those, or none.",
            text,
        )
    if "no solution found" in told or "not found" in told:
        return StudioError(f"Not every package is in {source}.", "Choose a place that has them all.", text)
    last = next((line for line in reversed(said) if line.strip()), "it said nothing")
    return StudioError(f"uv could not set it up: {last.strip()}", "Try again; copy the details if it stays.", text)
