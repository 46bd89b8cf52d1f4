from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication

from studio.core.errors import Cancelled, StudioError
from studio.gui.widgets.empty_state import EmptyState
from studio.gui.widgets.notice import Notice


def test_an_error_is_a_sentence_with_what_to_do(qtbot):
    notice = Notice()
    qtbot.addWidget(notice)
    assert not notice.isVisible()
    notice.show_error(StudioError("“<b>x</b>” is empty.", "Choose another file.", "row 0"))
    assert notice.isVisible()
    assert notice.what.text() == "“<b>x</b>” is empty."
    assert notice.what.textFormat() == Qt.TextFormat.PlainText
    assert notice.hint.text() == "Choose another file."
    assert notice.accessibleName() == "“<b>x</b>” is empty. Choose another file."
    notice.copy.click()
    assert QApplication.clipboard().text() == "“<b>x</b>” is empty. Choose another file.\n\nrow 0"
    notice.dismiss.click()
    assert not notice.isVisible()


def test_a_cancelled_work_says_nothing(qtbot):
    notice = Notice()
    qtbot.addWidget(notice)
    notice.show_error(Cancelled())
    assert not notice.isVisible()


def test_what_nobody_foresaw_can_be_copied(qtbot):
    notice = Notice()
    qtbot.addWidget(notice)
    try:
        raise ZeroDivisionError("by nothing")
    except ZeroDivisionError as error:
        notice.show_error(error)
    assert "ZeroDivisionError: by nothing" in notice.what.text()
    notice.copy.click()
    assert "Traceback" in QApplication.clipboard().text()


def test_a_place_that_cannot_be_reached_is_a_sentence(qtbot):
    notice = Notice()
    qtbot.addWidget(notice)
    notice.show_error(PermissionError(13, "Permission denied", "locked/file.json"))
    assert notice.what.text() == "“locked/file.json” can't be used: Permission denied."
    assert notice.hint.text()


def test_a_note_offers_no_details(qtbot):
    notice = Notice()
    qtbot.addWidget(notice)
    notice.show_note("Training goes on.")
    assert notice.what.text() == "Training goes on."
    assert not notice.copy.isVisible()


def test_a_long_sentence_is_never_cut_off(qtbot):
    notice = Notice()
    qtbot.addWidget(notice)
    notice.show_error(StudioError("long words " * 60, "more words " * 30))
    notice.resize(300, notice.heightForWidth(300))
    for label in (notice.what, notice.hint):
        assert label.height() >= label.heightForWidth(label.width())


def test_an_empty_state_names_the_next_step(qtbot):
    empty = EmptyState("No runs yet", "Train one.", "Go to Train")
    qtbot.addWidget(empty)
    empty.show()
    empty.button.setFocus()
    with qtbot.waitSignal(empty.action_requested):
        qtbot.keyClick(empty.button, Qt.Key.Key_Space)
    empty.say("Something else")
    assert not empty.button.isVisible()


def test_an_empty_state_has_another_way_there_and_lines_that_can_be_read(qtbot):
    empty = EmptyState("No runs yet", "Train one of them. " * 30, "Go to Train", "Another way")
    qtbot.addWidget(empty)
    for width in (300, 1600):
        empty.resize(width, 500)
        empty.show()
        assert empty.text.width() <= min(width, 640)
        assert empty.text.height() >= empty.text.heightForWidth(empty.text.width())
        assert abs(empty.text.geometry().center().x() - width // 2) <= 2
        assert 0 < empty.other.y() - empty.button.geometry().bottom() < 40
    with qtbot.waitSignal(empty.other_requested):
        qtbot.mouseClick(empty.other, Qt.MouseButton.LeftButton)
