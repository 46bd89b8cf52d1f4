import pytest
from PySide6.QtCore import Qt

from studio.core.events import Event
from studio.core.rollouts import Rollouts
from studio.gui.pages.runs.rollouts_view import RolloutsView


def say(rollouts, step, *scores):
    rows = [
        {"prompt": f"p{step}", "answer": f"<b>{score}</b>\nend", "score": score, "kl": 1.0, "tokens": 3, "ended": True}
        for score in scores
    ]
    rollouts.feed(Event("rollout", 1.0, {"step": step, "rows": rows}))


@pytest.fixture
def rollouts():
    made = Rollouts()
    say(made, 1, 0.5)
    say(made, 2, 0.25, 10.0, 9.0)
    return made


@pytest.fixture
def view(qtbot, rollouts):
    made = RolloutsView()
    qtbot.addWidget(made)
    made.resize(900, 600)
    made.show()
    made.show_rollouts(rollouts)
    return made


def choose(view, step):
    view.steps.setCurrentIndex(view.steps.findData(step))
    view.steps.activated.emit(view.steps.currentIndex())


def scores(view):
    model = view.table.model()
    return [model.index(row, 2).data() for row in range(model.rowCount())]


def test_it_follows_the_newest_step_until_another_is_chosen(view, rollouts):
    assert scores(view) == ["0.250", "10.000", "9.000"]
    assert view.steps.itemText(0) == "the newest step (2)"
    say(rollouts, 3, 0.75)
    view.follow()
    assert scores(view) == ["0.750"]
    choose(view, 1)
    say(rollouts, 4, 1.0)
    view.follow()
    assert scores(view) == ["0.500"]
    assert [view.steps.itemText(row) for row in range(1, 4)] == ["step 4", "step 3", "step 2"]
    choose(view, -1)
    assert scores(view) == ["1.000"]


def test_numbers_are_sorted_as_numbers_and_the_row_is_shown_in_full(qtbot, view):
    view.table.sortByColumn(2, Qt.SortOrder.DescendingOrder)
    assert scores(view) == ["10.000", "9.000", "0.250"]
    view.table.setCurrentIndex(view.table.model().index(0, 0))
    assert view.answer.toPlainText() == "<b>10.0</b>\nend"  # plain text, not markup
    qtbot.keyClick(view.table, Qt.Key.Key_Down)
    assert view.answer.toPlainText() == "<b>9.0</b>\nend"
    assert view.prompt.toPlainText() == "p2"


def test_another_run_begins_with_nothing(view):
    view.show_rollouts(Rollouts())
    assert scores(view) == []
    assert view.answer.toPlainText() == ""
    assert view.steps.currentText() == "the newest step"
