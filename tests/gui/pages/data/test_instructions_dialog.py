import json

import pytest

from studio.core.tasks import NATURAL, usual_making
from studio.gui.pages.data.page import DataPage
from studio.gui.pages.data.tools.instructions_dialog import InstructionsDialog
from studio.storage.datasets import list_datasets, records_of


@pytest.fixture
def dialog(empty_project, qtbot, preview_command, tmp_path):
    """The dialog as it opens by itself when labelled rows were imported."""
    file = tmp_path / "films.jsonl"
    file.write_text("\n".join(json.dumps({"text": f"film {k}", "label": k % 2}) for k in range(8)))
    page = DataPage(empty_project, preview_command=preview_command)
    qtbot.addWidget(page)
    page.show()
    page.import_file(file)
    qtbot.waitUntil(lambda: page.panel.steps.currentIndex() == 1)
    assert "8 task rows in Labelled task form" in page.panel.question.summary.text()
    page.panel.question.go.click()
    qtbot.waitUntil(lambda: page.findChild(InstructionsDialog) is not None)
    made = page.findChild(InstructionsDialog)
    qtbot.waitUntil(lambda: made.go.isEnabled())
    made.page = page
    yield made
    page.close_down()


def test_labelled_rows_are_asked_about_at_once(dialog):
    assert dialog.task.currentData() == "sentiment"
    assert {value: line.text() for value, line in dialog.words.items()} == {"0": "negative", "1": "positive"}
    assert "film 0" in dialog.preview.toPlainText() and "⟶" in dialog.preview.toPlainText()
    assert dialog.go.text() == "Make about 8 examples"
    assert dialog.making() == usual_making(["text", "label"]).__class__(
        **{**usual_making(["text", "label"]).__dict__, "words": (("0", "negative"), ("1", "positive"))}
    )


def test_what_is_typed_shows_and_is_made_and_undone(dialog, qtbot, empty_project):
    page = dialog.page
    dialog.words["1"].setText("splendid")
    dialog.shots.setValue(1)
    dialog.framing.setCurrentIndex(dialog.framing.findData(NATURAL))
    dialog.phrasings.ask.setPlainText("{{ text }}\n{{ nothing }}")
    qtbot.waitUntil(lambda: "line 2: “nothing” is no column" in dialog.fault.text())
    assert not dialog.go.isEnabled()
    dialog.phrasings.ask.setPlainText("Judge {{ text }}!")
    qtbot.waitUntil(lambda: dialog.go.isEnabled() and "Positive example 1" in dialog.preview.toPlainText())
    assert not dialog.fault.isVisible()
    dialog.go.click()
    qtbot.waitUntil(lambda: len(list_datasets(empty_project)) == 2)
    qtbot.waitUntil(lambda: page.dataset().name == "films as instructions")
    answers = {record.answer for record in records_of(empty_project, page.dataset())}
    assert any("splendid" in answer for answer in answers)
    assert page.notice.action.text() == "Undo"
    page.notice.action.click()
    qtbot.waitUntil(lambda: [info.name for info in list_datasets(empty_project)] == ["films"])
    qtbot.waitUntil(lambda: page.view.head.train.text() == "Make instructions…")
    assert not page.view.head.label.isVisible()


def test_phrasings_are_added_ticked_off_and_removed(dialog, qtbot):
    before = len(dialog.making().phrasings)
    dialog.phrasings.add.click()
    dialog.phrasings.ask.setPlainText("New {{ text }}")
    assert dialog.making().phrasings[-1].ask == "New {{ text }}"
    for row in range(before):
        dialog.phrasings.list.item(row).setCheckState(dialog.phrasings.list.item(row).checkState().Unchecked)
    qtbot.waitUntil(lambda: dialog.preview.toPlainText().startswith("New film 0"))
    dialog.phrasings.remove.click()
    qtbot.waitUntil(lambda: "No phrasing is chosen" in dialog.fault.text())
    dialog.task.setCurrentIndex(dialog.task.findData("columns"))
    dialog._take_task(0)
    qtbot.waitUntil(lambda: "text: film 0" in dialog.preview.toPlainText())
