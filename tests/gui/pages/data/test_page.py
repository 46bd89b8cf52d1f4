import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QFileDialog, QInputDialog, QLineEdit, QMessageBox, QScrollArea

from studio.gui.pages.data import DataPage, layout_form
from studio.gui.pages.data.tools.export_dialog import ExportDialog
from studio.gui.pages.data.tools.history_dialog import HistoryDialog
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
    assert page.beginning.empty.isVisible()
    assert page.beginning.empty.button.text() == "Import…"
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
    assert panel.question.summary.text() == "3 examples in Alpaca form; 1 row cannot be used."
    assert panel.question.go.text() == "Import 3 examples"
    assert panel.question.first.item(0, 0).text() == "Say hello."
    assert [panel.question.bad.item(n).text() for n in range(panel.question.bad.count())] == [
        "Line 1: there is no “output”."
    ]
    panel.question.copy.click()
    assert QApplication.clipboard().text() == f"{path}\nLine 1: there is no “output”."
    panel.question.name.setFocus()
    panel.question.name.selectAll()
    qtbot.keyClicks(panel.question.name, "Greetings")
    with qtbot.waitSignal(page.datasets_changed):
        qtbot.keyClick(panel.question.name, Qt.Key.Key_Return)
    assert [(info.name, info.rows) for info in list_datasets(empty_project)] == [("Greetings", 3)]
    assert page.view.head.title.text() == "Greetings"
    assert page.view.table.model().rowCount() == 3
    assert page.list.item(0).text() == "Greetings\n3 examples"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "is empty"),
        ("this is no JSON", "JSON"),
        ([{"instruction": "a", "output": ""}], "Line 1"),
        ([], "no rows"),
    ],
    ids=["empty", "not JSON", "no usable row", "no rows"],
)
def test_a_wrong_file_is_a_sentence_with_what_to_do(project, page_for, qtbot, alpaca_file, content, words):
    page = page_for(project)
    page.import_file(alpaca_file(content))
    qtbot.waitUntil(page.notice.isVisible)
    assert words in page.notice.what.text()
    assert "Meine Daten.json" in page.notice.what.text()
    assert page.notice.hint.text()
    assert page.view.head.title.isVisible()
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
    page.panel.question.no.click()
    assert page.view.head.title.isVisible()
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
        page.panel.question.go.click()
        page.panel.cancel_work.click()
    assert [info.name for info in list_datasets(project)] == ["greetings"]
    assert page.view.head.title.text() == "greetings"
    assert page.import_button.isEnabled()


def test_one_import_at_a_time(project, page_for, qtbot, alpaca_file):
    page = page_for(project)
    path = alpaca_file([GOOD])
    page.import_file(path)
    page.import_file(path)
    assert "One import at a time" in page.notice.what.text()
    wait_for_question(page, qtbot)
    with qtbot.waitSignal(page.datasets_changed):
        qtbot.keyClick(page.panel.question.go, Qt.Key.Key_Return)
    assert sorted(info.name for info in list_datasets(project)) == ["Meine Daten", "greetings"]


def test_train_on_this_names_the_dataset(project, page_for, qtbot):
    page = page_for(project)
    with qtbot.waitSignal(page.train_requested) as requested:
        page.view.head.train.click()
    assert requested.args == [list_datasets(project)[0].id]


def test_renaming_keeps_the_row_that_was_looked_at(project, page_for, qtbot):
    page = page_for(project)
    page.view.table.selectRow(7)
    page.view.tools["rename"].trigger()
    dialog = page.findChild(QInputDialog)
    line = dialog.findChild(QLineEdit)
    line.selectAll()
    qtbot.keyClicks(line, "Hellos")
    with qtbot.waitSignal(page.datasets_changed):
        qtbot.keyClick(line, Qt.Key.Key_Return)
    assert page.view.head.title.text() == "Hellos"
    assert page.view.table.currentIndex().row() == 7
    page._rename(" ")
    assert page.notice.what.text() == "A dataset needs a name."


def test_deleting_asks_first_in_words(project, page_for, qtbot):
    page = page_for(project)
    page.view.tools["delete"].trigger()
    box = page.findChild(QMessageBox)
    assert box.text() == "Delete “greetings”?"
    assert "200 examples" in box.informativeText()
    qtbot.keyClick(box, Qt.Key.Key_Escape)
    assert len(list_datasets(project)) == 1
    page.view.tools["delete"].trigger()
    box = next(box for box in page.findChildren(QMessageBox) if box.isVisible())
    agree = next(button for button in box.buttons() if button.text() == "Delete dataset")
    with qtbot.waitSignal(page.datasets_changed):
        agree.click()
    assert list_datasets(project) == []
    assert page.beginning.empty.isVisible()


def test_selecting_a_row_asks_for_its_tokens(project, page_for, qtbot, model_folder):
    page = page_for(project)
    with qtbot.waitSignal(page.view.preview.preview_shown):
        page.view.preview.model.choose(model_folder)
    assert "question 0" in page.view.preview.tokens.toPlainText()
    page.view.table.setFocus()
    with qtbot.waitSignal(page.view.preview.preview_shown):
        qtbot.keyClick(page.view.table, Qt.Key.Key_Down)
    assert "question 1" in page.view.preview.tokens.toPlainText()
    assert "answer 1↵\nend" in page.view.preview.tokens.toPlainText()


def test_columns_of_other_names_are_asked_for_and_remembered(empty_project, page_for, qtbot, alpaca_file):
    page = page_for(empty_project)
    path = alpaca_file("Frage,Antwort,Nr\nWie?,So.,1\nWer?,Ich.,2\n", "fragen.csv")
    page.import_file(path)
    wait_for_question(page, qtbot)
    question = page.panel.question
    assert "fit no form" in question.summary.text()
    assert not question.go.isEnabled() and question.go.toolTip()  # a grey button says why
    form = question.layout_form
    assert form.fields["prompt"].isVisible()
    for field, column in (("prompt", "Frage"), ("completion", "Antwort")):
        form.fields[field].setCurrentText(column)
        form.fields[field].activated.emit(form.fields[field].currentIndex())
    qtbot.waitUntil(question.go.isEnabled)
    assert question.go.text() == "Import 2 examples"
    assert question.first.item(1, 1).text() == "Ich."
    with qtbot.waitSignal(page.datasets_changed):
        question.go.click()
    page.import_file(alpaca_file("Antwort,Frage,Nr\nSo.,Wie?,1\n", "mehr.csv"))
    qtbot.waitUntil(lambda: question.go.isEnabled() and question.go.text() == "Import 1 example")
    assert question.first.item(0, 0).text() == "Wie?"
    assert "“Frage” as prompt" in question.notes.text()
    question.no.click()


def test_a_proposal_is_made_and_can_be_changed(empty_project, page_for, qtbot, alpaca_file):
    page = page_for(empty_project)
    page.import_file(alpaca_file([{"question": "q", "answer": "a"}]))
    question = page.panel.question
    qtbot.waitUntil(lambda: question.go.isEnabled() and page.panel.steps.currentIndex() == 1)
    assert "“question” as" in question.notes.text()
    shape = question.layout_form.shape
    shape.setCurrentIndex(shape.findData("Plain text"))
    shape.activated.emit(shape.currentIndex())
    field = question.layout_form.fields["text"]
    field.setCurrentText("answer")
    field.activated.emit(field.currentIndex())
    qtbot.waitUntil(lambda: question.go.text() == "Import 1 passage")
    shape.setCurrentIndex(shape.findData("Ratings"))
    shape.activated.emit(shape.currentIndex())
    assert question.layout_form.layout_chosen() is None  # no rating
    question.no.click()


def test_bad_rows_are_saved_to_a_file(empty_project, page_for, qtbot, alpaca_file, tmp_path, monkeypatch):
    page = page_for(empty_project)
    page.import_file(alpaca_file([GOOD, {"instruction": "x"}]))
    wait_for_question(page, qtbot)
    target = tmp_path / "bad.csv"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(target), ""))
    with qtbot.waitSignal(page.panel.said):
        page.panel.question.save.click()
    assert "there is no “output”" in target.read_text(encoding="utf-8")
    assert "1 bad row written" in page.notice.what.text()
    page.panel.question.no.click()


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ('{"instruction": "a", "output": "b"}', "1 example"),
        ("prompt\tcompletion\na\tb\nc\td", "2 examples"),
        ("prompt,completion\na,b", "1 example"),
        ("Just a line, of text.\nAnd one more", "2 passages"),
    ],
)
def test_rows_are_pasted(empty_project, page_for, qtbot, text, size):
    page = page_for(empty_project)
    QApplication.clipboard().setText(text)
    page.paste()
    wait_for_question(page, qtbot)
    assert page.panel.question.go.text() == f"Import {size}"
    assert page.panel.question.name.text() == "pasted text"
    page.panel.question.no.click()
    QApplication.clipboard().clear()
    page.paste()
    assert "nothing to paste" in page.notice.what.text()


def test_an_import_is_undone(project, page_for, qtbot, alpaca_file):
    page = page_for(project)
    page.import_file(alpaca_file([GOOD]))
    wait_for_question(page, qtbot)
    with qtbot.waitSignal(page.datasets_changed):
        page.panel.question.go.click()
    assert page.notice.what.text() == "Imported 1 example as “Meine Daten”."
    with qtbot.waitSignal(page.datasets_changed):
        page.notice.action.click()
    assert [info.name for info in list_datasets(project)] == ["greetings"]


def test_the_export_dialog_writes_the_file(project, page_for, qtbot, tmp_path, monkeypatch):
    page = page_for(project)
    target = tmp_path / "out.csv"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(target.with_suffix("")), ""))
    page.view.tools["export"].trigger()
    dialog = page.findChild(ExportDialog)
    dialog.form.setCurrentIndex(dialog.form.findData("alpaca"))
    dialog.ending.setCurrentIndex(dialog.ending.findData(".csv"))
    with qtbot.waitSignal(dialog.said):
        dialog.go.click()
    assert "200 examples" in page.notice.what.text()
    assert target.read_text(encoding="utf-8-sig").startswith("instruction,input,output")


def test_the_history_names_every_change(project, page_for, qtbot):
    page = page_for(project)
    page.view.delete()
    page.view.tools["history"].trigger()
    dialog = page.findChild(HistoryDialog)
    shown = [[dialog.table.item(row, column).text() for column in (1, 2)] for row in range(2)]
    assert shown == [["Deleted 1 example (now)", "199"], ["Imported", "200"]]
    dialog.close()


def test_on_a_small_screen_nothing_stands_beyond_the_edge(project, page_for, qtbot, alpaca_file):
    page = page_for(project)
    page.resize(720, 450)  # 1440 x 900 at 200 %
    page.view.filters.more.setChecked(True)
    scroll = page.view.findChild(QScrollArea)
    qtbot.waitUntil(lambda: scroll.widget().width() > 0 and scroll.horizontalScrollBar().maximum() == 0)
    assert page.view.head.train.geometry().right() <= page.view.head.width()
    page.import_file(alpaca_file([GOOD, {"instruction": "no answer"}], "some.json"))
    wait_for_question(page, qtbot)
    scroll = page.panel.question.area
    qtbot.waitUntil(lambda: scroll.widget().width() <= scroll.viewport().width())
    assert page.panel.question.go.visibleRegion().boundingRect() == page.panel.question.go.rect()
    page.panel.cancel()


def test_a_file_of_no_shape_is_asked_about_in_every_language(qtbot, monkeypatch):
    """A shape is looked for by its name, which is English below the window."""
    monkeypatch.setattr(layout_form, "tr", lambda text, **_: f"«{text}»")
    form = layout_form.LayoutForm()
    qtbot.addWidget(form)
    form.ask_layout(["zig", "zag"])
    assert form.shape.currentData() == "Prompt and completion" and set(form.fields) >= {"prompt", "completion"}
    assert form.layout_chosen() is None  # nobody has said which column is which
