"""A dataset as a table: a number, then the columns of its kind. Rows are read by page, when they show."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal, Slot
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

from studio.core.datasets import DatasetInfo
from studio.core.errors import StudioError
from studio.core.records import KINDS, Kind, Record
from studio.storage.datasets import records_at
from studio.storage.project import Project
from studio.storage.revisions import order_of

PAGE = 64  # rows: more than a screen shows, and read in about a millisecond
PAGES = 16  # pages kept
_SHOWN = 300  # characters of a cell; more is never visible
_NUMBER = ("#",)
_NARROW = ("Verdict", "Rating", "Answers")  # columns of a word or a number

_Index = QModelIndex | QPersistentModelIndex
_DISPLAY = int(Qt.ItemDataRole.DisplayRole)


class ExamplesModel(QAbstractTableModel):
    """The examples of one dataset. Signal: `failed(object StudioError)` when a page can't be read."""

    failed = Signal(object)

    def __init__(self, project: Project, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._project = project
        self._dataset: DatasetInfo | None = None
        self._pages: OrderedDict[int, list[Record]] = OrderedDict()
        self._order: Sequence[int] | None = None
        self._broken = False

    def show_dataset(self, dataset: DatasetInfo | None) -> None:
        """Show another dataset, or none."""
        self.beginResetModel()
        self._dataset = dataset
        self._order = None
        self._pages.clear()
        self._broken = False
        self.endResetModel()

    def example(self, row: int) -> Record | None:
        """The example in a row; None when it can't be read."""
        if self._dataset is None or self._broken:
            return None
        number, place = divmod(row, PAGE)
        page = self._pages.get(number)
        if page is None:
            try:
                if self._order is None:
                    self._order = order_of(self._project, self._dataset)
                ids = self._order[number * PAGE : (number + 1) * PAGE]
                found = records_at(self._project, self._dataset, ids)
                page = [found[identity] for identity in ids if identity in found]
            except StudioError as error:
                self._broken = True  # said once, not for each of a screenful of cells
                self.failed.emit(error)
                return None
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
    def _columns(self) -> tuple[str, ...]:
        return _NUMBER + self.kind.columns

    def rowCount(self, parent: _Index = QModelIndex()) -> int:
        """Qt: how many rows."""
        return 0 if parent.isValid() or self._dataset is None else self._dataset.rows

    def columnCount(self, parent: _Index = QModelIndex()) -> int:
        """Qt: how many columns."""
        return 0 if parent.isValid() else len(self._columns)

    def data(self, index: _Index, role: int = _DISPLAY) -> Any:
        """Qt: what a cell shows."""
        if role == Qt.ItemDataRole.TextAlignmentRole and index.column() == 0:
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        if index.column() == 0:
            return f"{index.row() + 1:,}"
        example = self.example(index.row())
        if example is None:
            return ""
        return _one_line(example.cells[index.column() - 1])

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = _DISPLAY) -> Any:
        """Qt: the names of the columns."""
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return self._columns[section]
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
        self.setAccessibleName("Examples")
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
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
        columns.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)

    @Slot()
    def _size_columns(self) -> None:
        columns, narrow = self.horizontalHeader(), {0: 88}
        narrow |= {k: 104 for k, name in enumerate(_NUMBER + self._model.kind.columns) if name in _NARROW}
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
