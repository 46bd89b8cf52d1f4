import sys
import threading
import time
from pathlib import Path

import pytest

from studio.core.recipes import Recipe
from studio.processes.queue import take_turn
from studio.processes.training import is_alive, kill_tree, start_run
from studio.storage.project import Project
from studio.storage.queue import QueueFile
from studio.storage.runs import RunFolder, list_runs

FAKE = str(Path(__file__).with_name("fake_worker.py"))


@pytest.fixture
def project(tmp_path):
    made = Project.create(tmp_path / "project ü")
    made.close()
    yield made
    for run in list_runs(made.runs):
        kill_tree(run.worker())


@pytest.fixture
def file(project):
    return QueueFile(project.folder)


def new_run(project, name="r"):
    return RunFolder.create(project.runs, Recipe("/m", "d", name))


def fake(mode="plain", steps=5):
    return lambda run: [sys.executable, FAKE, str(run.folder), mode, str(steps)]


def turn_of(project, command):
    """The next turn that is taken; the worker before may need a moment to be gone."""
    end = time.monotonic() + 20
    while (turn := take_turn(project, command)) is None:
        assert time.monotonic() < end
        time.sleep(0.01)
    return turn


def test_runs_follow_each_other_in_order_also_after_a_failed_one(project, file):
    runs = [new_run(project, name) for name in "abc"]
    for run in runs:
        file.add(run)
    file.change(lambda queue: queue.moved(runs[2].id, 0))
    seen = []
    for mode in ("fail", "crash", "plain"):
        turn = turn_of(project, fake(mode))
        seen.append(turn.run.id)
        turn.process.wait(20)
    assert seen == [runs[2].id, runs[0].id, runs[1].id]
    assert file.read().waiting == ()
    assert take_turn(project, fake()) is None


def test_nothing_starts_while_something_runs_or_the_queue_is_held(project, file):
    busy = new_run(project)
    process = start_run(busy, fake("endless", 100_000)(busy))
    waiting = new_run(project)
    file.add(waiting)
    assert take_turn(project, fake()) is None
    kill_tree(busy.worker())
    process.wait(20)
    file.change(lambda queue: queue.on_hold("because."))
    assert take_turn(project, fake()) is None
    file.change(lambda queue: queue.on_hold(""))
    assert turn_of(project, fake()).run.id == waiting.id


def test_a_run_is_not_started_before_its_time(project, file):
    later, now = new_run(project), new_run(project)
    file.add(later, time.time() + 3600)
    file.add(now)
    turn_of(project, fake()).process.wait(20)
    assert [entry.run for entry in file.read().waiting] == [later.id]
    assert take_turn(project, fake()) is None


def test_many_that_look_after_one_queue_start_each_run_once_and_one_at_a_time(project, file):
    runs = [new_run(project) for _ in range(4)]
    for run in runs:
        file.add(run)
    taken, together, over = [], [], threading.Event()

    def look_after():
        while not over.is_set():
            turn = take_turn(project, fake("plain", 3))
            if turn is not None:
                taken.append(turn.run.id)
                together.append(sum(is_alive(run.worker()) for run in runs))
                turn.process.wait(20)
            over.wait(0.01)

    threads = [threading.Thread(target=look_after) for _ in range(3)]
    for thread in threads:
        thread.start()
    end = time.monotonic() + 40
    while len(taken) < 4 and time.monotonic() < end:
        time.sleep(0.01)
    over.set()
    for thread in threads:
        thread.join()
    assert taken == [run.id for run in runs]
    assert max(together) <= 1


def test_a_turn_cut_off_in_its_middle_is_neither_lost_nor_repeated(project, file):
    started, waiting = new_run(project), new_run(project)
    file.add(started)
    file.add(waiting)
    start_run(started, fake()(started)).wait(20)  # by a program that died before it could take the run out
    assert turn_of(project, fake()).run.id == waiting.id
    assert file.read().waiting == ()


def test_a_worker_that_cannot_be_started_holds_the_queue(project, file):
    file.add(new_run(project))
    assert take_turn(project, lambda _run: ["/nowhere/python"]) is None
    queue = file.read()
    assert "can't be started" in queue.held
    assert len(queue.waiting) == 1


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"format": 1}', '{"format": 1, "held": 3, "waiting": [1, {"run": 2}]}']
)
def test_a_damaged_file_is_an_empty_queue(project, file, text):
    (project.folder / "queue.json").write_text(text)
    assert file.read().waiting == ()
    file.add(new_run(project))
    assert len(file.read().waiting) == 1
