import json
import os
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from studio.core.errors import StudioError
from studio.core.events import Event
from studio.core.recipes import Recipe
from studio.storage.runs import EventReader, EventWriter, RunFolder, StopRequest, WorkerProcess, list_runs, seal


@pytest.fixture
def run(tmp_path):
    return RunFolder.create(tmp_path / "runs", Recipe("/m", "d"))


def test_a_run_is_found_with_its_recipe(tmp_path, run):
    (tmp_path / "runs" / "stray").mkdir()
    (found,) = list_runs(tmp_path / "runs")
    assert found.id == run.id
    assert found.recipe() == Recipe("/m", "d")
    assert found.worker() is None
    assert found.tuned_folder() is None


def test_a_damaged_recipe_gets_a_sentence(run):
    (run.folder / "recipe.json").write_text("{")
    with pytest.raises(StudioError, match=run.id):
        run.recipe()


def test_requests_and_the_worker_survive_in_files(run):
    assert run.stop_requested() is None
    run.request_stop(save=False)
    assert RunFolder(run.folder).stop_requested() == StopRequest(save=False)
    run.request_stop(save=True)
    assert run.stop_requested() == StopRequest(save=True)
    run.clear_stop()
    run.clear_stop()
    assert run.stop_requested() is None
    run.set_worker(WorkerProcess(12, 34.5))
    assert RunFolder(run.folder).worker() == WorkerProcess(12, 34.5)
    (run.folder / "process.json").write_text("{torn")
    assert run.worker() is None


def test_a_checkpoint_is_complete_or_absent(run):
    for step in (5, 10, 20):
        folder = run.checkpoints / f"checkpoint-{step}"
        folder.mkdir(parents=True)
        (folder / "weights").write_bytes(b"x" * step)
        if step != 20:
            seal(folder)
    assert [checkpoint.step for checkpoint in run.complete_checkpoints()] == [5, 10]
    (run.checkpoints / "checkpoint-10" / "weights").write_bytes(b"x" * 9)
    last = run.last_checkpoint()
    assert last is not None
    assert last.step == 5
    assert run.tuned_folder() == last.folder
    (run.checkpoints / "checkpoint-5" / "weights").unlink()
    assert run.last_checkpoint() is None


def event(number):
    return Event("step", 1.0, {"step": number, "text": "ü" * number})


def test_a_reader_sees_each_event_once_as_it_comes(run):
    reader, writer = EventReader(run.events), EventWriter(run.events)
    assert reader.read() == []
    for number in range(5):
        writer.write(event(number))
        assert [seen.values["step"] for seen in reader.read()] == [number]
        assert reader.read() == []
    writer.close()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(st.lists(st.integers(0, 30), max_size=20), st.integers(1, 50), st.lists(st.integers(1, 200), min_size=1))
def test_events_survive_any_cut_of_the_file(tmp_path, numbers, chunk, cuts):
    whole = "".join(event(number).to_line() for number in numbers).encode()
    file, seen = tmp_path / "events.jsonl", []
    file.write_bytes(b"")
    reader, position = EventReader(file, chunk=chunk), 0
    while position < len(whole):
        for cut in cuts:
            with file.open("ab") as stream:
                stream.write(whole[position : position + cut])
            position += cut
            seen += reader.read()
    while events := reader.read():
        seen += events
    assert [found.values["step"] for found in seen] == numbers
    assert reader.skipped == 0


def test_a_torn_line_costs_only_itself(run):
    run.events.write_bytes(event(1).to_line().encode() + b'{"v":1,"event":"st')
    writer = EventWriter(run.events)
    writer.write(event(2))
    writer.close()
    reader = EventReader(run.events)
    assert [found.values["step"] for found in reader.read()] == [1, 2]
    assert reader.skipped == 1


def test_the_recent_story_of_a_long_run_is_right_without_reading_it_whole(run):
    lines = [Event("started", 1.0, {"device": "cpu"})]
    lines += [Event("step", 1.0, {"step": n, "total": 9000, "loss": 1 / n}) for n in range(1, 9001)]
    lines.append(Event("finished", 1.0, {"step": 9000}))
    run.events.write_text("".join(line.to_line() for line in lines))
    recent, whole = run.recent_story(), run.story()
    for story in (recent, whole):
        assert (story.step, story.total, story.loss) == (9000, 9000, pytest.approx(1 / 9000))
        assert story.ending is not None
        assert story.ending.kind == "finished"


def test_the_last_meaningful_line(run):
    assert run.last_log_line() == ""
    run.log.write_text('Traceback (most recent call last):\n  File "x", line 1\n    f(\n    ^^\nValueError: no\n\n')
    assert run.last_log_line() == "ValueError: no"


def test_a_manifest_names_every_file(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "c").write_text("ü")
    seal(tmp_path / "a")
    assert json.loads((tmp_path / "a" / "manifest.json").read_text())["files"] == {"b/c": 2}


@pytest.mark.skipif(sys.platform == "win32", reason="asks how a file was opened")
def test_files_are_sealed_as_every_system_can(tmp_path, monkeypatch):
    import fcntl

    (tmp_path / "weights").write_text("x")
    real = os.fsync

    def only_what_was_opened_to_write(handle):  # as on Windows
        assert fcntl.fcntl(handle, fcntl.F_GETFL) & os.O_ACCMODE != os.O_RDONLY
        real(handle)

    monkeypatch.setattr("os.fsync", only_what_was_opened_to_write)
    seal(tmp_path)


def test_a_run_that_cannot_be_looked_at_hides_no_other(run, unreachable):
    other = RunFolder.create(run.folder.parent, Recipe("/m", "d"))
    unreachable(other.folder)
    assert [found.id for found in list_runs(run.folder.parent)] == [run.id]
    unreachable(run.folder.parent)
    assert list_runs(run.folder.parent) == []
    assert run.complete_checkpoints() == []
    assert not run.is_sealed


def test_checkpoints_that_vanish_while_they_are_listed_are_none(run, monkeypatch):
    (run.checkpoints / "checkpoint-1").mkdir(parents=True)

    def gone(*_):
        raise FileNotFoundError

    monkeypatch.setattr("os.scandir", gone)
    assert run.complete_checkpoints() == []


def test_a_long_last_word_is_read_whole(run):
    lines = [Event("started", 1.0, {}), Event("step", 1.0, {"step": 3, "total": 9})]
    lines.append(Event("failed", 1.0, {"what": "Weights do not fit.", "details": "size mismatch\n" * 20_000}))
    run.events.write_text("".join(line.to_line() for line in lines))
    recent = run.recent_story()
    assert recent.ending is not None
    assert recent.ending.text("what") == "Weights do not fit."
    assert recent.step == 3
