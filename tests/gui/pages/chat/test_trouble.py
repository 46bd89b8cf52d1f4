"""What goes wrong, and who else wants the memory: the conversation is kept, and the memory given back in time."""

from __future__ import annotations

import time

import psutil
from PySide6.QtWidgets import QMessageBox

from studio.gui.pages.chat.worker import Phase
from studio.storage.runs import RunFolder
from tests.gui.pages.chat.talking import LEFT, RIGHT, answered, click, say, shown


def test_broken_bytes_in_mid_stream(qtbot, ready):
    say(qtbot, ready, "broken bytes")
    qtbot.waitUntil(lambda: answered(ready))
    assert "br\ufffd\ufffdken" in shown(ready, LEFT)
    assert shown(ready, LEFT).endswith("left turn 1 seed 42")


def test_memory_is_back_within_two_seconds_of_a_worker_that_will_not_end(qtbot, ready):
    say(qtbot, ready, "stubborn")
    qtbot.waitUntil(lambda: len(ready.panes[LEFT].turns[-1].answer) > 10)
    process = psutil.Process(ready.worker._service._service._process.pid)
    began = time.monotonic()
    click(qtbot, ready.top.memory)
    qtbot.waitUntil(lambda: not process.is_running() or process.status() == psutil.STATUS_ZOMBIE)
    assert time.monotonic() - began < 2.0
    assert ready.panes[LEFT].turns[-1].answer.startswith("left turn 1")  # what was written stays
    assert ready.panes[LEFT].turns[-1].ended == "unloaded"


def test_a_base_that_changed_since_training_is_said(qtbot, trained, page, runs):
    run = RunFolder(runs._project.runs / trained("first"))
    run.events.write_text('{"v":1,"event":"started","time":1,"base":"0123"}\n{"v":1,"event":"finished","time":3}\n')
    qtbot.waitUntil(lambda: page.top.choice.count() == 1)
    page.open_run(run.id)
    qtbot.waitUntil(lambda: "base model" in page.notice.what.text())
    assert page.worker.phase is Phase.READY  # it can be talked to all the same


def test_a_worker_killed_in_mid_answer(qtbot, ready):
    say(qtbot, ready, "hello")
    qtbot.waitUntil(lambda: answered(ready))
    say(qtbot, ready, "endless")
    qtbot.waitUntil(lambda: len(ready.panes[RIGHT].turns[-1].answer) > 10)
    psutil.Process(ready.worker._service._service._process.pid).kill()
    qtbot.waitUntil(lambda: ready.worker.phase is Phase.CLOSED)
    assert "ended by signal 9" in ready.notice.what.text()
    assert len(ready.panes[LEFT].turns) == 2
    assert ready.panes[LEFT].turns[-1].answer
    assert ready.top.memory.text() == "Start again"


def test_chat_asks_before_it_takes_the_card_beside_training(qtbot, ready, monkeypatch):
    page = ready
    page.sharing.card = "NVIDIA Test"
    monkeypatch.setattr(type(page._runs), "is_busy", property(lambda _: True))
    click(qtbot, page.top.memory)  # unload
    asked = []
    load = page.worker.load
    monkeypatch.setattr(page.worker, "load", lambda *a, **k: (asked.append(k), load(*a, **k)))
    say(qtbot, page, "hello")
    box = page.findChild(QMessageBox, "sharing")
    assert "NVIDIA Test" in box.text()
    assert asked == []
    assert page.composer.edit.toPlainText() == "hello"  # it is not lost
    next(button for button in box.buttons() if button.text() == "On the processor").click()
    qtbot.waitUntil(lambda: page.worker.phase is Phase.READY)
    assert asked == [{"on_processor": True}]
    say(qtbot, page, "hello")
    qtbot.waitUntil(lambda: answered(page))


def test_a_blind_test_without_models_can_be_gone_on_with(qtbot, ready, monkeypatch):
    blind = ready.blind
    ready.sharing.card = "NVIDIA Test"
    click(qtbot, ready.top.memory)  # unload
    with monkeypatch.context() as busy:
        busy.setattr(type(ready._runs), "is_busy", property(lambda _: True))
        click(qtbot, ready.top.blind)
        blind.source.typed.setPlainText("one\nendless")
        click(qtbot, blind.start)
        box = ready.findChild(QMessageBox, "sharing")
        next(button for button in box.buttons() if button.text() == "Not now").click()
    assert blind.again.isVisible()
    click(qtbot, blind.again)
    qtbot.waitUntil(blind.buttons["a"].isEnabled)
    assert blind.again.isHidden()
    qtbot.waitUntil(lambda: bool(blind.run.tasks[1].answers.get(RIGHT)))
    ready.memory.unload()  # in the middle of an answer
    assert blind.again.isVisible()


def test_training_that_begins_beside_chat_is_told_and_chat_can_go(qtbot, ready, monkeypatch):
    ready.sharing.card = "NVIDIA Test"
    monkeypatch.setattr(type(ready._runs), "is_busy", property(lambda _: True))
    ready._runs.list_changed.emit()
    assert "trains on NVIDIA Test" in ready.notice.what.text()
    click(qtbot, ready.notice.action)
    assert ready.worker.phase is Phase.CLOSED


def test_without_a_card_nobody_is_asked(qtbot, ready, monkeypatch):
    monkeypatch.setattr(type(ready._runs), "is_busy", property(lambda _: True))
    ready.sharing.card = ""
    click(qtbot, ready.top.memory)
    click(qtbot, ready.top.memory)
    qtbot.waitUntil(lambda: ready.worker.phase is Phase.READY)


def test_an_answer_is_read_by_all_panes_and_scored(qtbot, trained, ready):
    trained("judge", "20260404-000000", method="reward")
    pane = ready.panes[RIGHT]
    qtbot.waitUntil(lambda: pane.reading.judges.count() == 2)
    say(qtbot, ready, "hello")
    qtbot.waitUntil(lambda: answered(ready))
    click(qtbot, pane.look)
    qtbot.waitUntil(lambda: pane.reading.reader.count() == 2)
    assert pane.reading.others.text().startswith("The same answer, by the other panes:")
    assert pane.reading.reward.isHidden()
    pane.reading.judges.setCurrentIndex(1)
    pane.reading.judges.activated.emit(1)
    qtbot.waitUntil(lambda: pane.reading.reward.text() == f"Reward {len(pane.turns[-1].answer):+.3f}")
    pane.reading.reader.setCurrentIndex(1)
    pane.reading.reader.activated.emit(1)
    assert pane.reading.measure.count() == 1  # the base, which differs from no base
