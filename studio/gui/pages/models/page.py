"""The Models page: the project's models at the left, the chosen one at the right, and the ways to get another.

What can be done with a model is a panel (`panel`); which there are is listed in `_panels`.
"""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QModelIndex, Qt, Signal, Slot
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QListView,
    QPushButton,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from studio.core.conversation import Voice
from studio.core.errors import StudioError
from studio.gui import theme
from studio.gui.language import tr
from studio.gui.pages.models.card_panel import CardPanel
from studio.gui.pages.models.combine_panel import CombinePanel
from studio.gui.pages.models.disk_view import DiskView
from studio.gui.pages.models.get_view import GetView
from studio.gui.pages.models.judge_panel import JudgePanel
from studio.gui.pages.models.model_list import MODEL, ModelDelegate, ModelList
from studio.gui.pages.models.model_view import ModelView
from studio.gui.pages.models.panel import Panel
from studio.gui.pages.models.serve_panel import ServePanel
from studio.gui.pages.models.take_away_panel import TakeAwayPanel
from studio.gui.widgets.notice import Notice
from studio.jobs.background import BackgroundTask, end_tasks
from studio.jobs.runs import ProjectRuns
from studio.storage.library import LibraryModel, forget, list_library
from studio.storage.models import model_name
from studio.storage.project import Project


class ModelsPage(QWidget):
    """The models of a project.

    chat_requested(run_id): talk to what a run made. voice_requested(object Voice): talk to another model.
    train_requested(object Path): train on the model in that folder.
    """

    chat_requested = Signal(str)
    voice_requested = Signal(object)
    train_requested = Signal(object)

    def __init__(self, project: Project, runs: ProjectRuns, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._project, self._runs = project, runs
        self._judged = ""  # the run whose model is to be judged when the list is there
        self._wanted: Path | None = None  # to be chosen when the list that is being read is there
        self._tab = ""  # and of it, the panel of that title
        self._forgotten: Path | None = None  # what was taken out of the list last
        self.notice = Notice()
        self.notice.action_requested.connect(self._link_again)
        self.model = ModelList(self)
        self.list = QListView()
        self.list.setAccessibleName(tr("Models: what runs made, newest first, then what to start from"))
        self.list.setModel(self.model)
        self.list.setItemDelegate(ModelDelegate(self.list))
        self.list.setUniformItemSizes(True)
        self.list.setMinimumWidth(200)
        self.list.selectionModel().currentChanged.connect(self._take_current)
        self.list.clicked.connect(self._take_clicked)
        self.get = QPushButton(tr("Get a model…"))
        self.get.clicked.connect(self.show_get)
        self.view = ModelView(self._panels())
        self.view.chat_requested.connect(self._chat)
        self.view.train_requested.connect(self.train_requested)
        self.view.forget_requested.connect(self._forget)
        self.view.disk_requested.connect(self._show_on_disk)
        self.get_view = GetView(project)
        self.get_view.added.connect(self._take_added)
        self.disk = QPushButton(tr("Disk"))
        self.disk.setToolTip(tr("What models, runs and checkpoints take, and cleaning up"))
        self.disk.clicked.connect(self.show_disk)
        self.disk_view = DiskView(project, runs)
        self.disk_view.changed.connect(self.refresh)
        self._lay_out()
        runs.list_changed.connect(self.refresh)
        runs.run_ended.connect(self.refresh)

    def _panels(self) -> list[Panel]:
        """What can be done with a model, in the order of the tabs."""
        card = CardPanel(self._project)
        card.opened.connect(self._take_opened)
        card.newer_requested.connect(self._look_newer)
        self.judge = JudgePanel(self._project)
        self.take_away = TakeAwayPanel(self._project)
        combine, serve = CombinePanel(self._project), ServePanel(self._project)
        combine.combined.connect(self._take_added)
        return [
            card,
            self.judge,
            self.take_away,
            serve,
            combine,
        ]  # a hidden tab leaves a gap: what often is stands last

    def _lay_out(self) -> None:
        heading = QLabel(tr("Models"))
        theme.set_role(heading, "heading")
        top = QHBoxLayout()
        top.addWidget(heading, 1)
        top.addWidget(self.get)
        top.addWidget(self.disk)
        side = QWidget()
        column = QVBoxLayout(side)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(top)
        column.addWidget(self.list, 1)
        self.stack = QStackedWidget()
        self.stack.addWidget(self.view)
        self.stack.addWidget(self.get_view)
        self.stack.addWidget(self.disk_view)
        right = QWidget()
        inside = QVBoxLayout(right)
        inside.setContentsMargins(16, 0, 0, 0)
        inside.addWidget(self.notice)
        inside.addWidget(self.stack, 1)
        splitter = QSplitter(Qt.Orientation.Horizontal, childrenCollapsible=False)
        splitter.addWidget(side)
        splitter.addWidget(right)
        splitter.setStretchFactor(1, 1)
        splitter.setSizes([300, 1000])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 16, 24, 16)
        layout.addWidget(splitter)

    def open_model(self, folder: Path, tab: str = "") -> None:
        """Choose the model in that folder, and the panel of that title."""
        self._wanted, self._tab = folder, tab
        self.refresh()

    def open_evaluation(self, folder: Path, evaluation: str) -> None:
        """Show an evaluation of the model in that folder."""
        self.judge.choose(evaluation)
        self.open_model(folder, self.judge.title)

    def evaluate_run(self, run: str) -> None:
        """Judge what a run has made, at once."""
        self._judged = run
        self.refresh()

    @Slot()
    def show_get(self) -> None:
        """Show the ways to get a model."""
        self.stack.setCurrentWidget(self.get_view)

    @Slot()
    def show_disk(self) -> None:
        """Show what takes room."""
        self.stack.setCurrentWidget(self.disk_view)

    def close_down(self) -> None:
        """End what is under way."""
        self.view.close_down()
        self.get_view.close_down()
        self.disk_view.close_down()
        end_tasks(self)

    def showEvent(self, event: QShowEvent) -> None:
        """Know what other pages added."""
        self.refresh()
        super().showEvent(event)

    @Slot()
    def refresh(self) -> None:
        """Read the list again, in a thread."""
        project = self._project

        def read(_task: BackgroundTask) -> list[LibraryModel]:
            return list_library(project)

        BackgroundTask.begin(self, read, self._take_list, self.notice.show_error)

    @Slot(object)
    def _take_list(self, models: list[LibraryModel]) -> None:
        judged = next((model for model in models if self._judged and model.run == self._judged), None)
        if judged is not None:
            self._judged, self._wanted = "", judged.folder
        current = self.list.currentIndex().data(MODEL)
        wanted = self._wanted or (current.folder if current else None)
        self.model.take(models)
        index = self.model.index_of(wanted)
        if self._wanted is not None and index.isValid():
            self._wanted = None
            self.stack.setCurrentWidget(self.view)
            self.view.show_model(index.data(MODEL))  # also when it was chosen before: it may have changed
            self.view.show_tab(self._tab)
            self._tab = ""
        if not index.isValid() and models:
            index = self.model.index(0)
        if index.isValid() and index != self.list.currentIndex():
            showing = self.stack.currentIndex()
            self.list.setCurrentIndex(index)
            self.stack.setCurrentIndex(showing)
        if judged is not None:
            self.view.show_tab(self.judge.title)
            self.judge.evaluate_at_once(judged)

    @Slot(QModelIndex, QModelIndex)
    def _take_current(self, index: QModelIndex, _previous: QModelIndex) -> None:
        if index.isValid():
            self.stack.setCurrentWidget(self.view)
            self.view.show_model(index.data(MODEL))

    @Slot(QModelIndex)
    def _take_clicked(self, _index: QModelIndex) -> None:
        self.stack.setCurrentWidget(self.view)  # also from the way to get another

    @Slot(str)
    def _look_newer(self, name: str) -> None:
        self.show_get()
        self.get_view.show_name(name)

    @Slot(object)
    def _take_opened(self, folder: Path) -> None:
        self.get_view.local.add(folder)

    @Slot(object)
    def _take_added(self, folder: Path) -> None:
        """Show it, unless somebody looks at something else meanwhile: a download may take an hour."""
        if self.stack.currentWidget() is self.get_view or folder == self._forgotten or self._is_shown(folder):
            self.open_model(folder)
        else:
            self.notice.show_note(tr("“{folder}” is here now.", folder=model_name(folder)))
            self.refresh()
        self._forgotten = None

    def _is_shown(self, folder: Path) -> bool:
        model: LibraryModel | None = self.list.currentIndex().data(MODEL)
        return model is not None and folder in (model.folder, model.base)

    @Slot(object)
    def _chat(self, model: LibraryModel) -> None:
        if model.run:
            self.chat_requested.emit(model.run)
        else:
            self.voice_requested.emit(Voice(*model.parts))

    @Slot()
    def _show_on_disk(self) -> None:
        model: LibraryModel | None = self.list.currentIndex().data(MODEL)
        if model is not None:
            self.disk_view.choose(self._project.runs / model.run if model.run else model.folder)
        self.show_disk()

    @Slot(object)
    def _forget(self, model: LibraryModel) -> None:
        try:
            forget(self._project, model.folder)
        except StudioError as error:
            self.notice.show_error(error)
            return
        self._forgotten = model.folder
        self.notice.show_note(
            tr("“{name}” is out of the list; its folder stays where it is.", name=model.name), tr("Undo")
        )
        self.refresh()

    @Slot()
    def _link_again(self) -> None:
        if self._forgotten is not None:
            self.get_view.local.add(self._forgotten)
