"""The Runs page: the list at the left, the chosen run at the right, and where to begin while there is none."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, Qt, Signal, Slot
from PySide6.QtWidgets import QFrame, QLabel, QListView, QScrollArea, QSplitter, QStackedWidget, QVBoxLayout, QWidget

from studio.gui import theme
from studio.gui.pages.runs.queue_panel import QueuePanel
from studio.gui.pages.runs.run_list import RUN_ID, RunDelegate, RunListModel
from studio.gui.pages.runs.run_view import RunView
from studio.gui.preferences import Preferences
from studio.gui.widgets.empty_state import EmptyState
from studio.jobs.runs import ProjectRuns
from studio.storage.project import Project


class RunsPage(QWidget):
    """The runs of a project.

    chat_requested(run_id). train_requested(): there is no run yet and the user wants one.
    """

    chat_requested = Signal(str)
    train_requested = Signal()

    def __init__(
        self, project: Project, runs: ProjectRuns, preferences: Preferences, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.model = RunListModel(runs)
        self.list = QListView()
        self.list.setAccessibleName("Runs, newest first")
        self.list.setModel(self.model)
        self.list.setItemDelegate(RunDelegate(self.list))
        self.list.setUniformItemSizes(True)
        self.list.setMinimumWidth(200)
        self.list.selectionModel().currentChanged.connect(self._take_current)
        self._preferences = preferences
        self.view = RunView(project, runs, preferences.values.smoothing)
        self.view.chat_requested.connect(self.chat_requested)
        self.view.smoothing_changed.connect(self._remember_smoothing)
        # So that nothing is cut off in a small window.
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setWidget(self.view)

        side = QWidget()
        heading = QLabel("Runs")
        theme.set_role(heading, "heading")
        column = QVBoxLayout(side)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(heading)
        column.addWidget(self.list, 1)
        self.queue = QueuePanel(runs)
        self.queue.run_chosen.connect(self.open_run)
        column.addWidget(self.queue)
        splitter = QSplitter(Qt.Orientation.Horizontal, childrenCollapsible=False)
        splitter.addWidget(side)
        splitter.addWidget(scroll)
        splitter.setStretchFactor(1, 1)
        splitter.setSizes([280, 1000])

        self.empty = EmptyState(
            "No runs yet",
            "A run is one training: its curves, its log, its checkpoints and the adapter that comes out.",
            "Train your first adapter",
        )
        self.empty.action_requested.connect(self.train_requested)
        self.stack = QStackedWidget()
        self.stack.addWidget(self.empty)
        self.stack.addWidget(splitter)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 16, 24, 16)
        layout.addWidget(self.stack)
        runs.list_changed.connect(self._take_list)
        self._take_list()

    def open_run(self, run_id: str) -> None:
        """Choose a run in the list; one that isn't there leaves the choice as it is."""
        index = self.model.index_of(run_id)
        if index.isValid():
            self.list.setCurrentIndex(index)
            self.list.setFocus()

    def close_down(self) -> None:
        """End what scores answers; runs go on without the page."""
        self.view.close_down()

    @Slot(float)
    def _remember_smoothing(self, weight: float) -> None:
        self._preferences.change(smoothing=weight)

    @Slot()
    def _take_list(self) -> None:
        self.model.take_list()
        there = self.model.rowCount() > 0
        self.stack.setCurrentIndex(1 if there else 0)
        if there and not self.list.currentIndex().isValid():
            self.list.setCurrentIndex(self.model.index(0))

    @Slot(QModelIndex, QModelIndex)
    def _take_current(self, index: QModelIndex, _previous: QModelIndex) -> None:
        if index.isValid():
            self.view.show_run(index.data(RUN_ID))
