"""The runs of a project as a table: a row a run, sorted by any column and filtered by words."""

from __future__ import annotations

from datetime import date
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, QSortFilterProxyModel, Qt, Slot

from studio.gui.language import mark, tr
from studio.gui.pages.runs import words
from studio.gui.when import in_time, when
from studio.gui.widgets.visible_text import plain_tip
from studio.jobs.runs import ProjectRuns, RunRecord

Index = QModelIndex | QPersistentModelIndex
_DISPLAY = int(Qt.ItemDataRole.DisplayRole)
RUN_ID = int(Qt.ItemDataRole.UserRole)
SORT = RUN_ID + 1
COLUMNS = (
    mark("Name"),
    mark("State"),
    mark("Method"),
    mark("Result"),
    mark("Steps"),
    mark("Time"),
    mark("Tags"),
    mark("Note"),
    mark("Made"),
)
_NUMBERS = ("Steps", "Time")


class HistoryModel(QAbstractTableModel):
    """All runs, newest first."""

    def __init__(self, runs: ProjectRuns) -> None:
        super().__init__(runs)
        self._runs = runs
        self._ids: list[str] = []
        self._places: dict[str, int] = {}
        self._follows = False
        runs.list_changed.connect(self.take_list)
        runs.run_changed.connect(self._take_change)

    def follow(self, on: bool) -> None:
        """Follow the runs, or rest while nobody looks."""
        self._follows = on
        self.take_list()

    @Slot()
    def take_list(self) -> None:
        """List the runs again, when some came or went."""
        wanted = [record.id for record in self._runs.records()] if self._follows else self._ids
        if wanted == self._ids:
            return
        self.beginResetModel()
        self._ids = wanted
        self._places = {run_id: place for place, run_id in enumerate(wanted)}
        self.endResetModel()

    @Slot(str)
    def _take_change(self, run_id: str) -> None:
        place = self._places.get(run_id)
        if place is not None and self._follows:
            self.dataChanged.emit(self.index(place, 0), self.index(place, len(COLUMNS) - 1))

    def place_of(self, run_id: str) -> int:
        """The row of a run; -1 when it isn't listed."""
        return self._places.get(run_id, -1)

    def rowCount(self, parent: Index = QModelIndex()) -> int:
        """Qt: how many rows."""
        return 0 if parent.isValid() else len(self._ids)

    def columnCount(self, parent: Index = QModelIndex()) -> int:
        """Qt: how many columns."""
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = _DISPLAY) -> Any:
        """Qt: the names of the columns."""
        if orientation == Qt.Orientation.Horizontal and role == _DISPLAY:
            return tr(COLUMNS[section])
        return None

    def data(self, index: Index, role: int = _DISPLAY) -> Any:
        """Qt: what a cell shows, and what it is sorted by."""
        try:
            record = self._runs.record(self._ids[index.row()])
        except KeyError:  # it went this moment, and the list of what is left comes next
            return None
        column = COLUMNS[index.column()]
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return _shown(record, column)
            case Qt.ItemDataRole.ToolTipRole:
                return plain_tip(record.broken or record.notes.note or record.id)
            case Qt.ItemDataRole.TextAlignmentRole if column in _NUMBERS:
                return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            case _ if role == RUN_ID:
                return record.id
            case _ if role == SORT:
                return {"Steps": record.story.step, "Time": record.story.elapsed, "Made": record.id}.get(
                    column, _shown(record, column).casefold()
                )
            case _:
                return None


class FilteredRuns(QSortFilterProxyModel):
    """The runs that hold every word of what is typed, in any of their columns."""

    def __init__(self, model: HistoryModel) -> None:
        super().__init__()  # not the model's child: it holds the model, which would be a cycle
        self._words: list[str] = []
        self.setSortRole(SORT)
        self.setSourceModel(model)

    def filter_by(self, text: str) -> None:
        """Show the runs that hold these words."""
        self._words = text.casefold().split()
        self.invalidate()

    def filterAcceptsRow(self, row: int, parent: Index) -> bool:
        """Qt: whether a row is shown."""
        model = self.sourceModel()
        told = " ".join(str(model.index(row, column).data() or "") for column in range(len(COLUMNS))).casefold()
        return all(word in told for word in self._words)


def _shown(record: RunRecord, column: str) -> str:
    story = record.story
    match column:
        case "Name":
            return record.name
        case "State":
            return tr("Can't be read") if record.broken else words.state_of(record)
        case "Method":
            return words.method_of(record)
        case "Result":
            return words.result_of(record)
        case "Steps":
            return f"{story.step:,}" if story.step else ""
        case "Time":
            return in_time(story.elapsed) if story.elapsed else ""
        case "Tags":
            return ", ".join(record.notes.tags)
        case "Note":
            return " ".join(record.notes.note.split())
        case _:
            return when(record.id, date.today())
