"""The lists by which the packaged program is built agree with what the sources import; the locks hold nothing else than
names, versions and hashes; and the files around the program are what their readers want."""

from __future__ import annotations

import ast
import configparser
import plistlib
import re
import subprocess
import sys
import tomllib
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest

from studio.core.torch_builds import BUILDS

ROOT = Path(__file__).resolve().parents[2]
PACKAGING = ROOT / "packaging"
sys.path.insert(0, str(PACKAGING))  # its files know each other by name, as the spec does
try:
    build, bundle, make_locks, third_party = map(import_module, ("build", "bundle", "make_locks", "third_party"))
finally:
    sys.path.remove(str(PACKAGING))

WINDOW_LAYERS = ("core", "storage", "processes", "jobs", "gui", "cli")
WORKER_LAYERS = ("core", "storage", "engine")


@cache
def imports_of(layers: tuple[str, ...]) -> dict[str, str]:
    """Every module from outside the studio that these layers import anywhere, and a file that does."""
    found: dict[str, str] = {}
    for layer in layers:
        for path in (ROOT / "studio" / layer).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                names = []
                if isinstance(node, ast.Import):
                    names = [alias.name for alias in node.names]
                elif isinstance(node, ast.ImportFrom) and node.module:
                    names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
                found.update(
                    {name: path.relative_to(ROOT).as_posix() for name in names if not name.startswith("studio")}
                )
    return found


def names_given_to(function: str, layers: tuple[str, ...]) -> set[str]:
    """The texts that are given to a function that imports by name."""
    found: set[str] = set()
    for layer in layers:
        for path in (ROOT / "studio" / layer).rglob("*.py"):
            found |= set(re.findall(rf"\b{function}\(\"([\w.]+)\"\)", path.read_text(encoding="utf-8")))
    return found


@pytest.mark.parametrize(
    ("layers", "left_out"), [(WINDOW_LAYERS, bundle.NOT_IN_WINDOW), (WORKER_LAYERS, bundle.NOT_IN_WORKER)]
)
def test_nothing_that_is_imported_is_left_out(layers: tuple[str, ...], left_out: tuple[str, ...]) -> None:
    may = {"bitsandbytes"}  # asked for, and done without where it is missing
    wrong = {
        name: path
        for name, path in imports_of(layers).items()
        for part in left_out
        if part not in may and (name == part or name.startswith(part + "."))
    }
    assert wrong == {}


@pytest.mark.parametrize(("layers", "listed"), [(WINDOW_LAYERS, "WINDOW_BY_NAME"), (WORKER_LAYERS, "WORKER_BY_NAME")])
def test_what_is_imported_by_name_is_listed(layers: tuple[str, ...], listed: str) -> None:
    named = names_given_to("package", layers) | names_given_to("import_module", layers)
    assert sorted(named - set(getattr(bundle, listed)) - set(bundle.IF_INSTALLED)) == []


def test_dependencies_are_left_out_by_nobody_who_needs_them() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = {re.match(r"[\w-]+", line)[0].lower().replace("-", "_") for line in project["dependencies"]}
    assert names & set(bundle.NOBODY) == set()


def test_files_that_are_dropped_and_kept() -> None:
    toc = [(name, "", "DATA") for name in ("torch/bin/protoc", "torch/bin/torch_shm_manager", "torch/lib/libtorch.so")]
    assert [entry[0] for entry in bundle.read_at_run_time(toc)] == [
        "torch/bin/torch_shm_manager",
        "torch/lib/libtorch.so",
    ]
    assert bundle.is_borrowed(("pyarrow.lib", "", "EXTENSION"))
    assert bundle.is_borrowed(("libarrow.so.2600", "", "BINARY"))
    assert not bundle.is_borrowed(("numpy.linalg", "", "PYMODULE"))


@pytest.mark.parametrize("lock", sorted((PACKAGING / "locks").glob("*.txt")), ids=lambda path: path.stem)
def test_locks_are_names_versions_and_hashes(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")
    entry = re.compile(r"[a-z0-9][a-z0-9._-]*==[\w.+!-]+( ; [^\\\n]+)?( \\\n    --hash=sha256:[0-9a-f]{64})+\n")
    assert entry.sub("", text) == ""
    assert lock.stem in make_locks.LOCKS
    pinned = dict(re.findall(r"^([\w.-]+)==([^\s;]+)", text, flags=re.MULTILINE))
    assert pinned["torch"].split("+")[0] == "2.13.0"
    assert not {"pyside6-essentials", "pytest", "pyinstaller"} & set(pinned)


def test_every_build_has_a_lock_on_each_of_its_systems() -> None:
    wanted = {f"{system}-{build.key}" for build in BUILDS.values() for system in build.systems}
    assert {path.stem for path in (PACKAGING / "locks").glob("*.txt")} == wanted == set(make_locks.LOCKS)


@pytest.mark.parametrize("lock", sorted((PACKAGING / "locks").glob("*.txt")), ids=lambda path: path.stem)
def test_locks_hold_what_the_worker_needs_as_it_is_tested(lock: Path) -> None:
    """Fails when pyproject.toml or the constraints changed and `python packaging/make_locks.py` was not run."""
    pinned = dict(re.findall(r"^([\w.-]+)==([^\s;+]+)", lock.read_text(encoding="utf-8"), flags=re.MULTILINE))
    tested = dict(line.split("==") for line in make_locks.constraints().split())
    wanted = [re.match(r"[\w-]+", line)[0].lower() for line in make_locks.requirements(lock.stem).splitlines()]
    assert [name for name in wanted if name not in pinned] == []
    assert {name: version for name, version in pinned.items() if tested.get(name, version) != version} == {}


def test_a_lock_is_of_its_build_and_whole() -> None:
    whole = "torch==2.13.0+cu126 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\ntqdm==1 \\\n    --hash=sha256:cc\n"
    assert make_locks.what_is_wrong(whole, "windows-cu126") == ""
    assert "2.13.0+cu126 is another build" in make_locks.what_is_wrong(whole, "windows-cu130")
    assert "another build" in make_locks.what_is_wrong(whole, "linux-cu130")  # the package index's, without a +
    assert "no hash is known of tqdm==1" in make_locks.what_is_wrong(whole.rpartition(" \\\n")[0], "windows-cu126")


def test_an_index_may_have_more_files_but_no_others() -> None:
    lock = "torch==2 \\\n    --hash=sha256:aa\ntqdm==1 \\\n    --hash=sha256:cc\n"
    more = lock.replace("sha256:aa", "sha256:aa \\\n    --hash=sha256:bb")
    assert make_locks.differences(lock, lock) == make_locks.differences(lock, more) == []
    assert make_locks.differences(more, lock) == ["torch==2"]
    assert make_locks.differences(lock, lock.replace("tqdm==1", "tqdm==2")) == ["tqdm==1", "tqdm==2"]


def test_desktop_entry() -> None:
    entry = configparser.ConfigParser(interpolation=None, strict=True)
    entry.optionxform = str
    entry.read(PACKAGING / "plumbline.desktop", encoding="utf-8")
    assert entry["Desktop Entry"]["Exec"] == "plumbline %f"
    assert entry["Desktop Entry"]["Categories"].endswith(";")


@pytest.mark.parametrize("name", ["Info.plist", "entitlements.plist"])
def test_property_lists(name: str) -> None:
    assert plistlib.loads((PACKAGING / "macos" / name).read_bytes())


def test_the_spec_is_python() -> None:
    compile((PACKAGING / "plumbline.spec").read_text(encoding="utf-8"), "plumbline.spec", "exec")


def test_parts_and_licences(tmp_path: Path) -> None:
    import psutil

    parts = third_party.parts_of([Path(psutil.__file__)], ROOT)
    assert {part.name for part in parts} == {"python", "psutil"}
    assert third_party.write_licences(parts, tmp_path / "licences") in ([], ["python"])
    assert (tmp_path / "licences" / "psutil").is_dir()
    assert "LESSER GENERAL" in (tmp_path / "licences" / "LGPL-3.0.txt").read_text()
    third_party.write_sbom(parts, build.VERSION, tmp_path / "sbom.json")
    third_party.write_sbom(parts, build.VERSION, tmp_path / "again.json")
    assert (tmp_path / "sbom.json").read_text() == (tmp_path / "again.json").read_text()


def test_entry_gives_back_the_library_path() -> None:
    code = (
        "import os, sys; sys.path.insert(0, sys.argv[1]); import start; start.start(); "
        "print(os.environ.get('LD_LIBRARY_PATH'), os.environ.get('LD_LIBRARY_PATH_ORIG'))"
    )
    for given, wanted in (({"LD_LIBRARY_PATH": "/in", "LD_LIBRARY_PATH_ORIG": "/out"}, "/out None"),):
        done = subprocess.run(
            [sys.executable, "-c", code, str(PACKAGING / "entry")],
            env=given,
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.strip() == wanted


def test_a_part_under_apache_without_a_text_gets_the_text(tmp_path) -> None:
    bare = third_party.Part("pypi", "tokenizers", "1", "Apache Software License")
    other = third_party.Part("pypi", "other", "1", "MIT")
    assert third_party.write_licences([bare, other], tmp_path / "licences") == ["other"]
    assert "Apache License" in (tmp_path / "licences" / "tokenizers" / "LICENSE").read_text()
