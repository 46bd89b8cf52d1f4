"""The blind test and the batch: who is who stays hidden until the end, votes are labels, the grid can be taken away."""

from __future__ import annotations

import csv
import json

import pytest
from PySide6.QtCore import Qt

from studio.core.blind_tests import BlindTest
from studio.gui.pages.chat.prompt_run import Task
from studio.gui.pages.chat.worker import Phase
from studio.storage.label_log import opinions_of
from studio.storage.labels import list_sets
from tests.gui.pages.chat.talking import click, say


def begin_blind(qtbot, page, prompts):
    click(qtbot, page.top.blind)
    page.blind.source.typed.setPlainText("\n".join(prompts))
    click(qtbot, page.blind.start)


def texts(page):
    return [side.toPlainText().strip() for side in page.blind.sides]


def vote(qtbot, page, key):
    qtbot.waitUntil(page.blind.buttons["a"].isEnabled)
    qtbot.keyClick(page.blind, key)


def test_a_blind_test_by_keys(qtbot, ready, project):
    begin_blind(qtbot, ready, ["one", "two", "three", "four"])
    blind, preferred = ready.blind, []
    for number, key in enumerate((Qt.Key.Key_1, Qt.Key.Key_2, Qt.Key.Key_3, Qt.Key.Key_4)):
        qtbot.waitUntil(blind.buttons["a"].isEnabled)
        assert blind.progress.text().startswith(f"{number + 1} of 4")
        assert not any("base" in text or "tuned" in text for text in texts(ready))
        preferred.append(texts(ready)[0 if number == 0 else 1])
        vote(qtbot, ready, key)
    qtbot.waitUntil(lambda: blind.stack.currentWidget() is blind.result)
    result = blind.result
    assert result.summary.text() == "4 of 4 prompts were judged."
    cells = [result.table.item(0, column).text() for column in range(8)]
    won = sum(":left" in text for text in preferred[:2])
    assert cells[:7] == ["really base", "really tuned", "4", str(won), str(2 - won), "2", "1"]
    assert "%" in cells[7]
    assert result.strengths.isHidden()  # for two the rate says it all
    assert "really tuned" in result.as_text()
    blind.close_down()
    known = next(one for one in list_sets(project) if one.name == "Chat votes")
    with project.connect() as connection:
        assert len(opinions_of(connection, known)) == 4
    click(qtbot, result.again)
    assert blind.stack.currentIndex() == 0


def test_equal_answers_are_ties_and_long_prompts_are_passed_over(qtbot, ready):
    begin_blind(qtbot, ready, ["same", "too long", "one"])
    blind = ready.blind
    qtbot.waitUntil(blind.buttons["a"].isEnabled)
    assert blind.question.text() == "one"
    vote(qtbot, ready, Qt.Key.Key_1)
    qtbot.waitUntil(lambda: blind.stack.currentWidget() is blind.result)
    assert blind.result.summary.text() == "2 of 3 prompts were judged."
    assert blind.result.table.item(0, 5).text() == "1"


def test_any_number_of_equal_answers_is_passed_over_at_once(qtbot, ready):
    begin_blind(qtbot, ready, ["one"])
    blind = ready.blind
    qtbot.waitUntil(blind.buttons["a"].isEnabled)
    alike = dict.fromkeys(("left", "right"), "the same")
    blind.test = BlindTest.of(list(alike), ["What?"] * 1500, seed=1)
    blind.run.tasks[1:] = [Task("What?", tuple(alike), dict(alike), done=True) for _ in range(1499)]
    vote(qtbot, ready, Qt.Key.Key_1)
    qtbot.waitUntil(lambda: blind.stack.currentWidget() is blind.result)
    assert len(blind.test.judged) == 1500


def test_several_models_are_told_their_strengths(qtbot, ready, trained):
    trained("second", "20260303-000000")
    qtbot.waitUntil(lambda: ready.top.choice.count() == 2)
    click(qtbot, ready.top.more)
    qtbot.waitUntil(lambda: ready.worker.phase is Phase.READY and len(ready.worker.model.names) == 3)
    begin_blind(qtbot, ready, ["one", "two", "three"])
    for _ in range(3):
        vote(qtbot, ready, Qt.Key.Key_1)
    qtbot.waitUntil(lambda: ready.blind.stack.currentWidget() is ready.blind.result)
    assert ready.blind.result.table.rowCount() == 3
    assert "Bradley-Terry" in ready.blind.result.strengths.text()
    assert "right pane" in ready.blind.result.strengths.text()  # two that are called alike are told apart


def test_a_blind_test_can_be_ended_early_and_needs_two(qtbot, ready):
    begin_blind(qtbot, ready, ["one", "two"])
    vote(qtbot, ready, Qt.Key.Key_3)
    click(qtbot, ready.blind.finish)
    assert ready.blind.result.summary.text() == "1 of 2 prompts were judged."
    click(qtbot, ready.blind.leave)
    assert ready.stack.currentIndex() == 1
    qtbot.waitUntil(lambda: ready.talk.is_idle)
    click(qtbot, ready.panes["right"].close_button)
    qtbot.waitUntil(lambda: ready.worker.phase is Phase.READY)
    begin_blind(qtbot, ready, ["one"])
    assert "needs two models" in ready.notice.what.text()


def test_nothing_to_ask_is_a_sentence(qtbot, ready):
    begin_blind(qtbot, ready, [" "])
    assert "no prompt" in ready.notice.what.text()


@pytest.mark.parametrize("asked_first", [True, False])
def test_a_batch_makes_a_grid(qtbot, ready, tmp_path, asked_first):
    if asked_first:
        say(qtbot, ready, "hello")
        qtbot.waitUntil(lambda: ready.talk.is_idle and ready.panes["left"].turns[-1].ended != "")
    click(qtbot, ready.top.batch)
    batch = ready.batch
    batch.source.typed.setPlainText("one\ntoo long\nthree")
    click(qtbot, batch.start)
    qtbot.waitUntil(lambda: not batch.run.active)
    assert [batch.grid.horizontalHeaderItem(k).text() for k in range(3)] == ["Prompt", "really base", "really tuned"]
    assert batch.grid.item(1, 1).text() == "The conversation is too long."
    batch.grid.setCurrentCell(2, 2)
    assert "turn 1 seed 42" in batch.whole.toPlainText()
    assert batch.bar.value() == 3
    batch.export_to(str(tmp_path / "grid.csv"))
    with (tmp_path / "grid.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["prompt", "really base", "really tuned"]
    assert rows[3][0] == "three"
    assert rows[3][1].endswith("turn 1 seed 42")
    batch.export_to(str(tmp_path / "grid.jsonl"))
    lines = [json.loads(line) for line in (tmp_path / "grid.jsonl").read_text(encoding="utf-8").splitlines()]
    assert set(lines[0]["answers"]) == {"really base", "really tuned"}
    batch.export_to(str(tmp_path / "grid.csv" / "below"))
    assert ready.notice.isVisible()
    click(qtbot, batch.leave)
    assert len(ready.panes["left"].turns) == asked_first  # the conversation is as it was


def test_a_batch_goes_on_after_the_worker_died(qtbot, ready):
    click(qtbot, ready.top.batch)
    batch = ready.batch
    batch.source.typed.setPlainText("one\ncrash\nthree")
    click(qtbot, batch.start)
    qtbot.waitUntil(lambda: ready.worker.phase is Phase.CLOSED)
    assert "out of words" in ready.notice.what.text()
    qtbot.waitUntil(lambda: batch.stop.text() == "Go on")
    batch.run.tasks[1].prompt = "two"
    click(qtbot, batch.stop)
    qtbot.waitUntil(lambda: batch.run.complete == 3)
    assert "turn 1" in batch.grid.item(2, 1).text()


def test_a_batch_is_stopped_and_gone_on_with(qtbot, ready):
    click(qtbot, ready.top.batch)
    batch = ready.batch
    batch.source.typed.setPlainText("one\nendless\nthree")
    click(qtbot, batch.start)
    qtbot.waitUntil(lambda: batch.run.complete == 1 and bool(batch.run.tasks[1].answers.get("left")))
    click(qtbot, batch.stop)
    qtbot.waitUntil(lambda: ready.worker.phase is Phase.READY)
    assert batch.run.complete == 1
    batch.run.tasks[1].prompt = "two"
    click(qtbot, batch.stop)
    qtbot.waitUntil(lambda: batch.run.complete == 3)


def test_models_that_cannot_be_loaded_end_a_test_with_a_sentence(qtbot, page, trained):
    trained("broken")
    qtbot.waitUntil(lambda: page.top.choice.count() == 1)
    begin_blind(qtbot, page, ["one"])
    qtbot.waitUntil(page.notice.isVisible)
    assert page.notice.what.text() == "The adapter is damaged."
    qtbot.waitUntil(page.blind.again.isVisible)
    assert not page.blind.run.active


def test_it_is_opened_for_a_run_with_prompts(qtbot, ready):
    ready.blind.source.source.setCurrentIndex(ready.blind.source.source.count() - 1)
    ready.open_blind_test(ready.top.choice.currentData(), ["one", "two"])
    assert ready.blind.isVisible() and ready.blind.start.isVisible()
    assert ready.blind.source.prompts() == ["one", "two"]
    ready.open_blind_test(ready.top.choice.currentData())
    assert ready.blind.source.prompts() == ["one", "two"]  # what was typed stays


def test_after_a_vote_by_mouse_no_key_ends_the_test(qtbot, ready):
    with qtbot.waitActive(ready.window()):
        ready.window().activateWindow()
    begin_blind(qtbot, ready, ["one", "two", "three"])
    qtbot.waitUntil(ready.blind.buttons["a"].isEnabled)
    ready.blind.buttons["a"].setFocus()
    click(qtbot, ready.blind.buttons["a"])
    assert len(ready.blind.test.judged) == 1
    assert ready.window().focusWidget() is ready.blind
