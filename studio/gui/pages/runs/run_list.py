"""The list of runs: a model over ProjectRuns, and a delegate that paints three lines a run."""

from __future__ import annotations

from datetime import date
from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, QRect, QSize, Qt, Slot
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from studio.core.runs import RunState
from studio.gui import theme
from studio.gui.language import tr, translated
from studio.gui.pages.runs import words
from studio.gui.when import when
from studio.jobs.runs import ProjectRuns, RunRecord

RUN_ID = int(Qt.ItemDataRole.UserRole)
STATE = RUN_ID + 1
ABOUT = RUN_ID + 2
Index = QModelIndex | QPersistentModelIndex
_MARKS = {
    RunState.WAITING: "○",
    RunState.STARTING: "◌",
    RunState.RUNNING: "▶",
    RunState.FINISHED: "✓",
    RunState.STOPPED: "■",
    RunState.PAUSED: "‖",
    RunState.FAILED: "✕",
    RunState.INTERRUPTED: "⚡",
}


class RunListModel(QAbstractListModel):
    """The runs of a project, newest first."""

    def __init__(self, runs: ProjectRuns) -> None:
        super().__init__(runs)
        self._runs = runs
        self._ids: list[str] = []
        runs.list_changed.connect(self.take_list)
        runs.run_changed.connect(self._take_change)
        self.take_list()

    @Slot()
    def take_list(self) -> None:
        """Bring rows in and out one by one, so that a selection stays where it is."""
        wanted = [record.id for record in self._runs.records()]
        known = len(self._ids)
        if wanted[:known] == self._ids:  # as when a project is opened, newest first
            if len(wanted) > known:
                self.beginInsertRows(QModelIndex(), known, len(wanted) - 1)
                self._ids = wanted
                self.endInsertRows()
            return
        there = set(wanted)
        for row in range(len(self._ids) - 1, -1, -1):
            if self._ids[row] not in there:
                self.beginRemoveRows(QModelIndex(), row, row)
                del self._ids[row]
                self.endRemoveRows()
        for row, run_id in enumerate(wanted):
            if row >= len(self._ids) or self._ids[row] != run_id:
                self.beginInsertRows(QModelIndex(), row, row)
                self._ids.insert(row, run_id)
                self.endInsertRows()

    @Slot(str)
    def _take_change(self, run_id: str) -> None:
        index = self.index_of(run_id)
        if index.isValid():
            self.dataChanged.emit(index, index)

    def index_of(self, run_id: str) -> QModelIndex:
        """The row of a run; an invalid index when it isn't listed."""
        return self.index(self._ids.index(run_id)) if run_id in self._ids else QModelIndex()

    def rowCount(self, parent: Index = QModelIndex()) -> int:
        return 0 if parent.isValid() else len(self._ids)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        record = self._runs.record(self._ids[index.row()])
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return record.name
            case Qt.ItemDataRole.ToolTipRole:
                return record.broken or record.id
            case Qt.ItemDataRole.AccessibleTextRole:
                return ", ".join((record.name, _state(record), _method(record), when(record.id, date.today())))
            case _ if role == RUN_ID:
                return record.id
            case _ if role == STATE:
                return record.state
            case _ if role == ABOUT:
                return (_state(record), words.method_of(record), when(record.id, date.today()))
            case _:
                return None


def _state(record: RunRecord) -> str:
    """How it stands, in few words, and how far it came unless that is the end."""
    if record.broken:
        return tr("Can't be read")
    state, story = words.state_of(record), record.story
    if not story.total or record.state is RunState.FINISHED:
        return state
    return tr("{state}, {step:,} of {total:,}", state=state, step=story.step, total=story.total)


def _method(record: RunRecord) -> str:
    return translated(record.recipe.how.label) if record.recipe else ""


class RunDelegate(QStyledItemDelegate):
    """Paints a run: its name; its state as mark and words; and its method, with the time where there
    is room."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        line = option.fontMetrics.height()  # type: ignore[attr-defined]
        return QSize(120, 3 * line + 30)  # in a wider list it is as wide as that

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        tokens = theme.tokens()
        self.initStyleOption(option, index)
        option.text = ""  # type: ignore[attr-defined]
        option.widget.style().drawControl(  # type: ignore[attr-defined]
            QStyle.ControlElement.CE_ItemViewItem,
            option,
            painter,
            option.widget,  # type: ignore[attr-defined]
        )
        area: QRect = option.rect.adjusted(12, 10, -12, -10)  # type: ignore[attr-defined]
        font: QFont = QFont(option.font)  # type: ignore[attr-defined]
        state, method, made = index.data(ABOUT)
        run_state: RunState = index.data(STATE)
        step = area.height() // 3
        rows = [QRect(area.x(), area.y() + row * step, area.width(), step) for row in range(3)]
        left = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        painter.save()

        bold = QFont(font)
        bold.setWeight(QFont.Weight.DemiBold)
        painter.setFont(bold)
        painter.setPen(QColor(tokens.text))
        name = QFontMetrics(bold).elidedText(index.data(), Qt.TextElideMode.ElideRight, area.width())
        painter.drawText(rows[0], left, name)

        font.setPixelSize(tokens.small)
        painter.setFont(font)
        painter.setPen(QColor(state_colour(run_state, tokens)))
        small = QFontMetrics(font)
        told = small.elidedText(f"{_MARKS[run_state]}  {state}", Qt.TextElideMode.ElideRight, area.width())
        painter.drawText(rows[1], left, told)
        painter.setPen(QColor(tokens.muted))
        painter.drawText(rows[2], left, small.elidedText(method, Qt.TextElideMode.ElideRight, area.width()))
        if small.horizontalAdvance(method) + 12 + small.horizontalAdvance(made) <= area.width():
            painter.drawText(rows[2], Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, made)
        painter.restore()


def state_colour(state: RunState, tokens: theme.Tokens) -> str:
    """The colour of a state's word; the word itself says the same."""
    match state:
        case RunState.FINISHED:
            return tokens.success
        case RunState.FAILED | RunState.INTERRUPTED:
            return tokens.danger
        case RunState.WAITING:
            return tokens.muted
        case RunState.STOPPED | RunState.PAUSED:
            return tokens.warning
        case _:
            return tokens.accent
