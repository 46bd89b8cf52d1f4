import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QFileDialog, QInputDialog, QLineEdit, QMessageBox

from studio.gui.pages.data import DataPage
from studio.storage.datasets import list_datasets

GOOD = {"instruction": "Say hello.", "input": "", "output": "Hello!"}


@pytest.fixture
def page_for(qtbot, preview_command):
    pages = []

    def make(project):
        page = DataPage(project, preview_command=preview_command)
        qtbot.addWidget(page)
        page.resize(1100, 700)
        page.show()
        pages.append(page)
        return page

    yield make
    for page in pages:
        page.close_down()


def wait_for_question(page, qtbot):
    qtbot.waitUntil(lambda: page.panel.steps.currentIndex() == 1)


def test_an_empty_project_names_the_next_step(empty_project, page_for):
    page = page_for(empty_project)
    assert page.empty.isVisible()
    assert page.empty.button.text() == "Import…"
    assert not page.side.isVisible()


def test_importing_a_file_with_broken_rows_by_keyboard(empty_project, page_for, qtbot, alpaca_file, monkeypatch):
    page = page_for(empty_project)
    rows = [GOOD] * 4
    rows[1] = {"instruction": "no answer"}
    path = alpaca_file(rows, "Grüße aus Köln.json")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(path), ""))
    with qtbot.waitActive(page):
        page.activateWindow()
    qtbot.keyClick(page, Qt.Key.Key_I, Qt.KeyboardModifier.ControlModifier)
    wait_for_question(page, qtbot)
    panel = page.panel
    assert panel.summary.text() == "3 examples in Alpaca form; 1 row cannot be used."
    assert panel.go.text() == "Import 3 examples"
    assert panel.first.item(0, 0).text() == "Say hello."
    assert [panel.bad.item(n).text() for n in range(panel.bad.count())] == ["Line 1: there is no “output”."]
    panel.copy.click()
    assert QApplication.clipboard().text() == f"{path}\nLine 1: there is no “output”."
    panel.name.setFocus()
    panel.name.selectAll()
    qtbot.keyClicks(panel.name, "Greetings")
    with qtbot.waitSignal(page.datasets_changed):
        qtbot.keyClick(panel.name, Qt.Key.Key_Return)
    assert [(info.name, info.rows) for info in list_datasets(empty_project)] == [("Greetings", 3)]
    assert page.title.text() == "Greetings"
    assert page.table.model().rowCount() == 3
    assert page.list.item(0).text() == "Greetings\n3 examples"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "is empty"),
        ("this is no JSON", "JSON"),
        ([{"question": "a", "answer": "b"}], "fit no known form: “question”, “answer”"),
        ([{"instruction": "a", "output": ""}], "Line 1"),
        ([], "no rows"),
    ],
    ids=["empty", "not JSON", "wrong columns", "no usable row", "no rows"],
)
def test_a_wrong_file_is_a_sentence_with_what_to_do(project, page_for, qtbot, alpaca_file, content, words):
    page = page_for(project)
    page.import_file(alpaca_file(content))
    qtbot.waitUntil(page.notice.isVisible)
    assert words in page.notice.what.text()
    assert "Meine Daten.json" in page.notice.what.text()
    assert page.notice.hint.text()
    assert page.title.isVisible()
    assert page.import_button.isEnabled()
    assert len(list_datasets(project)) == 1


def test_a_folder_and_a_missing_file_are_sentences(project, page_for, qtbot, tmp_path):
    page = page_for(project)
    for path, words in ((tmp_path, "is a folder, not a file"), (tmp_path / "gone.json", "There is no file")):
        page.import_file(path)
        qtbot.waitUntil(page.notice.isVisible)
        assert words in page.notice.what.text()


def test_a_file_that_is_dropped_is_imported_but_a_project_is_not(project, page_for, qtbot, alpaca_file, drop):
    page = page_for(project)
    assert drop(page, alpaca_file([GOOD]))
    wait_for_question(page, qtbot)
    page.panel.no.click()
    assert page.title.isVisible()
    assert not drop(page, project.folder)
    assert len(list_datasets(project)) == 1


def test_cancelling_while_reading_or_storing_changes_nothing(project, page_for, qtbot, alpaca_file):
    page = page_for(project)
    path = alpaca_file([GOOD] * 3000)
    page.import_file(path)
    with qtbot.waitSignal(page.panel.given_up):
        page.panel.cancel_work.click()
    page.import_file(path)
    wait_for_question(page, qtbot)
    with qtbot.waitSignal(page.panel.given_up):
        page.panel.go.click()
        page.panel.cancel_work.click()
    assert [info.name for info in list_datasets(project)] == ["greetings"]
    assert page.title.text() == "greetings"
    assert page.import_button.isEnabled()


def test_one_import_at_a_time(project, page_for, qtbot, alpaca_file):
    page = page_for(project)
    path = alpaca_file([GOOD])
    page.import_file(path)
    page.import_file(path)
    assert "One import at a time" in page.notice.what.text()
    wait_for_question(page, qtbot)
    with qtbot.waitSignal(page.datasets_changed):
        qtbot.keyClick(page.panel.go, Qt.Key.Key_Return)
    assert sorted(info.name for info in list_datasets(project)) == ["Meine Daten", "greetings"]


def test_train_on_this_names_the_dataset(project, page_for, qtbot):
    page = page_for(project)
    with qtbot.waitSignal(page.train_requested) as requested:
        page.train_button.click()
    assert requested.args == [list_datasets(project)[0].id]


def test_renaming_keeps_the_row_that_was_looked_at(project, page_for, qtbot):
    page = page_for(project)
    page.table.selectRow(7)
    page.rename_button.click()
    dialog = page.findChild(QInputDialog)
    line = dialog.findChild(QLineEdit)
    line.selectAll()
    qtbot.keyClicks(line, "Hellos")
    with qtbot.waitSignal(page.datasets_changed):
        qtbot.keyClick(line, Qt.Key.Key_Return)
    assert page.title.text() == "Hellos"
    assert page.table.currentIndex().row() == 7
    page._rename(" ")
    assert page.notice.what.text() == "A dataset needs a name."


def test_deleting_asks_first_in_words(project, page_for, qtbot):
    page = page_for(project)
    page.delete_button.click()
    box = page.findChild(QMessageBox)
    assert box.text() == "Delete “greetings”?"
    assert "200 examples" in box.informativeText()
    qtbot.keyClick(box, Qt.Key.Key_Escape)
    assert len(list_datasets(project)) == 1
    page.delete_button.click()
    box = next(box for box in page.findChildren(QMessageBox) if box.isVisible())
    agree = next(button for button in box.buttons() if button.text() == "Delete dataset")
    with qtbot.waitSignal(page.datasets_changed):
        agree.click()
    assert list_datasets(project) == []
    assert page.empty.isVisible()


def test_selecting_a_row_asks_for_its_tokens(project, page_for, qtbot, model_folder):
    page = page_for(project)
    with qtbot.waitSignal(page.preview.preview_shown):
        page.preview.model.choose(model_folder)
    assert "question 0" in page.preview.tokens.toPlainText()
    page.table.setFocus()
    with qtbot.waitSignal(page.preview.preview_shown):
        qtbot.keyClick(page.table, Qt.Key.Key_Down)
    assert "question 1" in page.preview.tokens.toPlainText()
    assert "answer 1↵\nend" in page.preview.tokens.toPlainText()
