import sys
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction

from studio.core.recipes import Recipe
from studio.core.runs import RunState
from studio.gui.pages.runs import RunsPage
from studio.gui.preferences import Preferences
from studio.jobs.runs import ProjectRuns
from studio.storage.queue import QueueFile

FAKE = Path(__file__).resolve().parents[2] / "processes" / "fake_worker.py"


@pytest.fixture
def runs(project):
    made = ProjectRuns(project, command=lambda run: [sys.executable, str(FAKE), str(run.folder), made.mode, "400"])
    made.mode = "endless"
    yield made
    for record in made.records():
        if not record.state.is_over:
            record.folder.request_stop(save=False)
    made.close()


@pytest.fixture
def page(qtbot, project, runs):
    made = RunsPage(project, runs, Preferences())
    qtbot.addWidget(made)
    made.resize(1200, 900)
    made.show()
    qtbot.waitUntil(lambda: runs.is_listed)
    return made


@pytest.fixture
def recipe(model_folder):
    return lambda name: Recipe(str(model_folder), "greetings", name=name)


def waiting(runs):
    return [runs.record(entry.run).name for entry in runs.queue.queue.waiting]


def test_runs_wait_are_put_in_order_by_key_and_go_one_after_another(qtbot, page, runs, recipe):
    first = runs.start(recipe("first")).id
    for name in ("a", "b", "c"):
        runs.enqueue(recipe(name))
    qtbot.waitUntil(lambda: waiting(runs) == ["a", "b", "c"])
    panel = page.queue
    assert panel.isVisible()
    assert panel.list.count() == 3
    panel.list.setFocus()
    panel.list.setCurrentRow(2)
    qtbot.keyClick(panel.list, Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier)
    qtbot.waitUntil(lambda: waiting(runs) == ["a", "c", "b"])
    assert panel.list.currentItem().text() == "c"
    panel.list.setCurrentRow(0)
    qtbot.keyClick(panel.list, Qt.Key.Key_Delete)
    qtbot.waitUntil(lambda: waiting(runs) == ["c", "b"])
    assert "c" in {record.name for record in runs.records() if record.queued}
    runs.mode = "fail"
    runs.stop(first, save=False)
    qtbot.waitUntil(lambda: waiting(runs) == [] and not runs.is_busy, timeout=60_000)
    states = {record.name: record.state for record in runs.records()}
    assert states == {
        "first": RunState.STOPPED,
        "a": RunState.WAITING,
        "b": RunState.FAILED,
        "c": RunState.FAILED,
    }
    assert not panel.isVisible()


def test_a_run_that_waits_says_so_and_can_be_started_or_taken_out(qtbot, page, runs, recipe):
    runs.start(recipe("first"))
    run_id = runs.enqueue(recipe("waits")).id
    page.open_run(run_id)
    view = page.view
    qtbot.waitUntil(lambda: view.head.chip.text() == "Queued" and view.buttons.unqueue.isVisible())
    assert "next in the queue" in view.ending.notice.what.text()
    assert view.buttons.resume.text() == "Start now"
    qtbot.mouseClick(view.buttons.unqueue, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: view.head.chip.text() == "Not started")
    view.buttons.enqueue.trigger()
    qtbot.waitUntil(lambda: view.head.chip.text() == "Queued")
    qtbot.mouseClick(view.buttons.resume, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: view.head.chip.text() == "Training" and waiting(runs) == [])


def test_pause_frees_the_memory_also_of_what_would_come_next(qtbot, page, project, runs, recipe):
    run_id = runs.start(recipe("first")).id
    runs.enqueue(recipe("next"))
    page.open_run(run_id)
    view = page.view
    qtbot.waitUntil(lambda: waiting(runs) == ["next"] and runs.record(run_id).story.step > 2)
    qtbot.waitUntil(view.buttons.pause.isVisible)
    qtbot.mouseClick(view.buttons.pause, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: view.head.chip.text() == "Paused", timeout=60_000)
    qtbot.waitUntil(lambda: "On hold" in page.queue.about.text())
    assert view.buttons.resume.text() == "Resume"
    step = runs.record(run_id).story.step
    qtbot.mouseClick(view.buttons.resume, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: runs.record(run_id).story.step > step, timeout=60_000)
    qtbot.waitUntil(lambda: QueueFile(project.folder).read().held == "")
    assert waiting(runs) == ["next"]


def test_the_queue_survives_the_window(qtbot, project, runs, recipe):
    runs.queue.hold()
    runs.enqueue(recipe("later"))
    qtbot.waitUntil(lambda: waiting(runs) == ["later"])
    again = ProjectRuns(project, command=runs._command)
    qtbot.waitUntil(lambda: len(again.queue.queue.waiting) == 1)
    assert again.queue.queue.held
    again.queue.go_on()
    qtbot.waitUntil(lambda: any(not record.state.is_over for record in again.records()), timeout=60_000)
    qtbot.waitUntil(lambda: not runs.queue.queue.waiting)
    for record in again.records():
        record.folder.request_stop(save=False)
    again.close()


def test_hold_and_go_on(qtbot, page, runs, recipe):
    runs.start(recipe("first"))
    runs.enqueue(recipe("next"))
    qtbot.waitUntil(page.queue.isVisible)
    assert page.queue.hold.text() == "Hold"
    qtbot.mouseClick(page.queue.hold, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: page.queue.hold.text() == "Go on")
    qtbot.mouseClick(page.queue.hold, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: page.queue.hold.text() == "Hold")


def test_a_row_that_is_dragged_takes_its_new_place(qtbot, page, runs, recipe):
    runs.start(recipe("first"))
    for name in ("a", "b", "c"):
        runs.enqueue(recipe(name))
    qtbot.waitUntil(lambda: waiting(runs) == ["a", "b", "c"])
    rows = page.queue.list.model()
    assert rows.moveRow(page.queue.list.rootIndex(), 2, page.queue.list.rootIndex(), 0)  # as a drop does
    qtbot.waitUntil(lambda: waiting(runs) == ["c", "a", "b"])


def test_the_train_page_adds_to_the_queue_while_something_runs(qtbot, project, runs, recipe, model_folder):
    from studio.gui.pages.train import TrainPage

    page = TrainPage(project, runs, Preferences())
    qtbot.addWidget(page)
    page.show()
    assert not page.later.isEnabled() and page.later.toolTip() == page.start.text()  # which says what is missing
    page.form.model.choose(model_folder)
    qtbot.waitUntil(lambda: page.start.text() == "Start training")
    assert page.later.isEnabled() and not page.later.toolTip()
    actions = {action.text(): action for action in page.later.menu().findChildren(QAction)}
    assert not actions["Start now, beside what runs"].isVisible()
    first = runs.start(recipe("first"))
    qtbot.waitUntil(lambda: page.start.text() == "Add to the queue")
    assert actions["Start now, beside what runs"].isVisible()
    with qtbot.waitSignal(page.run_queued) as started:
        qtbot.mouseClick(page.start, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: [entry.run for entry in runs.queue.queue.waiting] == started.args)
    with qtbot.waitSignal(page.run_queued) as tonight:
        page.later.tonight.trigger()
    qtbot.waitUntil(lambda: len(runs.queue.queue.waiting) == 2)
    assert runs.queue.queue.entry(tonight.args[0]).not_before > 0
    runs.queue.hold()
    qtbot.waitUntil(lambda: bool(runs.queue.queue.held))
    runs.stop(first.id, save=False)
    qtbot.waitUntil(lambda: page.start.text() == "Start training", timeout=60_000)
    page.close_down()


def test_a_time_of_ones_own_is_asked(qtbot, qapp):
    from studio.gui.pages.train.later import LaterButton, TimeDialog

    button = LaterButton()
    qtbot.addWidget(button)
    button.show()
    button.at.trigger()
    (dialog,) = button.findChildren(TimeDialog)
    wanted = dialog.time.dateTime().addDays(1)
    dialog.time.setDateTime(wanted)
    with qtbot.waitSignal(button.later_requested) as asked:
        qtbot.keyClick(dialog, Qt.Key.Key_Return)
    assert asked.args == [wanted.toSecsSinceEpoch()]
