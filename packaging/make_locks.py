"""Makes packaging/locks/: what the thin program installs at first start, a list for each system and build of torch.

Names, versions and hashes alone, so that any index, mirror or folder can serve them. Run it whenever the constraints
change: `python packaging/make_locks.py`, with the names of locks to make only those. Builds whose version has a + are
on torch's own index, which uv knows; `--index ADDRESS` takes them from a mirror of it, `--find-links DIR` from a
folder. Where an index tells no hash, as torch's does not for ROCm, uv fetches the file (6 GB) to know it, for `--check`
too. The hash in the repository is not ours: a public lock file has it, computed from the file.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

from studio.core.torch_builds import BUILDS

HERE = Path(__file__).resolve().parent
PYTHON = "3.11"  # that the packaged program is made with; its runtime has the same where the build leaves the choice
WINDOW_ALONE = {"pyside6-essentials", "pyqtgraph", "markdown-it-py"}
# System -> what uv calls it. glibc 2.28 is what torch asks for.
PLATFORMS = {"linux": "x86_64-manylinux_2_28", "windows": "x86_64-pc-windows-msvc", "macos": "aarch64-apple-darwin"}
# The lock's name -> whether torch comes from torch's own index; otherwise the package index has this very build.
LOCKS = {
    "linux-cpu": True,
    "linux-cu126": True,
    "linux-cu130": False,
    "linux-rocm7.1": True,
    "windows-cpu": False,
    "windows-cu126": True,
    "windows-cu130": True,
    "macos-mps": False,
}


def requirements(lock: str) -> str:
    """What the worker needs, as pyproject.toml has it."""
    project = tomllib.loads((HERE.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [line for line in project["dependencies"] if _name(line) not in WINDOW_ALONE]
    if not re.search(r"-cu\d", lock):  # for NVIDIA's cards alone, and a quarter of the download elsewhere
        wanted = [line for line in wanted if _name(line) not in ("bitsandbytes", "nvidia-ml-py")]
    return "\n".join(wanted) + "\n"


def _name(requirement: str) -> str:
    found = re.match(r"[\w.-]+", requirement)
    assert found is not None
    return found[0].lower()


def constraints() -> str:
    """The tested versions; what belongs to one CUDA is left to torch's own word for it."""
    lines = (HERE / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return (
        "\n".join(line for line in lines if not line.startswith(("nvidia-cu", "nvidia-nccl", "nvidia-nv", "cuda-")))
        + "\n"
    )


def make(lock: str, find_links: list[str], index: str, scratch: Path, kept: str = "") -> str:
    """The lock's text, with the versions that the text `kept` has. Raises CalledProcessError with uv's words, or
    ValueError."""
    import uv

    system, build = lock.split("-", 1)
    asked, pinned = scratch / "requirements.in", scratch / "constraints.txt"
    asked.write_text(requirements(lock), encoding="utf-8")
    pins = re.findall(r"^[\w.-]+==[^\s;]+", kept, re.MULTILINE)
    pinned.write_text(constraints() + "\n".join(pins) + "\n", encoding="utf-8")
    words = [uv.find_uv_bin(), "--no-config", "pip", "compile", str(asked), "--constraints", str(pinned)]
    words += ["--python-platform", PLATFORMS[system], "--python-version", BUILDS[build].python or PYTHON]
    words += ["--generate-hashes", "--only-binary", ":all:", "--no-header", "--no-annotate", "--quiet"]
    if LOCKS[lock]:
        words += [word for folder in find_links for word in ("--find-links", folder)]
        words += ["--index", index, "--index-strategy", "unsafe-best-match"] if index else []
        words += [] if find_links or index else ["--torch-backend", build]
    oldest = {**os.environ, "MACOSX_DEPLOYMENT_TARGET": "14.0"}  # that torch is made for
    done = subprocess.run(words, check=True, capture_output=True, text=True, encoding="utf-8", env=oldest)
    # Where something is found is for whoever installs to say.
    text = "\n".join(line for line in done.stdout.splitlines() if line and not line.startswith(("-", "#"))) + "\n"
    if problem := what_is_wrong(text, lock):
        raise ValueError(problem)
    return text


def what_is_wrong(text: str, lock: str) -> str:
    """Why a text is not that lock: another build of torch, or a package that nobody could check. Empty when it is."""
    build = lock.split("-", 1)[1]
    torch = re.search(r"^torch==(\S+)", text, re.MULTILINE)
    version = torch[1] if torch else "of no version"
    if not (version.endswith(f"+{build}") if LOCKS[lock] else "+" not in version):
        return f"torch {version} is another build"
    bare = re.findall(r"^(\S+==\S+)\s*$", text, re.MULTILINE)  # the last word of a line that should go on
    return f"no hash is known of {', '.join(bare)}" if bare else ""


def differences(there: str, made: str) -> list[str]:
    """The packages of a lock that an index has otherwise. It may have more files of a version than the lock names."""
    old, new = (_entries(text) for text in (there, made))
    return [name for name in {**old, **new} if not (old.get(name, set()) and old[name] <= new.get(name, set()))]


def _entries(text: str) -> dict[str, set[str]]:
    """Of each package with its version, the hashes."""
    entries: dict[str, set[str]] = {}
    for name, rest in re.findall(r"^(\S+==\S+)((?:.*\\\n)*.*)$", text, re.MULTILINE):
        entries[name] = set(re.findall(r"sha256:(\w+)", rest))
    return entries


def main() -> int:
    """Make the locks that are asked for; says which could not be made. The exit status."""
    import tempfile

    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("locks", nargs="*", metavar="LOCK", help=f"which: {', '.join(LOCKS)} (default: all)")
    parser.add_argument(
        "--find-links", action="append", default=[], metavar="DIR", help="a folder with wheels of torch"
    )
    parser.add_argument("--index", default="", metavar="ADDRESS", help="a mirror of torch's own index for that build")
    parser.add_argument(
        "--check", action="store_true", help="write nothing; fail where an index has other hashes for these versions"
    )
    arguments = parser.parse_args()
    unknown = set(arguments.locks) - set(LOCKS)
    if unknown:
        parser.error(f"there is no lock {', '.join(sorted(unknown))}")
    failed = False
    for lock in arguments.locks or LOCKS:
        target = HERE / "locks" / f"{lock}.txt"
        there = target.read_text(encoding="utf-8") if target.is_file() else ""
        try:
            with tempfile.TemporaryDirectory() as scratch:
                kept = there if arguments.check else ""
                text = make(lock, arguments.find_links, arguments.index, Path(scratch), kept)
        except (subprocess.CalledProcessError, ValueError) as error:
            said = error.stderr if isinstance(error, subprocess.CalledProcessError) else str(error)
            print(f"{lock}: {(said.strip() or 'uv said nothing').splitlines()[-1]}", file=sys.stderr)
            failed = True
            continue
        if arguments.check:
            other = differences(there, text)
            print(f"{lock}: {'not as the index has it: ' + ', '.join(other) if other else 'as the index has it'}")
            failed |= bool(other)
            continue
        print(f"{lock}: {text.count('==')} packages{'' if text == there else ', changed'}")
        target.write_text(text, encoding="utf-8", newline="\n")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
