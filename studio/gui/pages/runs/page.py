"""The Runs page: one run beside the list of all, all of them as a table to compare, and the family tree they make.

While there is no run it says where to begin.
"""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QListView, QScrollArea, QSplitter, QStackedWidget, QTabBar, QVBoxLayout, QWidget

from studio.gui.language import tr
from studio.gui.pages.runs.history_view import HistoryView
from studio.gui.pages.runs.lineage_view import LineageView
from studio.gui.pages.runs.queue_panel import QueuePanel
from studio.gui.pages.runs.run_list import RUN_ID, RunDelegate, RunListModel
from studio.gui.pages.runs.run_view import RunView
from studio.gui.preferences import Preferences
from studio.gui.widgets.empty_state import EmptyState
from studio.jobs.background import end_tasks
from studio.jobs.runs import ProjectRuns
from studio.storage.project import Project

_MARGIN = 24  # pixels
_LIST = (160, 280)  # pixels across: at least, and as long as there is room
_RUN = 512  # pixels that a run needs, so that its tabs stand in a row


class RunsPage(QWidget):
    """The runs of a project.

    chat_requested(run_id): "" for whichever. train_requested(): there is no run yet and the user wants one.
    recipe_requested(recipe): a new run as another one was. method_requested(method): one by that method.
    data_requested(dataset id), labels_requested(), model_requested(folder): something of the family tree.
    evaluate_requested(run_id). evaluation_requested(folder of the model, evaluation id): one of the family tree.
    """

    chat_requested = Signal(str)
    evaluate_requested = Signal(str)
    train_requested = Signal()
    recipe_requested = Signal(object)
    method_requested = Signal(str)
    data_requested = Signal(str)
    labels_requested = Signal()
    model_requested = Signal(str)
    evaluation_requested = Signal(str, str)

    def __init__(
        self, project: Project, runs: ProjectRuns, preferences: Preferences, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._runs = runs
        self.model = RunListModel(runs)
        self.list = QListView()
        self.list.setAccessibleName(tr("Runs, newest first"))
        self.list.setModel(self.model)
        self.list.setItemDelegate(RunDelegate(self.list))
        self.list.setUniformItemSizes(True)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setMinimumWidth(_LIST[0])
        self.list.selectionModel().currentChanged.connect(self._take_current)
        self._preferences = preferences
        self.view = RunView(project, runs, preferences.values.smoothing)
        self.view.chat_requested.connect(self.chat_requested)
        self.view.evaluate_requested.connect(self.evaluate_requested)
        self.view.smoothing_changed.connect(self._remember_smoothing)
        self.view.recipe_requested.connect(self.recipe_requested)
        # So that nothing is cut off in a small window.
        scroll = _scrolled(self.view)

        side = QWidget()
        column = QVBoxLayout(side)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.list, 1)
        self.queue = QueuePanel(runs)
        self.queue.run_chosen.connect(self.open_run)
        column.addWidget(self.queue)
        splitter = QSplitter(Qt.Orientation.Horizontal, childrenCollapsible=False)
        splitter.addWidget(side)
        splitter.addWidget(scroll)
        splitter.setStretchFactor(1, 1)
        splitter.splitterMoved.connect(self._keep_sizes)
        self._splitter, self._own_sizes = splitter, False

        self.empty = EmptyState(
            tr("No runs yet"),
            tr("A run is one training: its curves, its log, its checkpoints and the adapter that comes out."),
            tr("Train your first adapter"),
        )
        self.empty.action_requested.connect(self.train_requested)
        self.history = HistoryView(project, runs)
        self.history.open_requested.connect(self.open_run)
        self.history.recipe_requested.connect(self.recipe_requested)
        self.lineage = LineageView(project, runs)
        self.lineage.run_requested.connect(self.open_run)
        self.lineage.data_requested.connect(self.data_requested)
        self.lineage.labels_requested.connect(self.labels_requested)
        self.lineage.model_requested.connect(self.model_requested)
        self.lineage.evaluation_requested.connect(self.evaluation_requested)
        self.lineage.train_requested.connect(self.method_requested)
        self.lineage.chat_requested.connect(self._chat)
        self.tabs = QTabBar(drawBase=False, expanding=False, usesScrollButtons=False)
        self.tabs.setAccessibleName(tr("What to show of the runs"))
        self.views = QStackedWidget()
        for word, about, view in (
            (tr("Run"), tr("One run: its plots, samples, log and settings"), splitter),
            (tr("History and compare"), tr("All runs as a table; choose several to compare them"), self.history),
            (tr("Lineage"), tr("What went into what, and what comes next"), self.lineage),
        ):
            self.tabs.setTabToolTip(self.tabs.addTab(word), about)
            self.views.addWidget(view if view is splitter else _scrolled(view))
        self.tabs.currentChanged.connect(self.views.setCurrentIndex)
        there = QWidget()
        inside = QVBoxLayout(there)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.setSpacing(12)
        inside.addWidget(self.tabs)
        inside.addWidget(self.views, 1)
        self.stack = QStackedWidget()
        self.stack.addWidget(self.empty)
        self.stack.addWidget(there)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(_MARGIN, 12, _MARGIN, 16)
        layout.addWidget(self.stack)
        runs.list_changed.connect(self._take_list)
        self._choosing = QTimer(self, singleShot=True, interval=0)
        self._choosing.timeout.connect(self._choose_newest)
        runs.all_listed.connect(self._choosing.start)
        self._take_list()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """In a narrow window the list gives way to the run, until the user divides them otherwise."""
        super().resizeEvent(event)
        if not self._own_sizes:
            room = event.size().width() - 2 * _MARGIN
            listed = max(_LIST[0], min(_LIST[1], room - _RUN))
            self._splitter.setSizes([listed, room - listed])

    @Slot(int, int)
    def _keep_sizes(self, _place: int, _handle: int) -> None:
        self._own_sizes = True

    @Slot(str)
    def open_run(self, run_id: str) -> None:
        """Choose a run in the list; one that isn't there leaves the choice as it is."""
        index = self.model.index_of(run_id)
        if index.isValid():
            self.tabs.setCurrentIndex(0)
            self.list.setCurrentIndex(index)
            self.list.setFocus()

    def close_down(self) -> None:
        """End what scores answers, and wait for what is under way; runs go on without the page."""
        self.view.close_down()
        self.history.close_down()
        self.lineage.close_down()
        end_tasks(self)

    @Slot()
    def _chat(self) -> None:
        self.chat_requested.emit("")

    @Slot(float)
    def _remember_smoothing(self, weight: float) -> None:
        self._preferences.change(smoothing=weight)

    @Slot()
    def _take_list(self) -> None:
        self.model.take_list()
        there = self.model.rowCount() > 0
        self.stack.setCurrentIndex(1 if there else 0)
        if there:
            self._choose_newest()

    @Slot()
    def _choose_newest(self) -> None:
        # The first plots take a moment to be made: all runs are listed, and seen, before.
        if self._runs.is_listed and not self.list.currentIndex().isValid():
            self.list.setCurrentIndex(self.model.index(0))

    @Slot(QModelIndex, QModelIndex)
    def _take_current(self, index: QModelIndex, _previous: QModelIndex) -> None:
        if index.isValid():
            self.view.show_run(index.data(RUN_ID))


def _scrolled(view: QWidget) -> QScrollArea:
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    area.setWidget(view)
    return area
