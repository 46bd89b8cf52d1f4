"""Which runtime is in use: a line in a file that damage can't break, and folders that only we delete."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from studio.core.errors import StudioError
from studio.storage import runtimes
from studio.storage.packages import package
from studio.storage.runtimes import (
    Runtime,
    current_runtime,
    forget_runtime,
    has_lock,
    interpreter_in,
    leave_place,
    lend_packages,
    lent_folder,
    lock_file,
    lock_hash,
    new_folder,
    remove_runtimes,
    use_runtime,
    uv_folder,
)
from studio.storage.settings import home as home_folder


@pytest.fixture
def runtime(tmp_path) -> Runtime:
    folder = new_folder(tmp_path / "runtimes", "cpu")
    interpreter_in(folder).parent.mkdir(parents=True)
    interpreter_in(folder).touch()
    version = ".".join(map(str, sys.version_info[:2]))
    return Runtime(str(folder), "cpu", lock_hash(lock_file("cpu", "linux")), f"{version}.7", 1.0, "processor")


def test_what_is_used_is_found_again(runtime) -> None:
    assert current_runtime() is None
    use_runtime(runtime)
    assert current_runtime() == runtime
    interpreter_in(Path(runtime.folder)).unlink()
    assert current_runtime() is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"folder": 1}', '{"folder": "x", "build": "cpu"}', "null"])
def test_a_damaged_record_is_none(text: str) -> None:
    home_folder().mkdir(parents=True, exist_ok=True)
    (home_folder() / "runtime.json").write_text(text)
    assert current_runtime() is None


def test_another_lock_wants_an_update(runtime, monkeypatch) -> None:
    monkeypatch.setattr(runtimes, "system", lambda: "linux")
    assert runtime.is_current
    assert not replace(runtime, lock="0" * 16).is_current
    assert not replace(runtime, build="no such build").is_current
    assert has_lock("cpu")
    assert not has_lock("cu99")


def test_one_in_use_is_not_deleted(runtime, tmp_path) -> None:
    use_runtime(runtime)
    python = interpreter_in(Path(runtime.folder))
    python.unlink()
    python.symlink_to(sys.executable)
    child = subprocess.Popen([str(python), "-c", "input()"], stdin=subprocess.PIPE)
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "runtimes")
    try:
        with pytest.raises(StudioError, match="in use"):
            forget_runtime(patience=0.0)
        for place in (tmp_path / "runtimes", link, link / ".." / "runtimes"):
            assert remove_runtimes(place, None) == [place / Path(runtime.folder).name]
        assert python.exists()
    finally:
        child.communicate(b"\n")
    forget_runtime()
    assert current_runtime() is None
    assert not Path(runtime.folder).exists()


def test_foreign_folders_stay(runtime, tmp_path) -> None:
    foreign = tmp_path / "runtimes" / "my photos"
    foreign.mkdir()
    remove_runtimes(tmp_path / "runtimes", runtime)
    assert foreign.is_dir()
    assert Path(runtime.folder).is_dir()


def test_a_folder_that_may_not_be_entered_hides_no_runtime(runtime, tmp_path, unreachable) -> None:
    place = tmp_path / "runtimes"
    uv_folder(place).mkdir()
    (place / "lost+found").mkdir()
    unreachable(place / "lost+found")
    leave_place(place)
    assert uv_folder(place).is_dir()
    remove_runtimes(place, None)
    assert not Path(runtime.folder).exists()
    leave_place(place)
    assert not uv_folder(place).exists()


def test_nothing_goes_from_a_place_that_cannot_be_listed(runtime, tmp_path, monkeypatch) -> None:
    place = tmp_path / "runtimes"
    uv_folder(place).mkdir()

    def away(_place):
        raise OSError("the drive is away")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "iterdir", away)
        assert remove_runtimes(place, None) == []
        leave_place(place)
    assert uv_folder(place).is_dir() and Path(runtime.folder).is_dir()


def test_packages_are_lent_to_the_same_python_only(runtime, monkeypatch) -> None:
    packages = Path(runtime.folder) / "lib" / "python3.11" / "site-packages"
    packages.mkdir(parents=True)
    (packages / "lent_for_a_test.py").write_text("value = 7")
    monkeypatch.setattr(runtimes, "is_needed", lambda: True)
    monkeypatch.setattr(sys, "path", list(sys.path))
    use_runtime(replace(runtime, python="2.7.1"))
    lend_packages()
    with pytest.raises(StudioError, match="comes when training is set up"):
        package("lent_for_a_test")
    use_runtime(runtime)
    lend_packages()
    lend_packages()
    assert package("lent_for_a_test").value == 7
    assert sys.path.count(str(packages)) == 1


def test_a_runtime_with_another_python_lends_what_was_installed_for_this_one(runtime, monkeypatch) -> None:
    other = replace(runtime, python="2.7.1")
    (Path(runtime.folder) / "lib" / "python2.7" / "site-packages").mkdir(parents=True)
    (Path(runtime.folder) / "lent-2.6").mkdir()
    assert other.lends() is None
    lent_folder(Path(runtime.folder)).mkdir()
    assert other.lends() == lent_folder(Path(runtime.folder))


def test_a_build_without_a_list_says_what_to_do() -> None:
    with pytest.raises(StudioError, match="no list of files for the build “mps”") as told:
        lock_file("mps", "windows")
    assert "Choose another build" in told.value.hint
