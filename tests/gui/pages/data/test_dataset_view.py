import pytest
from PySide6.QtCore import QCoreApplication, Qt

from studio.gui.pages.data.dataset_view import DatasetView
from studio.gui.pages.data.record_editor import RecordEditor
from studio.storage.datasets import find_dataset, records_of
from studio.storage.revisions import history

SHIFT = Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def view(project, qtbot, preview_command):
    made = DatasetView(project, preview_command)
    made.changed.connect(made.show_dataset)
    qtbot.addWidget(made)
    made.resize(1000, 700)
    made.show()
    made.show_dataset(find_dataset(project, "greetings"))
    yield made
    made.close_down()


def shown(view):
    return [view.model.example(row).prompt for row in range(view.model.rowCount())]


def test_a_search_leaves_what_holds_the_words(view, qtbot):
    qtbot.waitUntil(lambda: view._indexing is not None and view._indexing.is_over)
    view.filters.search.setFocus()
    qtbot.keyClicks(view.filters.search, "question 12")
    qtbot.waitUntil(lambda: view.filters.count.text() == "11 of 200")
    assert shown(view)[:2] == ["question 12", "question 120"]
    assert view.table.currentIndex().row() == 0
    view.filters.search.clear()
    qtbot.waitUntil(lambda: view.model.rowCount() == 200)
    assert view.filters.count.text() == ""


def test_a_search_for_nothing_that_is_there(view, qtbot):
    qtbot.keyClicks(view.filters.search, "zzz")
    qtbot.waitUntil(lambda: view.filters.count.text() == "0 of 200")
    view.filters.more.click()
    view.filters.search.clear()
    view.filters.longest.setValue(10)
    qtbot.waitUntil(lambda: view.filters.count.text() == "0 of 200")
    view.filters.more.click()  # folded away it filters nothing
    qtbot.waitUntil(lambda: view.model.rowCount() == 200)


def test_deleting_and_undoing_by_keyboard(view, qtbot, project):
    view.table.setFocus()
    view.table.selectRow(3)
    qtbot.keyClick(view.table, Qt.Key.Key_Down, SHIFT)
    with qtbot.waitSignal(view.changed):
        view.delete_action.trigger()
    assert len(shown(view)) == 198
    assert shown(view)[3] == "question 5"
    assert view.table.currentIndex().row() == 4
    assert view.undo_action.text() == "Undo: deleted 2 examples"
    with qtbot.waitSignal(view.said) as said:
        view.undo_action.trigger()
    assert said.args == ["Undone: deleted 2 examples."]
    assert len(shown(view)) == 200
    view.redo_action.trigger()
    assert find_dataset(project, "greetings").rows == 198
    assert not view.redo_action.isEnabled()


def test_everything_cannot_be_deleted(view, qtbot):
    view.table.selectAll()
    with qtbot.waitSignal(view.failed) as failed:
        view.delete()
    assert "Nothing would be left" in str(failed.args[0])


def test_editing_in_place(view, qtbot, project):
    view.table.selectRow(2)
    view.edit()
    dialog = view.findChild(RecordEditor)
    answer = dialog.boxes[1].text
    answer.setFocus()
    answer.selectAll()
    qtbot.keyClick(answer, Qt.Key.Key_Delete)
    dialog.save.click()
    assert dialog.reason.text() == "No turn is an answer, so there is nothing to learn."
    qtbot.keyClicks(answer, "better")
    with qtbot.waitSignal(view.changed):
        dialog.save.click()
    assert view.table.currentIndex().row() == 2
    assert view.model.example(2).answer == "better"
    assert [revision.what for revision in history(project, view.dataset)] == ["Edited one example", "Imported"]


def test_adding_by_hand_with_more_turns(view, qtbot, project):
    view.add()
    dialog = view.findChild(RecordEditor)
    dialog.turns.click()
    for box, text in zip(dialog.boxes, ("a", "b", "c", "d"), strict=True):
        box.text.setPlainText(text)
    dialog.boxes[0].role.setCurrentIndex(dialog.boxes[0].role.findData("system"))
    with qtbot.waitSignal(view.changed):
        dialog.save.click()
    *_, last = records_of(project, view.dataset)
    assert [(turn.role, turn.content) for turn in last.messages] == [
        ("system", "a"), ("assistant", "b"), ("user", "c"), ("assistant", "d"),
    ]  # fmt: skip
    assert view.table.currentIndex().row() == 200
    view.filters.more.click()
    view.filters.source.setCurrentIndex(view.filters.source.findData("by hand"))
    qtbot.waitUntil(lambda: view.model.rowCount() == 1)


def test_flags_and_tags_are_shown_filtered_and_taken_away(view, qtbot):
    view.table.selectRow(5)
    view.flag()
    assert view.model.data(view.model.index(5, 0)) == "⚑ 6"
    view._tag("nice")
    assert view.model.columns[-1] == "Tags"
    assert view.model.data(view.model.index(5, 3)) == "nice"
    view.filters.more.click()
    view.filters.tag.setCurrentIndex(view.filters.tag.findData("nice"))
    qtbot.waitUntil(lambda: shown(view) == ["question 5"])
    view.filters.tag.setCurrentIndex(0)
    qtbot.waitUntil(lambda: view.model.rowCount() == 200)
    view.table.selectRow(5)
    view._tag("nice")
    view.flag()
    assert view.model.columns[-1] != "Tags"


def test_what_was_put_off_is_not_begun_after_closing(project, qtbot, preview_command):
    made = DatasetView(project, preview_command)
    qtbot.addWidget(made)
    made.show_dataset(find_dataset(project, "greetings"))
    made.close_down()
    QCoreApplication.processEvents()
    assert made._indexing is None
