import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from studio.core.errors import StudioError
from studio.core.recipes import Recipe
from studio.core.runs import RunState
from studio.processes.launch import worker_command
from studio.processes.training import StopLadder, is_alive, kill_tree, outcome, start_run
from studio.storage.runs import RunFolder, WorkerProcess

FAKE = str(Path(__file__).with_name("fake_worker.py"))


@pytest.fixture
def run(tmp_path):
    folder = RunFolder.create(tmp_path / "runs", Recipe("/m", "d"))
    yield folder
    kill_tree(folder.worker())


def start(run, mode, steps=20):
    return start_run(run, [sys.executable, FAKE, str(run.folder), mode, str(steps)])


def wait_for(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def ended(run, process):
    code = process.wait(20)
    return outcome(run, run.story(), code)


@pytest.mark.parametrize("mode", ["plain", "garbage"])
def test_a_worker_runs_to_its_end_whatever_it_prints(run, mode):
    process = start(run, mode)
    assert is_alive(run.worker())
    assert ended(run, process).state is RunState.FINISHED
    assert run.story().step == 20
    assert not is_alive(run.worker())


def test_stop_and_save_then_resume_goes_on_from_there(run):
    process = start(run, "endless", 10_000)
    wait_for(lambda: run.story().step >= 5)
    run.request_stop(save=True)
    found = ended(run, process)
    assert found.state is RunState.STOPPED
    assert "saved" in found.sentence
    stopped_at = run.story().step
    process = start(run, "plain", stopped_at + 5)
    assert ended(run, process).state is RunState.FINISHED
    assert run.stop_requested() is None
    assert run.story().attempt == 2


def test_a_crash_is_a_sentence_with_the_last_words(run):
    found = ended(run, start(run, "crash"))
    assert found.state is RunState.INTERRUPTED
    assert "exit code 7" in found.sentence
    assert "the model fell over" in found.sentence
    assert "fell over" in found.log_line


def test_a_run_without_its_events_says_so(run):
    ended(run, start(run, "crash"))
    run.events.unlink()
    assert "events.jsonl of this run is gone" in outcome(run, run.recent_story(), None).sentence
    run.events.mkdir()
    assert "events.jsonl of this run is gone" in outcome(run, run.recent_story(), None).sentence


def test_a_failure_is_said_by_the_worker_itself(run):
    found = ended(run, start(run, "fail"))
    assert (found.state, found.sentence, found.hint) == (
        RunState.FAILED,
        "Loss is nan at step 3.",
        "Lower the learning rate.",
    )


def test_a_kill_is_a_sentence(run):
    process = start(run, "endless", 10_000)
    wait_for(lambda: run.story().step >= 3)
    process.kill()
    found = ended(run, process)
    assert found.state is RunState.INTERRUPTED
    assert "signal 9" in found.sentence


def test_a_run_is_never_trained_twice_at_once(run):
    process = start(run, "endless", 10_000)
    with pytest.raises(StudioError, match="being trained already"):
        start(run, "endless")
    kill_tree(run.worker())
    process.wait(20)


def test_another_process_with_the_same_pid_is_not_the_worker(run):
    run.set_worker(WorkerProcess(os.getpid(), psutil.Process().create_time() - 100))
    assert not is_alive(run.worker())
    kill_tree(run.worker())  # must not be us


@pytest.mark.skipif(sys.platform != "linux", reason="other systems keep a process's start time")
def test_a_worker_is_found_again_after_the_clock_was_set(run, monkeypatch):
    process = start(run, "endless", 10_000)
    assert process.poll() is None
    booted = psutil.boot_time()
    monkeypatch.setattr("psutil._pslinux.boot_time", lambda: booted + 3600)
    assert is_alive(run.worker())


def test_the_ladder_asks_then_terminates_then_kills(run):
    process = start(run, "deaf", 100_000)
    wait_for(lambda: run.story().step >= 3)
    clock = [0.0]
    ladder = StopLadder(run, save=True, grace=10, terminate_grace=5, clock=lambda: clock[0])
    ladder.climb()  # nobody asked yet
    ladder.ask()
    for moment in (1.0, 9.9):
        clock[0] = moment
        ladder.climb()
    assert process.poll() is None
    clock[0] = 10.0
    ladder.climb()  # terminate, which this worker ignores
    clock[0] = 14.0
    ladder.climb()
    assert process.poll() is None
    clock[0] = 15.0
    ladder.climb()
    assert process.wait(20) == -signal.SIGKILL


def test_a_worker_that_cannot_be_started_is_a_sentence(run):
    with pytest.raises(StudioError, match="can't be started"):
        start_run(run, ["/nowhere/python"])


def test_of_two_that_start_a_run_at_the_same_moment_one_gets_a_sentence(run):
    barrier, processes, refused = threading.Barrier(2), [], []

    def start_it():
        barrier.wait()
        try:
            processes.append(start(run, "endless", 10_000))
        except StudioError as error:
            refused.append(error.what)

    threads = [threading.Thread(target=start_it) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    try:
        (process,), (sentence,) = processes, refused
        assert "being trained already" in sentence
        worker = run.worker()
        assert worker is not None
        assert worker.pid == process.pid
    finally:
        for process in processes:
            process.kill()
            process.wait(20)


def test_a_worker_that_cannot_be_recorded_does_not_go_on_unseen(run, monkeypatch):
    started = []
    real = RunFolder.set_worker

    def full(_self, worker):
        started.append(worker)
        raise StudioError("The disk is full.")

    monkeypatch.setattr(RunFolder, "set_worker", full)
    with pytest.raises(StudioError, match="disk is full"):
        start(run, "endless", 10_000)
    monkeypatch.setattr(RunFolder, "set_worker", real)
    assert not is_alive(started[0])


@pytest.mark.parametrize("told", [True, False])
def test_an_attempt_that_dies_before_its_first_word_is_not_told_as_the_one_before(run, told):
    process = start(run, "endless", 10_000)
    wait_for(lambda: run.story().step >= 3)
    run.request_stop(save=True)
    assert ended(run, process).state is RunState.STOPPED
    process = start(run, "mute")
    code = process.wait(20)
    found = outcome(run, run.story(), code if told else None)
    assert found.state is RunState.INTERRUPTED
    assert "without a word" in found.sentence
    assert "ImportError: no torch" in found.sentence
    assert found.hint.startswith("Press Resume")


def test_who_asked_for_the_end_is_not_told_that_it_came_from_outside(run):
    process = start(run, "deaf", 100_000)
    wait_for(lambda: run.story().step >= 3)
    run.request_stop(save=True)
    kill_tree(run.worker())
    found = ended(run, process)
    assert found.state is RunState.STOPPED
    assert "as you asked, before it could save" in found.sentence
    assert outcome(run, run.story(), -11).state is RunState.INTERRUPTED  # a crash while saving is one


def test_a_run_whose_folder_was_deleted_is_said_to_be_gone(run):
    process = start(run, "endless", 10_000)
    wait_for(lambda: run.story().step >= 3)
    story = run.story()
    worker = run.worker()
    shutil.rmtree(run.folder)
    run.request_stop(save=True)  # which makes the folder again, but not the run
    kill_tree(worker)
    found = outcome(run, story, process.wait(20))
    assert found.state is RunState.FAILED
    assert "is gone" in found.sentence


def test_a_worker_is_the_programs_whatever_lies_in_the_folder_it_was_started_from(tmp_path, monkeypatch):
    (tmp_path / "json.py").write_text("raise SystemExit('the wrong json')")
    monkeypatch.chdir(tmp_path)
    done = subprocess.run(worker_command("nonsense"), capture_output=True, text=True, timeout=60)
    assert "A worker is told one of" in done.stderr
