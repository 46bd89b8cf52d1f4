import sys
from pathlib import Path

import pytest
from PySide6.QtCore import Qt

from studio.gui.pages.runs.score_view import ScoreView

FAKE = Path(__file__).resolve().parents[1] / "fake_judge.py"


@pytest.fixture
def view(qtbot, project):
    made = ScoreView(project)
    made.command = [sys.executable, str(FAKE)]
    made.show_judge(Path("/base"), Path("/adapter"), "pairs")
    qtbot.addWidget(made)
    made.resize(900, 700)
    made.show()
    yield made
    made.close_down()


def fill(view, prompt, first, second):
    for box, text in ((view.prompt, prompt), (view.first, first), (view.second, second)):
        box.setPlainText(text)


def test_two_answers_are_scored_by_keyboard_and_again(qtbot, view):
    fill(view, "Who?", "a" * 20, "b" * 10)
    view.score.setFocus()
    qtbot.keyClick(view.score, Qt.Key.Key_Space)
    assert not view.score.isEnabled()
    qtbot.waitUntil(lambda: "A wins" in view.result.text(), timeout=20_000)
    assert "73.1%" in view.result.text()
    fill(view, "Who?", "a", "b" * 10)
    qtbot.mouseClick(view.score, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "B wins" in view.result.text(), timeout=20_000)


def test_what_is_missing_is_said_and_found(qtbot, view):
    fill(view, "Who?", "a", "  ")
    qtbot.mouseClick(view.score, Qt.MouseButton.LeftButton)
    assert "answer B" in view.notice.what.text()
    assert view.score.isEnabled()


@pytest.mark.parametrize(("answer", "said"), [("fail", "too long"), ("die", "fell over")])
def test_a_failure_is_a_sentence_and_one_can_ask_again(qtbot, view, answer, said):
    fill(view, "Who?", answer, "b")
    qtbot.mouseClick(view.score, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(view.notice.isVisible, timeout=20_000)
    assert said in view.notice.what.text()
    assert view.result.text() == ""
    fill(view, "Who?", "aaa", "b")
    qtbot.mouseClick(view.score, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "A wins" in view.result.text(), timeout=20_000)


def test_a_judge_that_cannot_be_loaded_is_a_sentence(qtbot, view):
    view.show_judge(Path("/base"), Path("/nowhere"), "pairs")
    fill(view, "Who?", "a", "b")
    qtbot.mouseClick(view.score, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(view.notice.isVisible, timeout=20_000)
    assert "no adapter" in view.notice.what.text()
    assert view.score.isEnabled()


def test_the_judge_leaves_when_it_is_out_of_sight(qtbot, view):
    fill(view, "Who?", "a", "b")
    qtbot.mouseClick(view.score, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "wins" in view.result.text(), timeout=20_000)
    service = view._service
    with qtbot.waitSignal(service.ended, timeout=20_000):
        view.hide()
    assert view._service is None
