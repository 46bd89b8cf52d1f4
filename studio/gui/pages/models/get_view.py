"""Get a model: from a folder on this computer, which stays where it is."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from studio.gui import theme
from studio.gui.widgets.notice import Notice
from studio.jobs.background import BackgroundTask, end_tasks
from studio.storage.models import ModelInfo, add_model
from studio.storage.project import Project


class GetView(QWidget):
    """Signal: `added(object Path)`: a model joined the project."""

    added = Signal(object)

    def __init__(self, project: Project, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._project = project
        title = QLabel("Get a model")
        theme.set_role(title, "title")
        about = QLabel(
            "A model that is on this computer already is used where it lies; nothing is copied. It is a folder with "
            "config.json, tokenizer.json and model.safetensors."
        )
        about.setTextFormat(Qt.TextFormat.PlainText)
        about.setWordWrap(True)
        theme.set_role(about, "muted")
        self.notice = Notice()
        self.folder = QPushButton("Add a folder…")
        self.folder.clicked.connect(self._ask_folder)
        row = QHBoxLayout()
        row.addWidget(self.folder)
        row.addStretch()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(12)
        layout.addWidget(title)
        layout.addWidget(self.notice)
        layout.addWidget(about)
        layout.addLayout(row)
        layout.addStretch()

    def add_folder(self, folder: Path) -> None:
        """Check a model folder in the background; when it passes it joins the project."""
        project = self._project

        def add(_task: BackgroundTask) -> ModelInfo:
            return add_model(project, folder)

        BackgroundTask.begin(self, add, self._added, self.notice.show_error)

    def close_down(self) -> None:
        """Wait for a check that is under way."""
        end_tasks(self)

    @Slot()
    def _ask_folder(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Choose a model folder (with config.json)", str(Path.home()))
        if folder:
            self.add_folder(Path(folder))

    @Slot(object)
    def _added(self, model: ModelInfo) -> None:
        self.notice.clear()
        self.added.emit(model.folder)
