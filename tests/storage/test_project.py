import contextlib
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from studio.core.errors import StudioError
from studio.storage import project as project_module
from studio.storage.datasets import list_datasets
from studio.storage.interchange import import_file
from studio.storage.migrations import STEPS, migrate
from studio.storage.project import DATABASE, Project


def test_a_project_is_a_folder_that_opens_again(tmp_path, alpaca):
    folder = tmp_path / "a project"
    made = Project.create(folder)
    info = import_file(made, alpaca(3))
    made.close()
    opened = Project.open(folder)
    assert list_datasets(opened) == [info]
    assert {entry.name for entry in folder.iterdir()} >= {DATABASE, "runs", "models", "recipes", "logs"}
    opened.close()


def test_a_second_window_gets_a_sentence_and_the_command_line_gets_in(project):
    with pytest.raises(StudioError, match="already open in another Plumbline window"):
        Project.open(project.folder)
    Project.open(project.folder, lock=False).close()
    project.close()
    Project.open(project.folder).close()


def test_a_killed_window_leaves_no_lock(tmp_path):
    folder = tmp_path / "p"
    code = (
        "import os, pathlib, sys; from studio.storage.project import Project\n"
        "project = Project.create(pathlib.Path(sys.argv[1])); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code, str(folder)], check=False)
    assert (folder / "project.lock").exists()
    Project.open(folder).close()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda folder: None, "There is no folder"),
        (lambda folder: folder.write_text("x"), "is a file"),
        (lambda folder: folder.mkdir(), "not a Plumbline project"),
        (lambda folder: (folder.mkdir(), (folder / DATABASE).write_bytes(b"x" * 5000)), "is damaged"),
    ],
)
def test_what_is_no_project_gets_a_sentence(tmp_path, make, words):
    make(tmp_path / "p")
    with pytest.raises(StudioError, match=words):
        Project.open(tmp_path / "p")


def test_a_new_project_is_never_mixed_with_other_files(tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("x")
    with pytest.raises(StudioError, match="not empty"):
        Project.create(tmp_path / "full")
    (tmp_path / "file").write_text("x")
    with pytest.raises(StudioError, match="a file, not a folder"):
        Project.create(tmp_path / "file")
    assert (tmp_path / "full" / "thesis.txt").read_text() == "x"


@pytest.mark.parametrize(("closed", "words"), [(False, "already open in another"), (True, "already a project")])
@pytest.mark.parametrize("there", [True, False])
def test_of_two_that_make_the_same_project_the_first_keeps_it(tmp_path, monkeypatch, there, closed, words):
    folder, take, first = tmp_path / "p", project_module._take_lock, []
    if there:
        folder.mkdir()

    def another_window_first(place):
        monkeypatch.setattr(project_module, "_take_lock", take)
        first.append(Project.create(place))
        if closed:
            first[0].close()
        return take(place)

    monkeypatch.setattr(project_module, "_take_lock", another_window_first)
    with pytest.raises(StudioError, match=words):
        Project.create(folder)
    assert list_datasets(first[0]) == []
    first[0].close()
    Project.open(folder).close()


@pytest.mark.skipif(sys.platform == "win32", reason="permissions and links work otherwise there")
@pytest.mark.parametrize("link", [False, True])
def test_a_project_that_fails_takes_back_what_it_made_and_no_more(tmp_path, monkeypatch, link):
    def full(*_given):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(project_module, "migrate", full)
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    theirs.chmod(0o2775)
    (tmp_path / "link").symlink_to(theirs)
    before = theirs.stat()
    with pytest.raises(StudioError, match="is full"):
        Project.create(tmp_path / "link" if link else theirs)
    after = theirs.stat()
    assert (after.st_ino, after.st_mode) == (before.st_ino, before.st_mode)
    assert list(theirs.iterdir()) == []
    with pytest.raises(StudioError, match="is full"):
        Project.create(tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_newer_layout_is_left_alone(project):
    with sqlite3.connect(project.folder / DATABASE) as connection:
        connection.execute(f"PRAGMA user_version = {len(STEPS) + 1}")
    connection.close()
    with pytest.raises(StudioError, match="newer Plumbline"):
        Project.open(project.folder, lock=False)


def test_a_failed_write_leaves_nothing(project):
    def write_then_fail():
        with project.writing() as connection:
            connection.execute("INSERT INTO about VALUES ('a', 'b')")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_then_fail()
    with project.connect() as connection:
        assert connection.execute("SELECT count(*) FROM about").fetchone() == (0,)


@pytest.mark.skipif(sys.platform == "win32", reason="permissions of folders work otherwise there")
def test_a_read_only_project_gets_a_sentence(tmp_path, project):
    project.close()
    for path in (tmp_path, *tmp_path.parents):  # so that another user gets as far as the project
        if path.owner() == tmp_path.owner() and path != path.parent:
            path.chmod(path.stat().st_mode | 0o055)
    project.folder.chmod(0o555)
    code = (
        "import os, sys, pathlib\n"
        "from studio.storage.project import Project\n"
        "from studio.core.errors import StudioError\n"
        "if os.getuid() == 0: os.setgid(65534); os.setuid(65534)\n"
        "try: Project.open(pathlib.Path(sys.argv[1]))\n"
        "except StudioError as error: print(error)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, str(project.folder)],
        capture_output=True,
        text=True,
        env={**os.environ, "HOME": "/nonexistent"},
    )
    project.folder.chmod(0o755)
    assert "can't be written" in result.stdout, result.stderr
    assert "permissions" in result.stdout


def test_a_place_that_cannot_be_looked_at_gets_a_sentence(tmp_path, unreachable):
    unreachable(tmp_path / "theirs")
    for path in (tmp_path / "theirs", tmp_path / "theirs" / "p"):
        with pytest.raises(StudioError, match="can't be read: Permission denied"):
            Project.open(path)
        with pytest.raises(StudioError, match="can't be written: Permission denied"):
            Project.create(path)


@pytest.mark.parametrize(
    ("folder", "words"),
    [
        (Path("~nobody-of-that-name/p"), "no home folder"),
        (Path("x" * 300), "too long|can't be|no folder"),
        (Path("caf\udce9/p"), "is not text"),  # a name in an encoding of long ago
    ],
)
def test_a_place_that_cannot_be_gets_a_sentence(folder, words):
    for make in (Project.open, Project.create):
        with pytest.raises(StudioError, match=words):
            make(folder)


def test_a_project_that_is_gone_gets_a_sentence_and_is_not_made_anew(project):
    (project.folder / DATABASE).unlink()
    with pytest.raises(StudioError, match="is gone"):
        list_datasets(project)
    assert not (project.folder / DATABASE).exists()
    shutil.rmtree(project.folder)
    with pytest.raises(StudioError, match="is gone"):
        list_datasets(project)


def test_two_programs_that_open_an_old_project_at_once_both_get_in(tmp_path):
    database, troubles = tmp_path / DATABASE, []
    old = sqlite3.connect(database, isolation_level=None)
    old.execute("PRAGMA journal_mode = WAL")
    old.executescript(f"{STEPS[0]}; PRAGMA user_version = 1;")
    old.execute("BEGIN IMMEDIATE")  # holds both back until each has asked for the layout

    def open_it():
        connection = sqlite3.connect(database, timeout=30, isolation_level=None)
        connection.set_trace_callback(lambda sql: asked.release() if "user_version" in sql else None)
        try:
            migrate(connection, "p")
        except Exception as error:
            troubles.append(error)
        finally:
            connection.close()

    asked = threading.Semaphore(0)
    threads = [threading.Thread(target=open_it) for _ in range(2)]
    for thread in threads:
        thread.start()
    for _ in threads:
        assert asked.acquire(timeout=20)
    old.execute("COMMIT")
    for thread in threads:
        thread.join()
    assert troubles == []
    assert old.execute("PRAGMA user_version").fetchone() == (len(STEPS),)
    old.close()


@pytest.mark.skipif(sys.platform != "linux", reason="mounts a file system")
def test_a_project_on_a_really_full_disk(small_disk):
    project = Project.create(small_disk / "p")
    with project.writing() as connection:
        connection.execute("INSERT INTO about VALUES ('a', 'b')")
    with contextlib.suppress(OSError), (small_disk / "filler").open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 4096)
    with pytest.raises(StudioError, match="is full"):
        Project.create(small_disk / "q")
    assert not (small_disk / "q").exists()
    with pytest.raises(StudioError, match="is full"), project.writing() as connection:
        connection.execute("INSERT INTO about VALUES ('long', ?)", ("x" * 1_000_000,))
    (small_disk / "filler").unlink()
    with project.connect() as connection:
        assert connection.execute("SELECT * FROM about").fetchall() == [("a", "b")]
    project.close()
