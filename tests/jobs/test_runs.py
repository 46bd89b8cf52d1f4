import subprocess
import sys

import pytest

from studio.core.errors import StudioError
from studio.core.recipes import Recipe
from studio.core.runs import RunState
from studio.jobs.runs import ProjectRuns
from studio.processes.training import kill_tree, start_run
from studio.storage.runs import RunFolder


@pytest.fixture
def runs_of(project, qtbot):
    """Opens the project's runs as a window does; closed at the end, and no worker is left."""
    opened = []

    def make(command=None):
        runs = ProjectRuns(project, command=command)
        opened.append(runs)
        return runs

    yield make
    for runs in opened:
        runs.close()
        for record in runs.records():
            kill_tree(record.folder.worker())


@pytest.fixture
def recipe(project, tiny_model_folder):
    return Recipe(str(tiny_model_folder), "data", "first")


@pytest.fixture
def tiny_model_folder(tmp_path):
    """What storage takes for a model; no worker here loads it."""
    import json
    import struct

    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    (folder / "tokenizer.json").write_text("{}")
    header = json.dumps({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + b"\0" * 4)
    return folder


def test_a_run_streams_to_its_end(qtbot, runs_of, recipe, fake_run, project):
    runs = runs_of(fake_run("plain", 1500))
    with qtbot.waitSignal(runs.run_ended, timeout=20_000):
        record = runs.start(recipe)
    assert record.state is RunState.FINISHED
    assert record.outcome is not None
    assert len(record.curves.by_name["loss"]) == 1500
    assert record.recipe is not None
    assert record.recipe.dataset_hash
    assert [found.name for found in runs.records()] == ["first"]


def test_stop_then_resume_keeps_one_curve(qtbot, runs_of, recipe, fake_run):
    runs = runs_of(fake_run("endless", 10_000))
    record = runs.start(recipe)
    qtbot.waitUntil(lambda: record.story.step >= 3, timeout=20_000)
    with qtbot.waitSignal(runs.run_ended, timeout=20_000):
        runs.stop(record.id, save=True)
        assert runs.is_stopping(record.id)
    assert record.state is RunState.STOPPED
    assert not runs.is_stopping(record.id)
    stopped_at = record.story.step
    runs._command = fake_run("plain", stopped_at + 10)
    with qtbot.waitSignal(runs.run_ended, timeout=20_000):
        runs.resume(record.id)
    assert record.state is RunState.FINISHED
    assert list(record.curves.by_name["loss"].steps) == list(range(1, stopped_at + 11))
    assert record.curves.resumes == [stopped_at]


@pytest.mark.parametrize(("mode", "words"), [("crash", "fell over"), ("fail", "Loss is nan")])
def test_every_bad_ending_is_a_sentence(qtbot, runs_of, recipe, fake_run, mode, words):
    runs = runs_of(fake_run(mode))
    with qtbot.waitSignal(runs.run_ended, timeout=20_000):
        record = runs.start(recipe)
    assert record.outcome is not None
    assert words in record.outcome.sentence


def test_a_window_finds_the_run_of_a_dead_one_and_takes_over(qtbot, runs_of, project, recipe, fake_run):
    folder = RunFolder.create(project.runs, recipe)
    command = fake_run("endless", 10_000)(folder)
    code = (
        "import sys, pathlib\n"
        "from studio.storage.runs import RunFolder\n"
        "from studio.processes.training import start_run\n"
        "start_run(RunFolder(pathlib.Path(sys.argv[1])), sys.argv[2:])"
    )
    subprocess.run([sys.executable, "-c", code, str(folder.folder), *command], check=True)  # the first window, gone
    runs = runs_of()
    qtbot.waitUntil(lambda: bool(runs.records()) and runs.records()[0].story.step >= 5, timeout=20_000)
    record = runs.record(folder.id)
    assert record.state is RunState.RUNNING
    assert list(record.curves.by_name["loss"].steps)[:5] == [1, 2, 3, 4, 5]
    with qtbot.waitSignal(runs.run_ended, timeout=20_000):
        runs.stop(record.id, save=True)
    assert record.state is RunState.STOPPED


def test_a_run_that_ended_while_no_window_was_open_is_listed_and_read_on_demand(
    qtbot, runs_of, project, recipe, fake_run
):
    folder = RunFolder.create(project.runs, recipe)
    start_run(folder, fake_run("plain", 30)(folder)).wait(20)
    runs = runs_of()
    qtbot.waitUntil(lambda: bool(runs.records()), timeout=20_000)
    record = runs.record(folder.id)
    assert record.state is RunState.FINISHED
    with qtbot.assertNotEmitted(runs.run_ended):
        runs.follow(folder.id)
        qtbot.waitUntil(lambda: len(record.curves.by_name["loss"]) == 30, timeout=20_000)
        qtbot.waitUntil(lambda: not runs._watches, timeout=20_000)
    assert record.state is RunState.FINISHED


def test_a_run_started_elsewhere_appears_and_a_removed_one_goes(qtbot, runs_of, project, recipe, fake_run):
    runs = runs_of()
    folder = RunFolder.create(project.runs, recipe)
    start_run(folder, fake_run("plain", 30)(folder)).wait(20)
    qtbot.waitUntil(lambda: bool(runs.records()) and runs.records()[0].state is RunState.FINISHED, timeout=20_000)
    runs.delete(folder.id)
    assert runs.records() == []
    assert len(list((project.folder / "trash").glob(f"*/{folder.id}/recipe.json"))) == 1


def test_a_recipe_that_cannot_be_trained_makes_no_run(runs_of, recipe, project):
    from dataclasses import replace

    runs = runs_of()
    for wrong in (replace(recipe, base_model="/nowhere"), replace(recipe, dataset="none"), replace(recipe, dataset="")):
        with pytest.raises(StudioError):
            runs.start(wrong)
    assert list(project.runs.iterdir()) == []


def test_a_living_run_is_not_deleted(qtbot, runs_of, recipe, fake_run):
    runs = runs_of(fake_run("endless", 10_000))
    record = runs.start(recipe)
    with pytest.raises(StudioError, match="still training"):
        runs.delete(record.id)


def test_closing_the_window_leaves_training_alone(qtbot, runs_of, recipe, fake_run):
    runs = runs_of(fake_run("endless", 10_000))
    record = runs.start(recipe)
    qtbot.waitUntil(lambda: record.story.step >= 2, timeout=20_000)
    runs.close()
    before = record.folder.story().step
    qtbot.waitUntil(lambda: record.folder.story().step > before, timeout=20_000)


def test_what_a_watch_saw_to_its_end_is_not_replaced_by_a_later_look(qtbot, runs_of, recipe, fake_run):
    runs = runs_of(fake_run("crash"))
    with qtbot.waitSignal(runs.run_ended, timeout=20_000):
        record = runs.start(recipe)
    with qtbot.waitSignal(runs._finder.looked, timeout=20_000):
        pass
    with qtbot.waitSignal(runs._finder.looked, timeout=20_000):
        pass
    assert record.outcome is not None
    assert "exit code 7" in record.outcome.sentence
    assert len(record.curves.by_name["loss"]) == 3


def test_a_run_that_is_resumed_is_starting_until_its_worker_speaks(qtbot, runs_of, recipe, fake_run):
    runs = runs_of(fake_run("endless", 10_000))
    record = runs.start(recipe)
    qtbot.waitUntil(lambda: record.story.step >= 3, timeout=20_000)
    with qtbot.waitSignal(runs.run_ended, timeout=20_000):
        runs.stop(record.id, save=True)
    runs._command = fake_run("slow")
    runs.resume(record.id)
    qtbot.waitUntil(lambda: record.story.ending is not None, timeout=20_000)
    assert record.state is RunState.STARTING


def test_a_run_that_cannot_be_moved_to_the_trash_stays_whole(qtbot, runs_of, recipe, fake_run, project, monkeypatch):
    runs = runs_of(fake_run("plain"))
    with qtbot.waitSignal(runs.run_ended, timeout=20_000):
        record = runs.start(recipe)

    def refuse(*_):
        raise PermissionError(13, "The file is being used by another process")

    monkeypatch.setattr("os.rename", refuse)
    with pytest.raises(StudioError, match="being used"):
        runs.delete(record.id)
    assert (record.folder.folder / "recipe.json").exists()
    assert list((project.folder / "trash").iterdir()) == []
    assert runs.records() == [record]
