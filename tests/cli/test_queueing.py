import pytest

from studio.cli.app import main
from studio.core.recipes import Recipe
from studio.storage.project import Project
from studio.storage.queue import QueueFile
from studio.storage.runs import RunFolder


@pytest.fixture
def project(tmp_path):
    made = Project.create(tmp_path / "project ü")
    made.close()
    return made


def said(capsys):
    return capsys.readouterr().out


def test_runs_are_added_ordered_held_and_taken_out(project, capsys):
    runs = [RunFolder.create(project.runs, Recipe("/m", "d", name)).id for name in "abc"]
    where = ["--project", str(project.folder)]
    assert main(["queue", *where]) == 0
    assert "Nothing waits" in said(capsys)
    for run in runs:
        assert main(["queue", "add", run, *where]) == 0
    assert main(["queue", "up", runs[2], *where]) == 0
    assert [line.split()[0] for line in said(capsys).splitlines()[-3:]] == [runs[0], runs[2], runs[1]]
    assert main(["queue", "down", runs[0], *where]) == 0
    assert main(["queue", "remove", runs[1], *where]) == 0
    assert [entry.run for entry in QueueFile(project.folder).read().waiting] == [runs[2], runs[0]]
    assert main(["queue", "hold", *where]) == 0
    assert "on hold" in said(capsys)
    assert main(["queue", "run", *where]) == 1
    assert "go-on" in capsys.readouterr().err
    assert main(["queue", "go-on", *where]) == 0
    assert QueueFile(project.folder).read().held == ""


def test_what_is_missing_is_said(project, capsys):
    where = ["--project", str(project.folder)]
    assert main(["queue", "add", *where]) == 1
    assert main(["queue", "add", "nothing", *where]) == 1
    assert "no run “nothing”" in capsys.readouterr().err


def test_an_empty_queue_is_run_at_once(project, capsys):
    assert main(["queue", "run", "--project", str(project.folder)]) == 0
    assert "Nothing waits" in said(capsys)
