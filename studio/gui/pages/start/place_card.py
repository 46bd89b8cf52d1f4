"""Where new projects are kept, with the free space there; for a packaged program also: beside the program itself."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QFileDialog, QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from studio.core.errors import StudioError
from studio.gui import theme
from studio.gui.language import tr
from studio.gui.preferences import Preferences
from studio.jobs.background import BackgroundTask, end_tasks
from studio.storage.files import free_bytes, in_bytes
from studio.storage.settings import can_be_portable, make_portable, projects_home

_SCARCE = 5e9  # bytes; a model of 1.5 B with a run's checkpoints needs about as much


class PlaceCard(QFrame):
    """Signal: `failed(object StudioError)`."""

    failed = Signal(object)

    def __init__(self, preferences: Preferences, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        theme.set_role(self, "card")
        self._preferences = preferences
        self._task: BackgroundTask | None = None
        heading = QLabel(tr("Where your data lives"))
        theme.set_role(heading, "heading")
        self.where, self.room = QLabel(), QLabel()
        theme.set_role(self.room, "muted")
        for label in (self.where, self.room):
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setWordWrap(True)
        self.change = QPushButton(tr("Choose another place…"))
        self.change.clicked.connect(self._choose)
        self.portable = QPushButton(tr("Keep everything beside the program"))
        self.portable.setToolTip(tr("For a stick that goes from one computer to another"))
        self.portable.clicked.connect(self._make_portable)
        theme.set_role(self.portable, "quiet")
        buttons = QHBoxLayout()
        buttons.addWidget(self.change)
        buttons.addWidget(self.portable)
        buttons.addStretch()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 16, 20, 16)
        layout.setSpacing(10)
        layout.addWidget(heading)
        layout.addWidget(self.where)
        layout.addWidget(self.room)
        layout.addStretch()
        layout.addLayout(buttons)
        preferences.changed.connect(self.refresh)
        self.refresh()

    @Slot()
    def refresh(self) -> None:
        """Tell the place and, as soon as it is known, how much is free there."""
        place = projects_home(self._preferences.values.place)
        self.where.setText(_breakable(str(place)))
        self.where.setAccessibleName(tr("New projects are kept in {place}", place=place))
        self.portable.setVisible(can_be_portable())
        self._task = BackgroundTask.begin(self, lambda _task: free_bytes(place), self._show_room, self._show_no_room)

    def close_down(self) -> None:
        """Wait for what is under way."""
        end_tasks(self)

    @Slot(object)
    def _show_room(self, free: int | None) -> None:
        if self.sender() is not self._task:
            return  # of the place before
        if free is None:
            self.room.setText(tr("How much is free there can't be told."))
            return
        text = tr(
            "{free} are free there. Each project is a folder with its data, models and runs.", free=in_bytes(free)
        )
        theme.set_role(self.room, "warning" if free < _SCARCE else "muted")
        self.room.setText(tr("Only {text} Larger models need more.", text=text) if free < _SCARCE else text)

    @Slot(object)
    def _show_no_room(self, _error: Exception) -> None:
        if self.sender() is self._task:
            self.room.setText(tr("This place can't be reached now; choose another one."))

    @Slot()
    def _choose(self) -> None:
        now = projects_home(self._preferences.values.place)
        folder = QFileDialog.getExistingDirectory(self, tr("Where new projects are kept"), str(now))
        if folder and Path(folder) != now:
            self._preferences.change(place=folder)

    @Slot()
    def _make_portable(self) -> None:
        try:
            make_portable(self._preferences.values)
        except StudioError as error:
            self.failed.emit(error)
            return
        self._preferences.change(place="")
        self.refresh()


def _breakable(path: str) -> str:
    """A path that a label may break after each folder."""
    return path.replace("/", "/\u200b").replace("\\", "\\\u200b")
