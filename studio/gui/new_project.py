"""The dialog for a new project: a goal, a name and a place. It makes the project itself, and says errors there."""

from __future__ import annotations

import os
from pathlib import Path

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import (
    QDialog,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from studio.core.errors import StudioError
from studio.gui import theme
from studio.gui.goals import Goals
from studio.gui.language import tr
from studio.gui.widgets.notice import Notice
from studio.storage.project import Project


class NewProject(QDialog):
    """Signal: `created(object Project, str course)`, an open project with its lock, and what leads to its goal.

    Call `open()`.
    """

    created = Signal(object, str)

    def __init__(self, place: Path, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("New project"))
        self.setMinimumWidth(620)
        self.goals = Goals()
        self.name = QLineEdit(free_name(place, tr("My project")))
        self.name.selectAll()
        self.name.textChanged.connect(self._show_where)
        self.place = QLineEdit(str(place))
        self.place.setAccessibleName(tr("In the folder"))
        self.place.textChanged.connect(self._show_where)
        browse = QPushButton(tr("Choose…"))
        browse.setAutoDefault(False)
        browse.clicked.connect(self._choose_place)
        self.where = QLabel()
        self.where.setTextFormat(Qt.TextFormat.PlainText)
        self.where.setWordWrap(True)
        theme.set_role(self.where, "muted")
        self.notice = Notice()
        self.create_button = QPushButton(tr("Create project"))
        self.create_button.setDefault(True)
        theme.set_role(self.create_button, "primary")
        self.create_button.clicked.connect(self._create)
        cancel = QPushButton(tr("Cancel"))
        cancel.setAutoDefault(False)
        cancel.clicked.connect(self.reject)
        line = QHBoxLayout()
        line.setSpacing(8)
        line.addWidget(self.place, 1)
        line.addWidget(browse)
        form = QFormLayout()
        form.setVerticalSpacing(12)
        form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        heading = QLabel(tr("What do you want?"))
        theme.set_role(heading, "heading")
        form.addRow(tr("Name"), self.name)
        form.addRow(tr("In the folder"), line)
        form.addRow("", self.where)
        buttons = QHBoxLayout()
        buttons.addStretch()
        buttons.addWidget(cancel)
        buttons.addWidget(self.create_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 24, 24, 24)
        layout.setSpacing(16)
        layout.addWidget(self.notice)
        layout.addWidget(heading)
        layout.addWidget(self.goals)
        layout.addLayout(form)
        layout.addLayout(buttons)
        self._show_where()

    def folder(self) -> Path:
        """Where the project would be."""
        return Path(self.place.text().strip()).expanduser() / self.name.text().strip()

    @Slot()
    def _show_where(self) -> None:
        self.where.setText(tr("Will be kept in {folder}", folder=self.folder()))

    @Slot()
    def _choose_place(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, tr("Choose where the project is kept"), self.place.text())
        if folder:
            self.place.setText(folder)

    @Slot()
    def _create(self) -> None:
        try:
            project = Project.create(self._checked())
        except (StudioError, OSError) as error:
            self.notice.show_error(error)
            return
        self.created.emit(project, self.goals.course())
        self.accept()

    def _checked(self) -> Path:
        name = self.name.text().strip()
        if not name:
            raise StudioError("The project has no name.", "Type one.")
        if name in (".", "..") or any(character in name for character in {"/", os.sep, "\0"}):
            raise StudioError(f"“{name}” can't be the name of a folder.", "Use letters, digits and spaces.")
        if not self.place.text().strip():
            raise StudioError("No folder is chosen for the project.", "Choose one.")
        return self.folder()


def free_name(place: Path, wanted: str) -> str:
    """A name that no folder has there yet."""
    number, name = 1, wanted
    while os.path.exists(place / name):  # unlike Path's, never raises
        number += 1
        name = f"{wanted} {number}"
    return name
