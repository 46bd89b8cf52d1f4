"""Tries how the thin program sets up what trains, with everything that can go wrong on the way:
`python packaging/check_thin.py FOLDER`, from the official package indexes, with --packages and --torch from mirrors of
them, or with --wheels DIR from a folder without a network.

Takes minutes and a few gigabytes in a temporary folder. Uses the program's command line alone, as a person would.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from mirror import BadMirror

from studio.core.torch_builds import BUILDS
from studio.storage.runtimes import WINDOW_PYTHON

HERE = Path(__file__).resolve().parent
WINDOWS = sys.platform == "win32"
COMMAND = "plumbline-cli.exe" if WINDOWS else "plumbline"
MAC = sys.platform == "darwin"
_SILENT = "#!/bin/sh\nexec sleep 60\n"
_GARBAGE = "#!/bin/sh\nhead -c 2000 /dev/urandom\n"


class Failed(Exception):
    """Something that should hold does not."""


class Journey:
    """The steps, in a home of their own."""

    def __init__(self, folder: Path, home: Path, build: str, source: dict[str, str], python: str) -> None:
        self._program, self._home, self._build = folder / COMMAND, home, build
        self._wheels = source.get("--wheels", "")
        self._source = [word for pair in source.items() for word in pair]
        self._set_up_words = ["runtime", "setup", "--build", build, "--yes", *(["--python", python] if python else [])]
        self._first = ""

    def nothing_yet(self) -> str:
        said = self._ask("runtime", "show")
        if "Nothing is set up yet" not in said:
            raise Failed(said)
        return said.splitlines()[-1]

    def silent_tool(self) -> str:
        return self._with_tool(_SILENT, "did not answer within 10 seconds")

    def broken_tool(self) -> str:
        return self._with_tool(_GARBAGE, "nothing that could be read")

    def set_up(self) -> str:
        began = time.monotonic()
        self._set_up(*self._source)
        self._first = self._in_use()
        return f"{time.monotonic() - began:.0f} s, {_size(Path(self._first)) / 1e6:.0f} MB"

    def wrong_hash(self) -> str:
        """A file, in a folder or on a mirror, is another than the list says."""
        if not self._wheels:
            version = self._version_of("torch")
            if "+" not in version:
                return "this torch is on the package index, which can't be played here"
            python = f"cp{(BUILDS[self._build].python or WINDOW_PYTHON).replace('.', '')}"
            with BadMirror(f"torch-{version}-{python}-{python}-manylinux_2_28_x86_64.whl") as mirror:
                return self._refused([*self._source, "--torch", mirror.address], f"hash of torch=={version}")
        name, version = "tqdm", self._version_of("tqdm")
        forged = self._home / "forged"
        forged.mkdir()
        for wheel in Path(self._wheels).glob("*.whl"):
            (forged / wheel.name).symlink_to(wheel)
        victim = next(forged.glob(f"{name}-*.whl"))
        data = victim.read_bytes()
        victim.unlink()
        victim.write_bytes(data + b"\0")
        return self._refused(["--wheels", str(forged)], f"hash of {name}=={version}")

    def incomplete_mirror(self) -> str:
        """A mirror has not the build that the list names."""
        version = self._version_of("torch")
        if self._wheels or "+" not in version:
            return "needs an index of torch's own"
        with BadMirror() as mirror:
            why = f"torch=={version} is not in {mirror.address}"
            return self._refused([*self._source, "--torch", mirror.address], why)

    def no_network(self) -> str:
        """Nobody listens at that port of this computer."""
        return self._refused(["--packages", "http://127.0.0.1:9/simple"], "could be fetched")

    def no_disk(self) -> str:
        """A disk in memory that is far too small; only the system's administrator can make one."""
        place = self._home / "small disk"
        place.mkdir()
        words = ["mount", "-t", "tmpfs", "-o", "size=50m", "none", str(place)]
        if WINDOWS or MAC or subprocess.run(words, capture_output=True, check=False).returncode:
            return "can't be tried here"
        try:
            return self._refused([*self._source, "--place", str(place)], "52.4 MB free")
        finally:
            subprocess.run(["umount", str(place)], check=False)

    def killed(self) -> str:
        """The program dies half-way; the one in use goes on, and the next set-up clears away."""
        words = [str(self._program), *self._set_up_words, *self._source]
        child = subprocess.Popen(words, env=self._environment(), stdout=subprocess.PIPE, start_new_session=True)
        assert child.stdout is not None
        for line in child.stdout:
            if b"packages" in line:
                time.sleep(2)
                break
        if WINDOWS:
            subprocess.run(["taskkill", "/F", "/T", "/PID", str(child.pid)], capture_output=True, check=False)
        else:
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        left = [path for path in (self._home / "runtimes").iterdir() if path.name.startswith(self._build)]
        if len(left) != 2 or self._in_use() != self._first:
            raise Failed(f"{len(left)} runtimes after the kill, in use {self._in_use()}")
        return self._ask("runtime", "check").strip()

    def update(self) -> str:
        """As after a new version of the program, whose list is another. Set up anew, which is what a repair is too."""
        record = self._home / "runtime.json"
        told = json.loads(record.read_text(encoding="utf-8"))
        record.write_text(json.dumps(told | {"lock": "of a version before"}), encoding="utf-8")
        if "wants other packages" not in self._ask("runtime", "show"):
            raise Failed("it does not say that an update is wanted")
        self._set_up(*self._source)
        if "wants other packages" in self._ask("runtime", "show"):
            raise Failed("it wants an update after the update")
        left = [path.name for path in (self._home / "runtimes").iterdir() if path.name.startswith(self._build)]
        if len(left) != 1 or self._in_use() == self._first:
            raise Failed(f"after the update there are {left}")
        return "the old one and the half one are gone"

    def whole(self) -> str:
        return self._ask("selftest", timeout=1800).splitlines()[-1]

    def remove(self) -> str:
        self._ask("runtime", "remove")
        left = [path.name for path in (self._home / "runtimes").iterdir()]
        if left:
            raise Failed(f"left: {left}")
        return self._ask("runtime", "show").splitlines()[0]

    def _set_up(self, *words: str) -> str:
        return self._ask(*self._set_up_words, *words, timeout=3600)

    def _refused(self, words: list[str], why: str) -> str:
        done = self._run([*self._set_up_words, *words], 600)
        said = done.stderr.decode("utf-8", "replace")
        if done.returncode == 0 or why not in said:
            raise Failed(f"ended with {done.returncode}: {said}")
        if self._in_use() != self._first:
            raise Failed("the runtime in use has changed")
        return said.splitlines()[0]

    def _with_tool(self, script: str, why: str) -> str:
        if WINDOWS:
            return "needs a shell"
        tools = self._home / "tools"
        tools.mkdir(exist_ok=True)
        (tools / "nvidia-smi").write_text(script)
        (tools / "nvidia-smi").chmod(0o755)
        said = self._ask("runtime", "show", path=f"{tools}{os.pathsep}{os.environ['PATH']}")
        if why not in said:
            raise Failed(said)
        return said.splitlines()[-1]

    def _version_of(self, package: str) -> str:
        system = "windows" if WINDOWS else "macos" if MAC else "linux"
        lock = (HERE / "locks" / f"{system}-{self._build}.txt").read_text(encoding="utf-8")
        found = re.search(rf"^{package}==(\S+)", lock, re.MULTILINE)
        if found is None:
            raise Failed(f"the list of {self._build} has no {package}")
        return found[1]

    def _in_use(self) -> str:
        said = self._ask("runtime", "show")
        return next((line.partition(": ")[2] for line in said.splitlines() if "computes on" in line), "")

    def _ask(self, *words: str, timeout: float = 300, path: str = "") -> str:
        done = self._run(list(words), timeout, path)
        said = done.stdout.decode("utf-8", "replace")
        if done.returncode:
            raise Failed(f"“{' '.join(words)}” ended with {done.returncode}:\n{said}{done.stderr.decode()[-3000:]}")
        return said

    def _run(self, words: list[str], timeout: float, path: str = "") -> subprocess.CompletedProcess[bytes]:
        command = [str(self._program), *words]
        return subprocess.run(command, env=self._environment(path), capture_output=True, timeout=timeout, check=False)

    def _environment(self, path: str = "") -> dict[str, str]:
        told = {**os.environ, "PLUMBLINE_HOME": str(self._home)}
        return {**told, "PATH": path} if path else told


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file() and not file.is_symlink())


def main() -> int:
    """Go through it; the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("folder", type=Path, help="of the built or installed program")
    parser.add_argument("--wheels", type=Path, help="a folder with every wheel of the list, instead of the index")
    parser.add_argument("--packages", default="", help="a mirror of the package index")
    parser.add_argument("--torch", default="", help="a mirror of torch's own index, or a folder with torch")
    parser.add_argument("--build", default="mps" if MAC else "cpu", help="the build of torch to set up")
    parser.add_argument("--python", default="", help="a Python on this computer instead of a fetched one")
    arguments = parser.parse_args()
    told = {"--wheels": arguments.wheels and str(arguments.wheels.resolve()), "--packages": arguments.packages}
    source = {flag: value for flag, value in (told | {"--torch": arguments.torch}).items() if value}
    home = Path(tempfile.mkdtemp(prefix="plumbline-thin-"))
    journey = Journey(arguments.folder.resolve(), home, arguments.build, source, arguments.python)
    steps = [
        ("nothing is set up", journey.nothing_yet),
        ("nvidia-smi is silent", journey.silent_tool),
        ("nvidia-smi says garbage", journey.broken_tool),
        ("set up", journey.set_up),
        ("a wrong hash", journey.wrong_hash),
        ("a mirror that lacks torch", journey.incomplete_mirror),
        ("no network", journey.no_network),
        ("no room on the disk", journey.no_disk),
        ("killed half-way", journey.killed),
        ("updated", journey.update),
        ("the self-test", journey.whole),
        ("removed", journey.remove),
    ]
    try:
        for label, step in steps:
            try:
                print(f"ok      {label}: {step()}", flush=True)
            except (Failed, OSError, subprocess.TimeoutExpired) as error:
                print(f"FAILED  {label}: {error}")
                return 1
    finally:
        shutil.rmtree(home, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
