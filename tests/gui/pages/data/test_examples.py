import pytest
from PySide6.QtCore import QCoreApplication, QModelIndex, Qt

from studio.core.errors import StudioError
from studio.core.filters import Filter
from studio.gui.pages.data import examples as module
from studio.gui.pages.data.examples import PAGE, PAGES, ExamplesModel, ExamplesTable
from studio.jobs import finding
from studio.storage.datasets import list_datasets


@pytest.fixture
def reads(monkeypatch):
    """The first row of every page that is read."""
    seen: list[int] = []
    real = module.records_at

    def counted(project, dataset, ids):
        seen.append(ids[0] - (dataset.number << 32))
        return real(project, dataset, ids)

    monkeypatch.setattr(module, "records_at", counted)
    return seen


@pytest.fixture
def model(project, qtmodeltester):
    made = ExamplesModel(project)
    made.show_dataset(list_datasets(project)[0])
    return made


def text(model, row, column):
    return model.data(model.index(row, column))


def test_it_keeps_the_rules_of_item_models(model, qtmodeltester):
    qtmodeltester.check(model)


def test_cells_are_one_line_of_the_row(model):
    assert model.rowCount() == 200
    assert [text(model, 130, column) for column in range(3)] == ["131", "question 130", "answer 130 end"]
    assert [model.headerData(n, Qt.Orientation.Horizontal) for n in range(3)] == ["#", "Prompt", "Answer"]
    assert model.rowCount(model.index(0, 0)) == 0
    model.show_dataset(None)
    assert model.rowCount(QModelIndex()) == 0


def test_a_page_is_read_once_and_few_are_kept(model, reads):
    for row in range(200):
        text(model, row, 1)
        text(model, row, 2)
    assert reads == list(range(0, 200, PAGE))
    assert len(model._pages) <= PAGES


def test_counting_rows_reads_nothing(model, reads):
    assert model.rowCount() == 200
    assert reads == []


def test_a_screen_reads_only_what_it_shows(project, model, qtbot, reads):
    table = ExamplesTable(model)
    qtbot.addWidget(table)
    table.resize(600, 300)
    table.show()
    table.scrollToBottom()
    table.grab()
    assert set(reads) <= {0, PAGE * (199 // PAGE)}


def test_trouble_is_said_once_and_not_for_every_cell(model, qtbot, monkeypatch):
    def broken(*_):
        raise StudioError("The database is damaged.")

    monkeypatch.setattr(module, "records_at", broken)
    said: list[object] = []
    model.failed.connect(said.append)
    assert [text(model, row, 1) for row in range(5)] == [""] * 5
    assert len(said) == 1


def test_arrow_keys_select_rows(model, qtbot):
    table = ExamplesTable(model)
    qtbot.addWidget(table)
    table.show()
    table.selectRow(0)
    with qtbot.waitSignal(table.example_selected) as selected:
        qtbot.keyClick(table, Qt.Key.Key_Down)
    assert selected.args == [1]


@pytest.mark.parametrize("after", [None, "answer 199", ""])
def test_what_was_found_for_a_former_filter_is_left_out(model, qtbot, after):
    """It may be on its way to the window when another one is asked for."""
    dataset = model.dataset
    model.show_dataset(dataset, Filter("question 12"))
    assert model._finder.wait(5000)
    model.show_dataset(None if after is None else dataset, Filter(after or ""))
    rows = {None: 0, "answer 199": 1, "": 200}[after]
    qtbot.waitUntil(lambda: model.rowCount() == rows)
    for _ in range(3):
        QCoreApplication.processEvents()
    assert model.rowCount() == rows
    model.close_down()


def test_the_failure_of_a_search_that_was_given_up_is_nobodys_concern(model, qtbot, monkeypatch):
    def find(*_asked):
        raise StudioError("The disk has gone.")

    told = []
    model.failed.connect(told.append)
    monkeypatch.setattr(finding, "find", find)
    model.show_dataset(model.dataset, Filter("question"))
    given_up = model._finder
    model.show_dataset(model.dataset)
    qtbot.waitUntil(lambda: given_up.is_over)
    QCoreApplication.processEvents()
    assert told == []
    model.show_dataset(model.dataset, Filter("question"))
    qtbot.waitUntil(lambda: len(told) == 1)
    model.close_down()
