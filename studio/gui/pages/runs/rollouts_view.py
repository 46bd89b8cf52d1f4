"""What a model wrote while it learned from a reward: a step's answers as a table, and the chosen one in full.

It follows the newest step until another is chosen. Texts are shown as they are, never as markup.
"""

from __future__ import annotations

import math
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, QSortFilterProxyModel, Qt, Slot
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPlainTextEdit,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from studio.core.rollouts import Rollout, Rollouts
from studio.gui import theme
from studio.gui.language import mark, tr

_Index = QModelIndex | QPersistentModelIndex
_DISPLAY = int(Qt.ItemDataRole.DisplayRole)
_SORT = int(Qt.ItemDataRole.UserRole)
_SHOWN = 300  # characters of a cell; more is never visible
_NEWEST = -1
_COLUMNS = (mark("Prompt"), mark("Answer"), mark("Score"), mark("KL"), mark("Tokens"), mark("Ended"))
_WIDTHS = {"Score": 72, "KL": 72, "Tokens": 76, "Ended": 72}
_LEAST = 64  # pixels of a column, so that some of a text is seen; the table scrolls where there is less room


class RolloutsModel(QAbstractTableModel):
    """Some answers, a row each."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: tuple[Rollout, ...] = ()

    def show_rows(self, rows: tuple[Rollout, ...]) -> None:
        """Show others."""
        self.beginResetModel()
        self.rows = rows
        self.endResetModel()

    def rowCount(self, parent: _Index = QModelIndex()) -> int:
        """Qt: how many rows."""
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: _Index = QModelIndex()) -> int:
        """Qt: how many columns."""
        return 0 if parent.isValid() else len(_COLUMNS)

    def data(self, index: _Index, role: int = _DISPLAY) -> Any:
        """Qt: what a cell shows, and what it is sorted by."""
        row = self.rows[index.row()]
        values = (row.prompt, row.answer, row.score, row.kl, row.tokens, row.ended)
        value = values[index.column()]
        if role == _SORT:
            return -math.inf if isinstance(value, float) and math.isnan(value) else value
        if role == Qt.ItemDataRole.TextAlignmentRole and not isinstance(value, str):
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        return _in_words(value) if role == Qt.ItemDataRole.DisplayRole else None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = _DISPLAY) -> Any:
        """Qt: the names of the columns."""
        if role == Qt.ItemDataRole.TextAlignmentRole and _COLUMNS[section] in _WIDTHS:
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return tr(_COLUMNS[section])
        return None


class RolloutsView(QWidget):
    """Shows the `Rollouts` given to `show_rollouts`; call `follow` when they grew."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rollouts = Rollouts()
        self._seen = -1
        self.steps = QComboBox()
        self.steps.setAccessibleName(tr("Step"))
        self.steps.setMinimumWidth(200)
        self.steps.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)  # else it is as wide as at first
        self.steps.activated.connect(self._take_step)
        label = QLabel(tr("Answers of"))
        label.setBuddy(self.steps)
        about = QLabel(tr("A few of each step, with what rewarded them and how far they are from the start."))
        about.setWordWrap(True)
        theme.set_role(about, "muted")
        self.model = RolloutsModel()
        self._sorted = QSortFilterProxyModel(self)
        self._sorted.setSortRole(_SORT)
        self._sorted.setSourceModel(self.model)
        self.table = _table(self._sorted)
        self.table.selectionModel().currentChanged.connect(self._show_text)
        self.prompt, self.answer = _text(tr("Prompt")), _text(tr("Answer"))
        choice = QHBoxLayout()
        choice.setSpacing(12)
        choice.addWidget(label)
        choice.addWidget(self.steps)
        choice.addWidget(about, 1)
        whole = QHBoxLayout()
        whole.setSpacing(12)
        for word, text in ((tr("Prompt"), self.prompt), (tr("Answer"), self.answer)):
            column, heading = QVBoxLayout(), QLabel(word)
            theme.set_role(heading, "heading")
            heading.setBuddy(text)
            column.addWidget(heading)
            column.addWidget(text)
            whole.addLayout(column, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 8, 0, 0)
        layout.setSpacing(12)
        layout.addLayout(choice)
        layout.addWidget(self.table, 1)
        layout.addLayout(whole, 1)

    def show_rollouts(self, rollouts: Rollouts) -> None:
        """Show another run's answers, beginning with its newest step."""
        self._rollouts, self._seen = rollouts, -1
        self.steps.clear()
        self.steps.addItem(tr("the newest step"), _NEWEST)
        self.follow()

    def follow(self) -> None:
        """Show what was added."""
        if self._rollouts.revision == self._seen:
            return
        self._seen = self._rollouts.revision
        if not self.steps.view().isVisible():  # a list that is open must not move under the pointer
            self._list_steps()
        self._show_step()

    def _list_steps(self) -> None:
        chosen, steps = self._step(), self._rollouts.steps
        self.steps.blockSignals(True)
        self.steps.clear()
        self.steps.addItem(
            tr("the newest step ({steps:,})", steps=steps[0]) if steps else tr("the newest step"), _NEWEST
        )
        for step in steps:
            self.steps.addItem(tr("step {step:,}", step=step), step)
        self.steps.setCurrentIndex(max(0, self.steps.findData(chosen)))
        self.steps.blockSignals(False)

    def _step(self) -> int:
        step = self.steps.currentData()
        return _NEWEST if step is None else int(step)

    @Slot()
    def _take_step(self) -> None:
        self._list_steps()
        self._show_step()

    def _show_step(self) -> None:
        step, known = self._step(), self._rollouts.steps
        rows = self._rollouts.of(known[0] if step == _NEWEST and known else step)
        if rows == self.model.rows:
            return
        place = max(0, self.table.currentIndex().row())
        self.model.show_rows(rows)
        if rows:
            self.table.setCurrentIndex(self._sorted.index(min(place, len(rows) - 1), 0))
        else:
            self._show_text(QModelIndex(), QModelIndex())

    @Slot(QModelIndex, QModelIndex)
    def _show_text(self, index: QModelIndex, _previous: QModelIndex) -> None:
        row = self.model.rows[self._sorted.mapToSource(index).row()] if index.isValid() else None
        self.prompt.setPlainText(row.prompt if row else "")
        self.answer.setPlainText(row.answer if row else "")


def _table(model: QSortFilterProxyModel) -> QTableView:
    table = QTableView()
    table.setModel(model)
    table.setAccessibleName(tr("Answers of the step"))
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setTabKeyNavigation(False)
    table.setShowGrid(False)
    table.setWordWrap(False)
    table.setMinimumHeight(160)
    rows, columns = table.verticalHeader(), table.horizontalHeader()
    rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
    rows.setDefaultSectionSize(36)
    rows.hide()
    for place, name in enumerate(_COLUMNS):
        wide = name not in _WIDTHS
        columns.setSectionResizeMode(place, QHeaderView.ResizeMode.Stretch if wide else QHeaderView.ResizeMode.Fixed)
        if not wide:
            columns.resizeSection(place, _WIDTHS[name])
    columns.setMinimumSectionSize(_LEAST)
    columns.setTextElideMode(Qt.TextElideMode.ElideRight)
    columns.setHighlightSections(False)
    columns.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
    columns.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)  # as they were written, until a heading is pressed
    table.setSortingEnabled(True)
    return table


def _text(name: str) -> QPlainTextEdit:
    text = QPlainTextEdit(readOnly=True)
    text.setAccessibleName(name)
    text.setTabChangesFocus(True)
    text.setMinimumHeight(96)
    return text


def _in_words(value: str | float | bool) -> str:
    if isinstance(value, str):
        shown = " ".join(value[:_SHOWN].split())
        return shown + "…" if len(value) > _SHOWN else shown
    if isinstance(value, bool):
        return tr("yes") if value else tr("cut off")
    if isinstance(value, int):
        return f"{value:,}"
    return tr("not a number") if math.isnan(value) else f"{value:.3f}"
