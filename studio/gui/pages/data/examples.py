"""A dataset as a table: a number, the columns of its kind, and its tags when it has any.

Rows are read by page, when they show. What a filter leaves is found in the background and comes in parts.
"""

from __future__ import annotations

from array import array
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal, Slot
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

from studio.core.datasets import DatasetInfo
from studio.core.errors import StudioError
from studio.core.filters import FLAGGED, Filter
from studio.core.records import KINDS, Kind, Record
from studio.gui.language import mark, tr, translated
from studio.jobs.background import end_tasks
from studio.jobs.finding import RecordFinder
from studio.storage.datasets import records_at
from studio.storage.project import Project
from studio.storage.revisions import order_of
from studio.storage.search import tags_at

PAGE = 64  # rows: more than a screen shows, and read in about a millisecond
PAGES = 16  # pages kept
_SHOWN = 300  # characters of a cell; more is never visible
_NUMBER = ("#",)
_TAGS = (mark("Tags"),)
_NARROW = ("Verdict", "Rating", "Answers", "Turns")  # columns of a word or a number

_Index = QModelIndex | QPersistentModelIndex
_DISPLAY = int(Qt.ItemDataRole.DisplayRole)


class ExamplesModel(QAbstractTableModel):
    """The examples of one dataset. Signals: `failed(object StudioError)` when a page can't be read;
    `counted(int rows, bool all)` as what a filter leaves is found."""

    failed = Signal(object)
    counted = Signal(int, bool)

    def __init__(self, project: Project, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._project = project
        self._dataset: DatasetInfo | None = None
        self._order: Sequence[int] = ()
        self._pages: OrderedDict[int, list[tuple[Record, list[str]]]] = OrderedDict()
        self._finder: RecordFinder | None = None
        self._tagged = False
        self._broken = False

    def show_dataset(self, dataset: DatasetInfo | None, wanted: Filter | None = None, *, tagged: bool = False) -> None:
        """Show another dataset or none, or of one only what is asked for. tagged: whether there are tags to show."""
        self._stop()
        self.beginResetModel()
        self._dataset = dataset
        self._pages.clear()
        self._broken, self._tagged = False, tagged
        self._order = ()
        asked = wanted is not None and wanted.asks
        try:
            if dataset is not None and not asked:
                self._order = order_of(self._project, dataset)
        except StudioError as error:
            self._broken = True
            self.failed.emit(error)
        self.endResetModel()
        if dataset is not None and asked and wanted is not None:
            self._order = array("q")
            self._finder = RecordFinder(self._project, dataset, wanted, self)
            self._finder.found.connect(self._take)
            self._finder.succeeded.connect(self._all_found)
            self._finder.failed.connect(self._take_failure)
            self._finder.start()
        else:
            self.counted.emit(len(self._order), True)

    def close_down(self) -> None:
        """End what is being looked for, and wait for it."""
        self._stop()
        end_tasks(self)

    def _stop(self) -> None:
        if self._finder is not None:
            self._finder.cancel()
            self._finder = None

    @Slot(object)
    def _take(self, ids: list[int]) -> None:
        if self._finder is None or self.sender() is not self._finder:
            return  # found for another filter or dataset, and on its way since
        start = len(self._order)
        self.beginInsertRows(QModelIndex(), start, start + len(ids) - 1)
        assert isinstance(self._order, array)
        self._order.extend(ids)
        self._pages.pop(start // PAGE, None)  # it was not full
        self.endInsertRows()
        self.counted.emit(len(self._order), False)

    @Slot(object)
    def _all_found(self, _nothing: object) -> None:
        if self._finder is not None and self.sender() is self._finder:
            self.counted.emit(len(self._order), True)

    @Slot(object)
    def _take_failure(self, error: Exception) -> None:
        if self._finder is not None and self.sender() is self._finder:
            self.failed.emit(error)

    @property
    def dataset(self) -> DatasetInfo | None:
        """What is shown."""
        return self._dataset

    def ids(self, first: int, last: int) -> Sequence[int]:
        """The ids of the records from a row through another."""
        return self._order[first : last + 1]

    def row_of(self, identity: int) -> int:
        """The row of a record, -1 when it is not shown."""
        try:
            return self._order.index(identity)
        except ValueError:
            return -1

    def example(self, row: int) -> Record | None:
        """The example in a row; None when it can't be read."""
        found = self._at(row)
        return found[0] if found else None

    def tags(self, row: int) -> list[str]:
        """The tags of the example in a row."""
        found = self._at(row)
        return found[1] if found else []

    def _at(self, row: int) -> tuple[Record, list[str]] | None:
        if self._dataset is None or self._broken or not 0 <= row < len(self._order):
            return None
        number, place = divmod(row, PAGE)
        page = self._pages.get(number)
        if page is None:
            ids = self._order[number * PAGE : (number + 1) * PAGE]
            try:
                found = records_at(self._project, self._dataset, ids)
                tags = tags_at(self._project, list(ids)) if self._tagged else {}
            except StudioError as error:
                self._broken = True  # said once, not for each of a screenful of cells
                self.failed.emit(error)
                return None
            page = [(found[identity], tags.get(identity, [])) for identity in ids if identity in found]
            self._pages[number] = page
            if len(self._pages) > PAGES:
                self._pages.popitem(last=False)
        self._pages.move_to_end(number)
        return page[place] if place < len(page) else None

    @property
    def kind(self) -> Kind:
        """What the rows are."""
        return self._dataset.kind if self._dataset is not None else KINDS["examples"]

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns."""
        return _NUMBER + self.kind.columns + (_TAGS if self._tagged else ())

    def rowCount(self, parent: _Index = QModelIndex()) -> int:
        """Qt: how many rows."""
        return 0 if parent.isValid() else len(self._order)

    def columnCount(self, parent: _Index = QModelIndex()) -> int:
        """Qt: how many columns."""
        return 0 if parent.isValid() else len(self.columns)

    def data(self, index: _Index, role: int = _DISPLAY) -> Any:
        """Qt: what a cell shows."""
        if role == Qt.ItemDataRole.TextAlignmentRole and index.column() == 0:
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        if index.column() == 0:
            flag = "⚑ " if self._tagged and FLAGGED in self.tags(index.row()) else ""
            return f"{flag}{index.row() + 1:,}"
        found = self._at(index.row())
        if found is None:
            return ""
        record, tags = found
        if self._tagged and index.column() == len(self.columns) - 1:
            return ", ".join(tag for tag in tags if tag != FLAGGED)
        return _one_line(record.cells[index.column() - 1])

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = _DISPLAY) -> Any:
        """Qt: the names of the columns."""
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return translated(self.columns[section])
        if section == 0 and role == Qt.ItemDataRole.TextAlignmentRole:
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        return None


class ExamplesTable(QTableView):
    """The table itself. Signal: `example_selected(int row)`; -1 when no row is."""

    example_selected = Signal(int)

    def __init__(self, model: ExamplesModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self.setModel(model)
        self.setAccessibleName(tr("Examples"))
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setTabKeyNavigation(False)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        rows, columns = self.verticalHeader(), self.horizontalHeader()
        rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)  # never measures a row: a million cost nothing
        rows.setDefaultSectionSize(36)
        rows.hide()
        model.modelReset.connect(self._size_columns)
        self._size_columns()
        columns.setHighlightSections(False)

    def selectRow(self, row: int) -> None:  # noqa: N802
        """Qt: make a row the current and the only selected one (Qt's own adds it to the others)."""
        model = self.selectionModel()
        model.setCurrentIndex(self._model.index(row, 0), model.SelectionFlag.ClearAndSelect | model.SelectionFlag.Rows)

    def selected_ids(self) -> list[int]:
        """The ids of the selected records, in order, without looking at each row."""
        selection = self.selectionModel().selection()
        parts = [selection.at(k) for k in range(selection.count())]
        ranges = sorted((part.top(), part.bottom()) for part in parts)
        return [identity for first, last in ranges for identity in self._model.ids(first, last)]

    @Slot()
    def _size_columns(self) -> None:
        columns, narrow = self.horizontalHeader(), {0: 88}
        narrow |= {k: 104 for k, name in enumerate(self._model.columns) if name in _NARROW}
        narrow |= {k: 140 for k, name in enumerate(self._model.columns) if name in _TAGS}
        for place in range(columns.count()):
            wide = place not in narrow
            columns.setSectionResizeMode(
                place, QHeaderView.ResizeMode.Stretch if wide else QHeaderView.ResizeMode.Fixed
            )
            if not wide:
                columns.resizeSection(place, narrow[place])

    def currentChanged(self, current: _Index, previous: _Index) -> None:  # noqa: N802
        """Qt: another row is the current one."""
        super().currentChanged(current, previous)
        self.example_selected.emit(current.row())


def _one_line(text: str) -> str:
    shown = " ".join(text[:_SHOWN].split())
    return shown + "…" if len(text) > _SHOWN else shown
