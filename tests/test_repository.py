"""The repository's outside: what lies at the top, the pins, the version, and a README true to the tree.

Leaves out what the tools of `make lint` check.
"""

from __future__ import annotations

import re
import subprocess
import tomllib
from functools import cache
from pathlib import Path

import pytest

import studio

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PIN = re.compile(r"(?P<name>[a-z0-9]+(?:-[a-z0-9]+)*)==(?P<version>\d[a-z0-9.]*)")

TOP_LEVEL = {
    "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "Makefile", "pyproject.toml",
    "studio", "resources", "tests", "packaging", "sample_data",
    ".ci", ".github", ".gitignore", ".pre-commit-config.yaml",
}  # fmt: skip

# Written in pieces, so that this file does not find itself.
REGISTRY_HOSTS = re.compile("|".join([r"\bpypi\." + "org", "python" + "hosted", "download" + r"\.pytorch"]))
MACHINE_PATHS = re.compile(r"(?<![\w.~/*}-])/(?:work|root|home/[a-z]\w*|Users/[A-Za-z]\w*)/")


@cache
def tracked_files() -> list[Path]:
    """What git keeps; a checkout without git cannot know, and skips."""
    try:
        # In a container the checkout often belongs to another user, which git doubts unless told.
        command = ["git", "-c", f"safe.directory={ROOT.as_posix()}", "ls-files", "-z"]
        listing = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        listing = b""
    files = [Path(name) for name in listing.decode().split("\0") if name]
    if Path("pyproject.toml") not in files:
        pytest.skip("this folder is not a git checkout, or git is not installed")
    return [path for path in files if (ROOT / path).is_file()]


def constraint_lines() -> list[str]:
    return (ROOT / "packaging" / "constraints.txt").read_text(encoding="utf-8").splitlines()


def pins() -> dict[str, str]:
    return dict(line.split("==") for line in constraint_lines())


def readme() -> str:
    return (ROOT / "README.md").read_text(encoding="utf-8")


def tree_lines() -> list[str]:
    """The lines of README's text blocks that begin with a path into studio/ or to a Python file."""
    blocks = re.findall(r"^```text\n(.*?)^```", readme(), flags=re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if re.match(r"studio/|\S+\.py(\s|$)", line)]


def test_top_level_holds_what_a_python_project_needs() -> None:
    assert {path.parts[0] for path in tracked_files()} <= TOP_LEVEL


def test_nothing_that_is_made_is_tracked() -> None:
    made = re.compile(r"(^|/)(__pycache__|\.venv|[^/]*\.egg-info|\.\w+_cache|build|dist)/|\.py[co]$")
    assert [path.as_posix() for path in tracked_files() if made.search(path.as_posix())] == []


def test_constraints_are_names_and_versions_only() -> None:
    lines = constraint_lines()
    assert [line for line in lines if not PIN.fullmatch(line)] == []
    assert lines == sorted(set(lines), key=lambda line: line.split("=="))


def test_constraints_pin_every_direct_dependency() -> None:
    extras = [name for names in PROJECT["optional-dependencies"].values() for name in names]
    names = [re.match(r"[\w-]+", line)[0].lower() for line in PROJECT["dependencies"] + extras]
    assert [name for name in names if name not in pins()] == []
    assert pins()["torch"] == "2.13.0"


def test_version_is_said_once() -> None:
    assert PROJECT["version"] == studio.__version__
    assert re.search(
        rf"^##.*\b{re.escape(studio.__version__)}\b",
        (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"),
        re.MULTILINE,
    )


@pytest.mark.parametrize("pattern", [REGISTRY_HOSTS, MACHINE_PATHS], ids=["registry hosts", "machine paths"])
def test_no_file_knows_the_machine_it_was_written_on(pattern: re.Pattern[str]) -> None:
    found = []
    for path in tracked_files():
        if path.parts[0] == "sample_data":  # other people's words may hold any path
            continue
        try:
            text = (ROOT / path).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        found += [f"{path.as_posix()}: {match[0]}" for match in pattern.finditer(text)]
    assert found == []


def test_every_package_is_seen_by_the_contracts() -> None:
    """A folder without __init__.py is a namespace, and import-linter walks past it."""
    folders = {path.parent for path in (ROOT / "studio").rglob("*.py")}
    assert [str(folder) for folder in sorted(folders) if not (folder / "__init__.py").is_file()] == []


def test_readme_tree_is_the_tree() -> None:
    """A line for every file; a folder's line, `studio/core/`, stands for its __init__.py."""
    listed = [line.split()[0] for line in tree_lines()]
    listed = [path + "__init__.py" if path.endswith("/") else path for path in listed]
    there = [path.relative_to(ROOT).as_posix() for path in (ROOT / "studio").rglob("*.py")]
    assert sorted(set(there) - set(listed)) == [], "missing in README's tree"
    assert sorted(set(listed) - set(there)) == [], "in README's tree, but not there"
    assert len(listed) == len(set(listed)), "listed twice"


def test_readme_tree_says_what_each_file_is() -> None:
    assert [line for line in tree_lines() if not re.fullmatch(r"\S+ {2,}\S.*", line)] == []


@pytest.mark.parametrize("path", ["README.md", "CONTRIBUTING.md", ".ci/run", ".github/workflows/ci.yml"])
def test_every_make_command_that_is_told_exists(path: str) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, flags=re.MULTILINE))
    told = re.findall(r"(?:^|`|run: )make ([a-z]+)", (ROOT / path).read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert set(told) <= targets


def test_ci_runs_the_commands_of_the_readme() -> None:
    commands = re.findall(r"^make [a-z]+$", (ROOT / ".ci" / "run").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert commands == ["make lint", "make test"]
    assert [command for command in commands if command not in readme()] == []
