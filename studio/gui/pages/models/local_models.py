"""Models that are on this computer already: a folder, or what other programs left in Hugging Face's cache.

They are used where they lie; nothing is copied. Pickled weights are written anew as safetensors, when asked to.
"""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QMenu, QPushButton, QWidget

from studio.gui.language import tr
from studio.gui.widgets.notice import Notice
from studio.gui.widgets.ways_in import WaysIn
from studio.jobs.background import BackgroundTask
from studio.storage.hub_places import cached_models
from studio.storage.library import add_to_library
from studio.storage.models import model_name
from studio.storage.project import Project


class LocalModels(QWidget):
    """Signal: `added(object Path)`. Why a folder can't be used is said in `notice`, with a way in if there is one."""

    added = Signal(object)

    def __init__(self, project: Project, notice: Notice, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._project = project
        self._asked = Path()
        self._ways = WaysIn(project, notice, self)
        self._ways.opened.connect(self.add)
        self.folder = QPushButton(tr("Add a folder…"))
        self.folder.setToolTip(tr("A model or an adapter on this computer; it stays where it is"))
        self.folder.clicked.connect(self._ask_folder)
        self.cache = QPushButton(tr("From Hugging Face's cache"))
        self.cache.setToolTip(tr("Models that other programs downloaded; they are used where they lie"))
        self.menu = QMenu(self)
        self.menu.aboutToShow.connect(self._fill)
        self.cache.setMenu(self.menu)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.folder)
        layout.addWidget(self.cache)

    @Slot(object)
    def add(self, folder: Path) -> None:
        """Check a folder in the background; when it passes, it joins the project."""
        project = self._project
        self._asked = folder

        def check(_task: BackgroundTask) -> Path:
            return add_to_library(project, folder)

        BackgroundTask.begin(self, check, self.added, self._take_failure)

    @Slot(object)
    def _take_failure(self, error: Exception) -> None:
        self._ways.show_error(error, self._asked)

    @Slot()
    def _ask_folder(self) -> None:
        folder = QFileDialog.getExistingDirectory(
            self,
            tr("Choose a model's or an adapter's folder (with config.json or adapter_config.json)"),
            str(Path.home()),
        )
        if folder:
            self.add(Path(folder))

    @Slot()
    def _fill(self) -> None:
        self.menu.clear()
        found = cached_models()
        for folder in found:
            action = self.menu.addAction(model_name(folder).replace("&", "&&"))
            action.setData(str(folder))
            action.triggered.connect(self._add_cached)
        if not found:
            self.menu.addAction(tr("There is none")).setEnabled(False)

    @Slot()
    def _add_cached(self) -> None:
        self.add(Path(self.sender().data()))  # pyright: ignore[reportAttributeAccessIssue]
