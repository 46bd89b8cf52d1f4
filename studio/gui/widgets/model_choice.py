"""Choosing a base model: a folder that the project knows or any other. It is checked before it counts.

The check reads headers only, in the background; loading a model is a worker's work.
"""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from studio.core.errors import StudioError
from studio.gui import icons, theme
from studio.gui.language import mark, tr, translated
from studio.gui.widgets.narrow_combo import NarrowCombo
from studio.gui.widgets.notice import Notice
from studio.gui.widgets.ways_in import WaysIn
from studio.jobs.background import BackgroundTask, end_tasks
from studio.storage.models import (
    ModelInfo,
    add_model,
    check_model,
    model_name,
    offered_models,
    starter_model,
)
from studio.storage.project import Project

_NOTHING = mark("Choose a base model")


class ModelChoice(QWidget):
    """The base model that is chosen. Signal: `model_chosen(object ModelInfo)` when a folder passed its check.

    A folder that fails is said in words, and the choice before it stands. compact: a drawing for the button's words.
    """

    model_chosen = Signal(object)

    def __init__(self, project: Project, parent: QWidget | None = None, *, compact: bool = False) -> None:
        super().__init__(parent)
        self._project = project
        self._model: ModelInfo | None = None
        self._check: BackgroundTask | None = None
        self.combo = NarrowCombo(16)
        self.combo.setAccessibleName(tr("Base model"))
        self.combo.setPlaceholderText(tr(_NOTHING))
        self.combo.setMinimumWidth(128)
        self.combo.activated.connect(self._take_listed)
        self.browse = QPushButton("" if compact else tr("Choose folder…"))
        if compact:
            icons.put(self.browse, "folder-open")
            self.browse.setToolTip(tr("Choose a model folder…"))
            self.browse.setAccessibleName(tr("Choose a model folder"))
        self.browse.clicked.connect(self.choose_folder)
        self.summary = QLabel()
        self.summary.setTextFormat(Qt.TextFormat.PlainText)
        self.summary.setWordWrap(True)
        theme.set_role(self.summary, "muted")
        self._asked: Path | None = None  # the folder that was checked last
        self.notice = Notice()
        self._ways = WaysIn(project, self.notice, self)
        self._ways.opened.connect(self.choose)
        row = QHBoxLayout()
        row.addWidget(self.combo, 1)
        row.addWidget(self.browse)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(row)
        layout.addWidget(self.summary)
        layout.addWidget(self.notice)
        self._list()

    def model(self) -> ModelInfo | None:
        """The model that is chosen and passed its check."""
        return self._model

    @Slot(object)
    def choose(self, folder: Path) -> None:
        """Check a folder in the background; when it passes it joins the project's list and is chosen."""
        self._start(folder, listed=False)

    @Slot()
    def choose_folder(self) -> None:
        """Ask for a folder."""
        start = str(self._model.folder.parent) if self._model else str(Path.home())
        folder = QFileDialog.getExistingDirectory(self, tr("Choose a model folder (with config.json)"), start)
        if folder:
            self.choose(Path(folder))

    def close_down(self) -> None:
        """End a check that is under way."""
        end_tasks(self)

    def _start(self, folder: Path, *, listed: bool) -> None:
        self._asked = folder
        self.notice.clear()
        self.summary.setText(tr("Checking {name}…", name=folder.name))
        project = self._project

        def check(_task: BackgroundTask) -> ModelInfo:
            return check_model(folder) if listed else add_model(project, folder)

        self._check = BackgroundTask.begin(self, check, self._passed, self._failed)

    @Slot(int)
    def _take_listed(self, index: int) -> None:
        folder = self.combo.itemData(index)
        if folder is not None:
            self._start(Path(folder), listed=True)

    @Slot(object)
    def _passed(self, model: ModelInfo) -> None:
        if self.sender() is not self._check:
            return  # another one was chosen meanwhile
        self._model = model
        self.summary.setText(translated(model.summary))
        self._list()
        self.model_chosen.emit(model)

    @Slot(object)
    def _failed(self, error: Exception) -> None:
        if self.sender() is not self._check:
            return
        self.summary.setText(translated(self._model.summary) if self._model else "")
        if self._asked is not None:
            self._ways.show_error(error, self._asked)
        self._list()

    def _list(self) -> None:
        """Show the folders that the project knows; another page may have added one."""
        try:
            folders = offered_models(self._project)
        except StudioError as error:
            self.notice.show_error(error)
            return
        names = [model_name(folder) for folder in folders]
        self.combo.clear()
        for folder, name in zip(folders, names, strict=True):
            if names.count(name) > 1:  # two of one name are told apart by where they are
                name = f"{name} ({folder.parent})"
            if folder == starter_model():
                name = tr("{name} (comes with Plumbline)", name=folder.name)
            self.combo.addItem(name, str(folder))
            self.combo.setItemData(self.combo.count() - 1, str(folder), Qt.ItemDataRole.ToolTipRole)
        self.combo.setCurrentIndex(self.combo.findData(str(self._model.folder)) if self._model else -1)
        self.combo.setEnabled(bool(folders))
        self.combo.setPlaceholderText(tr(_NOTHING) if folders else tr("No model yet"))

    def showEvent(self, event: QShowEvent) -> None:
        """Know what other pages added."""
        self._list()
        super().showEvent(event)
