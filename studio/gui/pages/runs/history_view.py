"""All runs of a project as a table: found by words, named, tagged, noted, compared, repeated, thrown away.

Choosing one shows what can be done with it; choosing several compares them beneath.
"""

from __future__ import annotations

from PySide6.QtCore import QItemSelection, QModelIndex, QSize, Qt, Signal, Slot
from PySide6.QtGui import QHideEvent, QKeySequence, QShowEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QMenu,
    QPushButton,
    QSplitter,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from studio.gui import theme
from studio.gui.language import mark, tr
from studio.gui.pages.runs.actions import RunActions
from studio.gui.pages.runs.compare_view import MOST, CompareView
from studio.gui.pages.runs.history_model import COLUMNS, RUN_ID, FilteredRuns, HistoryModel
from studio.gui.widgets.flow_layout import FlowLayout
from studio.gui.widgets.keys import bind
from studio.gui.widgets.notice import Notice
from studio.jobs.runs import ProjectRuns
from studio.storage.project import Project

_WIDTHS = {"Name": 200, "State": 104, "Method": 176, "Result": 200, "Steps": 64, "Time": 76, "Tags": 104, "Made": 160}
_LEAST = 136  # pixels of the table that are always shown: with less, the page scrolls


class RunTable(QTableView):
    """Takes what room there is and asks for little: it scrolls itself, so the page need not because of it."""

    def sizeHint(self) -> QSize:
        return QSize(super().sizeHint().width(), _LEAST)

    def minimumSizeHint(self) -> QSize:
        return QSize(super().minimumSizeHint().width(), _LEAST)


class HistoryView(QWidget):
    """open_requested(run_id): show it. recipe_requested(recipe): begin a run as that one was."""

    open_requested = Signal(str)
    recipe_requested = Signal(object)

    def __init__(self, project: Project, runs: ProjectRuns, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.acts = RunActions(project, runs, self)
        self.acts.said.connect(self._say)
        self.acts.recipe_requested.connect(self.recipe_requested)
        self.notice = Notice()
        self.notice.action_requested.connect(self.acts.take_back)
        self.filter = QLineEdit(
            placeholderText=tr("Filter by name, state, method, tag or note"), clearButtonEnabled=True
        )
        self.filter.setAccessibleName(tr("Filter the runs"))
        self.filter.setFixedWidth(340)
        self.filter.textChanged.connect(self._take_filter)
        self.model = HistoryModel(runs)
        self.shown = FilteredRuns(self.model)
        self.table = self._make_table()
        self.chosen = QLabel()
        theme.set_role(self.chosen, "muted")
        self.buttons: dict[str, QPushButton] = {}
        tools = FlowLayout(spacing=8)
        tools.addWidget(self.filter)
        for word, act in (
            (mark("Open"), self._open),
            (mark("New run from this one"), self.acts.train_again),
            (mark("Rename…"), self.acts.rename),
            (mark("Tags…"), self.acts.tag),
            (mark("Note…"), self.acts.note),
            (mark("Delete…"), self.acts.ask_to_delete),
        ):
            button = QPushButton(tr(word))
            theme.set_role(button, "quiet")
            button.clicked.connect(act)
            tools.addWidget(button)
            self.buttons[word] = button
        self.more = QPushButton(tr("More"))
        menu = QMenu(self.more)
        for word, act in (
            (tr("Copy as command"), self.acts.copy_command),
            (tr("Save the recipe…"), self.acts.export_recipe),
            (tr("Save a report…"), self.acts.export_report),
            (tr("Write for TensorBoard"), self.acts.write_for_tensorboard),
        ):
            menu.addAction(word, act)
        self.more.setMenu(menu)
        tools.addWidget(self.more)
        self.buttons["More"] = self.more
        self.compare = CompareView(project, runs)
        self.compare.hide()
        top = QWidget()
        upper = QVBoxLayout(top)
        upper.setContentsMargins(0, 0, 0, 0)
        upper.setSpacing(8)
        upper.addWidget(self.table, 1)
        row = QHBoxLayout()
        row.addWidget(self.chosen, 1)
        upper.addLayout(row)
        self.splitter = QSplitter(Qt.Orientation.Vertical, childrenCollapsible=False)
        self.splitter.addWidget(top)
        self.splitter.addWidget(self.compare)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addLayout(tools)
        layout.addWidget(self.notice)
        layout.addWidget(self.splitter, 1)
        self.shown.modelReset.connect(self._take_choice)
        here = Qt.ShortcutContext.WidgetShortcut
        bind(
            self.table,
            QKeySequence.StandardKey.Delete,
            tr("Delete what is selected"),
            self.acts.ask_to_delete,
            context=here,
        )
        self._take_choice()

    def _make_table(self) -> QTableView:
        table = RunTable()
        table.setModel(self.shown)
        table.setAccessibleName(tr("All runs"))
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setTabKeyNavigation(False)
        table.setShowGrid(False)
        table.setWordWrap(False)
        table.setSortingEnabled(True)
        table.verticalHeader().hide()
        table.verticalHeader().setDefaultSectionSize(34)
        header = table.horizontalHeader()
        header.setHighlightSections(False)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setSortIndicator(COLUMNS.index("Made"), Qt.SortOrder.DescendingOrder)
        header.setMinimumSectionSize(56)
        header.setTextElideMode(Qt.TextElideMode.ElideRight)
        for place, name in enumerate(COLUMNS):
            if name in _WIDTHS:
                header.resizeSection(place, _WIDTHS[name])
            else:
                header.setSectionResizeMode(place, QHeaderView.ResizeMode.Stretch)
        table.doubleClicked.connect(self._open)
        table.activated.connect(self._open)
        table.selectionModel().selectionChanged.connect(self._take_selection)
        return table

    def run_ids(self) -> list[str]:
        """The runs that are chosen, as they stand in the table."""
        rows = self.table.selectionModel().selectedRows()
        return [row.data(RUN_ID) for row in sorted(rows, key=QModelIndex.row)]

    def choose(self, run_ids: list[str]) -> None:
        """Choose these."""
        self.table.clearSelection()
        for run_id in run_ids:
            index = self.shown.mapFromSource(self.model.index(self.model.place_of(run_id), 0))
            if index.isValid():
                flags = self.table.selectionModel().SelectionFlag
                self.table.selectionModel().select(index, flags.Select | flags.Rows)

    def showEvent(self, event: QShowEvent) -> None:
        """Show the runs as they are."""
        super().showEvent(event)
        self.model.follow(True)

    def hideEvent(self, event: QHideEvent) -> None:
        """Rest."""
        super().hideEvent(event)
        self.model.follow(False)

    def close_down(self) -> None:
        """Wait for files that are written."""
        self.acts.close_down()

    @Slot(str)
    def _take_filter(self, text: str) -> None:
        self.shown.filter_by(text)
        self._take_choice()

    @Slot(QItemSelection, QItemSelection)
    def _take_selection(self, _on: QItemSelection, _off: QItemSelection) -> None:
        self._take_choice()

    @Slot()
    def _take_choice(self) -> None:
        run_ids = self.run_ids()
        self.acts.choose(run_ids)
        count = len(run_ids)
        for word, button in self.buttons.items():
            several = word in ("Tags…", "Delete…")
            button.setEnabled(count >= 1 if several else count == 1)
            why = tr("Choose a run in the table") if several else tr("Choose one run in the table")
            button.setToolTip("" if button.isEnabled() else why)
        shown, whole = self.shown.rowCount(), self.model.rowCount()
        runs = (
            tr("{shown:,} of {whole:,} runs", shown=shown, whole=whole)
            if shown < whole
            else tr("{whole:,} runs", whole=whole)
        )
        if count > MOST:
            said = tr(
                "{runs}; the first {most} of {count:,} chosen ones are compared", runs=runs, most=MOST, count=count
            )
        elif not shown and whole:
            said = tr("None of the {whole:,} runs holds all of these words.", whole=whole)
        elif count < 2:
            said = tr("{runs}; choose several (Ctrl or Shift and click) to compare them", runs=runs)
        else:
            said = runs
        self.chosen.setText(said)
        if count >= 2:
            self.compare.show_runs(run_ids[:MOST])
        self.compare.setVisible(count >= 2)

    @Slot()
    def _open(self) -> None:
        for run_id in self.run_ids()[:1]:
            self.open_requested.emit(run_id)

    @Slot(object, str)
    def _say(self, told: object, action: str) -> None:
        if isinstance(told, BaseException):
            self.notice.show_error(told)
        else:
            self.notice.show_note(str(told), action)
