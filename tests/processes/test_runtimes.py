"""Setting up a runtime: whatever goes wrong, the one in use stays, and the sentence says what to do.

With a stand-in for uv; the real one runs in `packaging/check_thin.py`, on real wheels.
"""

from __future__ import annotations

import os
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from studio.core.errors import Cancelled, StudioError
from studio.processes import runtimes
from studio.processes.runtimes import Plan, clean_environment, failure_of, install_words, lend_words, set_up
from studio.processes.trial import Trial
from studio.storage import runtimes as stored
from studio.storage.runtimes import WINDOW_PYTHON, current_runtime, forget_runtime, lend_packages, uv_folder

LOCK = "".join(
    f"{name} \\\n    --hash=sha256:00\n" for name in ("pyarrow==26.0.1", "tokenizers==0.23.3", "torch==2.13.0+cu126")
)
OTHER_PYTHON = "3.12" if WINDOW_PYTHON != "3.12" else "3.13"
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the stand-in for uv is started by a shell script")


@pytest.fixture
def uv(tmp_path, monkeypatch) -> Path:
    path = tmp_path / "uv"
    path.write_text(f'#!/bin/sh\nexec {sys.executable} -IS {Path(__file__).with_name("fake_uv.py")} "$@"\n')
    path.chmod(0o755)
    monkeypatch.setattr(runtimes, "_POLL", 0.01)
    monkeypatch.setattr(runtimes, "train_two_steps", lambda worker, cancelled: Trial("processor", 1.0, 1.0))
    monkeypatch.setattr(runtimes, "runtime_worker", lambda folder: [str(folder)])
    return path


@pytest.fixture
def lock(tmp_path) -> Path:
    path = tmp_path / "lock.txt"
    path.write_text(LOCK)
    return path


@pytest.fixture
def plan(tmp_path) -> Plan:
    return Plan("cu126", tmp_path / "runtimes ü")


def folders(plan: Plan) -> list[str]:
    return sorted(path.name for path in plan.place.iterdir() if path != uv_folder(plan.place))


def test_a_new_one_is_used_and_the_old_one_goes(uv, lock, plan) -> None:
    first = set_up(plan, uv=uv, lock=lock)
    assert current_runtime() == first
    assert (first.device, first.python) == ("processor", f"{WINDOW_PYTHON}.7")
    second = set_up(plan, uv=uv, lock=lock)
    assert current_runtime() == second != first
    assert folders(plan) == [Path(second.folder).name]


@pytest.mark.parametrize(
    ("says", "what"),
    [
        ("error: Failed to download `x`\n  cause: Hash mismatch for `peft==0.21.2`", "hash of peft==0.21.2 differs"),
        ("cause: Hash mismatch for `xxhash==4.1.0`" + "\n  sha256:00" * 224, "hash of xxhash==4.1.0 differs"),
        ("error: failed to write: No space left on device (os error 28)", "is full"),
        ("error: Request failed after 3 retries\n  cause: dns error: failed to lookup address", "could be fetched"),
        ("  x No solution found when resolving dependencies", "Not every package"),
        (
            "x No solution found\n  cause: there is no version of torch==2.13.0+cu126 and",
            "torch==2.13.0+cu126 is not in",
        ),
        (
            "error: No interpreter found for Python 3 in managed installations",
            f"Python {WINDOW_PYTHON} could not be fetched",
        ),
        ("something else entirely", "something else entirely"),
    ],
)
def test_trouble_leaves_the_one_in_use(uv, lock, plan, monkeypatch, says: str, what: str) -> None:
    used = set_up(plan, uv=uv, lock=lock)
    monkeypatch.setenv("FAKE_UV", says)
    with pytest.raises(StudioError) as told:
        set_up(plan, uv=uv, lock=lock)
    assert what in told.value.what
    assert told.value.hint
    assert current_runtime() == used
    assert folders(plan) == [Path(used.folder).name]
    assert (uv_folder(plan.place) / "cache" / "wheels").is_dir()  # what came is kept, as the sentence says


def test_a_trial_that_fails_leaves_the_one_in_use(uv, lock, plan, monkeypatch) -> None:
    used = set_up(plan, uv=uv, lock=lock)

    def fail(worker: object, cancelled: object) -> None:
        raise StudioError("The trial training failed: no kernel image is available.")

    monkeypatch.setattr(runtimes, "train_two_steps", fail)
    with pytest.raises(StudioError, match="no kernel image"):
        set_up(plan, uv=uv, lock=lock)
    assert current_runtime() == used
    assert Path(used.folder).is_dir()


def test_no_room_is_said_before_anything_is_done(uv, lock, plan, monkeypatch) -> None:
    monkeypatch.setattr(runtimes, "free_bytes", lambda path: 10**9)
    with pytest.raises(StudioError, match=r"needs 7\.3 GB; the disk of .* has 1\.0 GB free"):
        set_up(plan, uv=uv, lock=lock)
    assert not plan.place.exists()


def test_cancel_ends_uv_and_takes_back_what_was_begun(uv, lock, plan, monkeypatch) -> None:
    monkeypatch.setenv("FAKE_UV", "wait")
    downloading = threading.Event()

    def report(done: int, total: int, note: str) -> None:
        if "Downloading torch" in note:
            downloading.set()

    with pytest.raises(Cancelled):
        set_up(plan, report, downloading.is_set, uv=uv, lock=lock)
    assert folders(plan) == []
    assert current_runtime() is None


def test_what_a_killed_program_left_goes_next_time(uv, lock, plan) -> None:
    half = plan.place / "cu126-20260101-000000"
    half.mkdir(parents=True)
    (half / "plumbline-runtime").touch()
    (plan.place / "not ours").mkdir()
    made = set_up(plan, uv=uv, lock=lock)
    assert folders(plan) == sorted([Path(made.folder).name, "not ours"])


def test_what_is_not_ours_stays_whatever_it_is_called(uv, lock, plan) -> None:
    theirs = [plan.place / name / "photo.jpg" for name in ("cache", "python", "uv", "runtimes")]
    for photo in theirs:
        photo.parent.mkdir(parents=True)
        photo.touch()
    set_up(plan, uv=uv, lock=lock)
    assert [path.name for path in uv_folder(plan.place).iterdir()] == ["python"]
    forget_runtime()
    assert all(photo.is_file() for photo in theirs)
    assert folders(plan) == sorted(photo.parent.name for photo in theirs)
    assert not uv_folder(plan.place).exists()


def test_a_failure_leaves_the_one_in_use_however_its_place_is_written(uv, lock, plan, monkeypatch, tmp_path) -> None:
    used = set_up(plan, uv=uv, lock=lock)
    (tmp_path / "link").symlink_to(plan.place)
    monkeypatch.setenv("FAKE_UV", "something else entirely")
    for place in (tmp_path / "link", tmp_path / "link" / ".." / plan.place.name):
        with pytest.raises(StudioError, match="something else"):
            set_up(replace(plan, place=place), uv=uv, lock=lock)
        assert current_runtime() == used


def test_nothing_is_left_at_the_place_before(uv, lock, plan, tmp_path) -> None:
    set_up(plan, uv=uv, lock=lock)
    moved = set_up(replace(plan, place=tmp_path / "other drive"), uv=uv, lock=lock)
    assert current_runtime() == moved
    assert list(plan.place.iterdir()) == []


def test_a_place_that_cannot_be_written(uv, lock, plan, tmp_path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StudioError, match="can't be written"):
        set_up(replace(plan, place=tmp_path / "file" / "in it"), uv=uv, lock=lock)


def test_no_uv(lock, plan, tmp_path) -> None:
    with pytest.raises(StudioError, match="can't be started"):
        set_up(plan, uv=tmp_path / "gone", lock=lock)


def test_where_packages_come_from(lock, plan, tmp_path) -> None:
    def words(**told: str) -> str:
        return " ".join(install_words(Path("uv"), replace(plan, **told), tmp_path, lock))

    assert "--require-hashes" in words()
    assert "--torch-backend cu126" in words()
    mirrored = words(packages="https://mirror")
    assert "--default-index https://mirror" in mirrored and "--torch-backend cu126" in mirrored
    assert "--index https://torch --index-strategy unsafe-best-match" in words(torch="https://torch")
    assert words(torch=str(tmp_path)).endswith(f"--find-links {tmp_path}")
    offline = words(wheels="/wheels", packages="ignored")
    assert "--no-index --find-links /wheels" in offline
    assert "ignored" not in offline and "torch-backend" not in offline
    lock.write_text("torch==2.13.0 \\\n")  # the package index's own build
    assert "torch-backend" not in words()


def test_only_the_network_of_the_user_reaches_uv(tmp_path) -> None:
    outer = {
        "PATH": "/bin", "HTTPS_PROXY": "p", "SSL_CERT_FILE": "c", "UV_HTTP_TIMEOUT": "90", "UV_INDEX": "x",
        "PIP_INDEX_URL": "x", "PYTHONPATH": "x", "VIRTUAL_ENV": "x", "CONDA_PREFIX": "x",
    }  # fmt: skip
    made = clean_environment(tmp_path, outer)
    assert {key for key in outer if key in made} == {"PATH", "HTTPS_PROXY", "SSL_CERT_FILE", "UV_HTTP_TIMEOUT"}
    assert made["UV_CACHE_DIR"] == str(uv_folder(tmp_path) / "cache")


def test_a_failure_without_words() -> None:
    assert "it said nothing" in failure_of([], Plan("cpu", Path("x"))).what


def test_nothing_of_this_needs_the_network(uv, lock, plan, monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("FAKE_LOG", str(tmp_path / "log"))
    set_up(replace(plan, wheels=str(tmp_path)), uv=uv, lock=lock)
    said = (tmp_path / "log").read_text()
    assert "--no-index" in said
    assert os.fspath(plan.place) in said


@pytest.fixture
def other(plan, monkeypatch) -> Plan:
    """A plan for a build that needs another Python than the window has."""
    wants = replace(runtimes.BUILDS["rocm7.1"], python=OTHER_PYTHON, disk=1)
    monkeypatch.setitem(runtimes.BUILDS, "rocm7.1", wants)
    return replace(plan, build="rocm7.1")


def test_the_python_is_that_of_the_build(plan, other) -> None:
    assert plan.asked_python == WINDOW_PYTHON
    assert other.asked_python == OTHER_PYTHON
    assert replace(other, python="/usr/bin/python3").asked_python == "/usr/bin/python3"


def test_what_the_window_borrows_is_installed_for_its_own_python(uv, lock, other, monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("FAKE_LOG", str(tmp_path / "log"))
    monkeypatch.setattr(stored, "is_needed", lambda: True)
    monkeypatch.setattr(sys, "path", list(sys.path))
    made = set_up(replace(other, packages="https://mirror"), uv=uv, lock=lock)
    asked, installed, lent = (tmp_path / "log").read_text().splitlines()
    assert f"--python {OTHER_PYTHON}" in asked and made.python == f"{OTHER_PYTHON}.7"
    assert f"--requirements {lock}" in installed
    assert f"--python-version {WINDOW_PYTHON} --no-deps --constraints {lock} pyarrow==26.0.1 tokenizers==0.23.3" in lent
    assert "--require-hashes" in lent and "--no-build" in lent and "--default-index https://mirror" in lent
    assert "torch-backend" not in lent  # the package index has both
    lend_packages()
    assert (Path(sys.path[-1]) / "pyarrow").is_dir() and Path(made.folder) in Path(sys.path[-1]).parents


def test_a_runtime_with_the_same_python_installs_nothing_twice(uv, lock, plan, monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("FAKE_LOG", str(tmp_path / "log"))
    set_up(plan, uv=uv, lock=lock)
    assert "--target" not in (tmp_path / "log").read_text()


def test_what_is_lent_comes_from_the_folder_of_wheels(lock, other, tmp_path) -> None:
    words = lend_words(Path("uv"), replace(other, wheels="/wheels"), tmp_path, lock)
    assert "--no-index --find-links /wheels --target" in " ".join(words)


@pytest.mark.parametrize(
    ("says", "what"),
    [
        ("lending: Hash mismatch for `pyarrow==26.0.1`", "hash of pyarrow==26.0.1 differs"),
        ("lending: No solution found: pyarrow==26.0.1 has no wheels with a matching Python", "Not every package"),
        (f"error: No interpreter found for Python {OTHER_PYTHON}", f"Python {OTHER_PYTHON} could not be fetched"),
        ("Hash mismatch for `torch==2.13.0+rocm7.1`", r"hash of torch==2.13.0+rocm7.1 differs"),
    ],
)
def test_trouble_with_another_python_leaves_the_one_in_use(uv, lock, plan, other, monkeypatch, says, what) -> None:
    used = set_up(plan, uv=uv, lock=lock)
    monkeypatch.setenv("FAKE_UV", says)
    with pytest.raises(StudioError) as told:
        set_up(other, uv=uv, lock=lock)
    assert what in told.value.what
    assert current_runtime() == used
    assert folders(plan) == [Path(used.folder).name]


def test_a_python_that_the_build_is_not_for_is_said_before_anything_is_downloaded(
    uv, lock, other, monkeypatch, tmp_path
) -> None:
    monkeypatch.setenv("FAKE_LOG", str(tmp_path / "log"))
    with pytest.raises(StudioError, match=f"needs Python {OTHER_PYTHON}; “/usr/bin/python2” is 2.7.7") as told:
        set_up(replace(other, python="/usr/bin/python2"), uv=uv, lock=lock)
    assert told.value.hint == f"Choose a Python {OTHER_PYTHON}, or none: then it is fetched."
    assert len((tmp_path / "log").read_text().splitlines()) == 1
    assert folders(other) == []
