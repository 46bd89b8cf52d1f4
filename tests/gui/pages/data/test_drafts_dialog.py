import sys
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication, Qt

from studio.core.messages import Message
from studio.core.records import Prompt
from studio.gui.pages.data.tools.drafts_dialog import DraftsDialog
from studio.storage.datasets import add_dataset, list_datasets, records_of
from studio.storage.drafts import unfinished_drafts

FAKE = Path(__file__).parent.parent / "label" / "fake_writer.py"


@pytest.fixture
def asked(empty_project):
    prompts = (Prompt((Message("user", text),)) for text in ("one", "two", "too long", "four"))
    return add_dataset(empty_project, "asked", "a", prompts, kind="prompts")


@pytest.fixture
def opened(empty_project, asked, qtbot, model_folder):
    from studio.storage.models import add_model

    add_model(empty_project, model_folder)
    made = []

    def opening():
        dialog = DraftsDialog(empty_project, asked, None, [sys.executable, str(FAKE)])
        qtbot.addWidget(dialog)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
        dialog.show()
        qtbot.waitUntil(lambda: dialog.author.count() > 0)
        made.append(dialog)
        return dialog

    yield opening
    for dialog in made:
        dialog.close()


def test_drafts_are_judged_by_key_and_become_a_dataset(opened, qtbot, empty_project):
    dialog = opened()
    dialog.go.click()
    review = dialog.review
    qtbot.waitUntil(lambda: "3 waiting" in review.count.text() and dialog.write.text() == "Go on writing")
    assert "1 gave nothing new" in review.count.text() and "too long" in dialog.fault.text()
    assert (review.question.toPlainText(), review.text.toPlainText()) == ("one", "0 to one")
    qtbot.keyClick(review, Qt.Key.Key_A)
    assert review.question.toPlainText() == "two"
    qtbot.keyClick(review, Qt.Key.Key_E)
    assert review.is_editing
    review.text.selectAll()
    qtbot.keyClicks(review.text, "a real answer")  # letters are letters while the text is changed
    qtbot.keyClick(review.text, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert review.question.toPlainText() == "four"
    qtbot.keyClick(review, Qt.Key.Key_R)
    assert review.kind.text() == "Nothing waits any more." and not review.accept.isEnabled()
    qtbot.keyClick(review, Qt.Key.Key_Z)
    assert review.question.toPlainText() == "four"
    qtbot.keyClick(review, Qt.Key.Key_R)
    assert "2 accepted, 1 rejected" in review.count.text()
    with qtbot.waitSignal(dialog.made) as made:
        dialog.finish.click()
    assert [record.answer for record in records_of(empty_project, made.args[0])] == ["0 to one", "a real answer"]


def test_escape_leaves_a_change_and_the_dialog_stays(opened, qtbot):
    dialog = opened()
    dialog.go.click()
    qtbot.waitUntil(lambda: dialog.review.question.toPlainText() == "one")
    dialog.review.change()
    dialog.review.text.setPlainText("changed")
    qtbot.keyClick(dialog.review.text, Qt.Key.Key_Escape)
    assert dialog.isVisible() and dialog.review.text.toPlainText() == "0 to one" and not dialog.review.is_editing
    dialog.review.text.setPlainText("   ")
    dialog.review.take()
    assert "nothing to accept" in dialog.fault.text() and dialog.review.question.toPlainText() == "one"


def test_closing_loses_nothing_and_safety_goes_on_to_answers(opened, qtbot, empty_project, asked):
    dialog = opened()
    dialog.purpose.setCurrentIndex(dialog.purpose.findData("safety"))
    dialog.limit.setValue(1)
    dialog.paraphrases.setValue(1)
    dialog.go.click()
    qtbot.waitUntil(lambda: "2 waiting" in dialog.review.count.text())
    dialog.close()
    assert unfinished_drafts(empty_project, asked) is not None
    again = opened()
    qtbot.waitUntil(lambda: again.pages.currentIndex() == 1)
    assert again.review.kind.text() == "The question in other words"
    again.write.click()  # nothing is wanted before the paraphrase is accepted
    again._goes_on = True
    qtbot.keyClick(again.review, Qt.Key.Key_A)
    qtbot.waitUntil(lambda: "2 waiting" in again.review.count.text())
    again._drop()
    assert again.pages.currentIndex() == 0 and unfinished_drafts(empty_project, asked) is None
    assert len(list_datasets(empty_project)) == 1


def test_a_model_that_fails_is_said(opened, qtbot):
    dialog = opened()
    from studio.core.candidates import Author

    dialog.author.addItem("broken", Author("broken", "/m"))
    dialog.author.setCurrentIndex(dialog.author.count() - 1)
    dialog.go.click()
    qtbot.waitUntil(lambda: "The model is damaged" in dialog.fault.text())
    qtbot.waitUntil(lambda: dialog.write.text() == "Go on writing")


def test_paused_and_gone_on_with_at_once_another_one_writes(opened, qtbot):
    """The end of the paused one, which comes later, isn't taken for the other's."""
    dialog = opened()
    dialog.go.click()
    qtbot.waitUntil(lambda: dialog._writer is not None)
    dialog._pause()
    dialog._go_on()
    writer = dialog._writer
    assert writer is not None
    QCoreApplication.processEvents()
    assert dialog._writer is writer or writer.isFinished()
    qtbot.waitUntil(lambda: "3 waiting" in dialog.review.count.text())


def test_what_the_writer_says_is_in_the_windows_language(chinese, opened):
    dialog = opened()
    dialog._say("Loading tiny…")
    assert "Loading" not in dialog.write.toolTip() + dialog.review.count.toolTip()
