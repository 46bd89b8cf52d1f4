"""The start page: align a first model, make a project, open one, or go on with a recent one."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

from PySide6.QtCore import QSize, Qt, Signal, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from studio.gui import theme
from studio.gui.language import tr
from studio.gui.pages.start.door import Door
from studio.gui.pages.start.machine_card import MachineCard
from studio.gui.pages.start.place_card import PlaceCard
from studio.gui.preferences import Preferences
from studio.gui.widgets.visible_text import plain_tip

_ROW = 52  # height of a recent project, in logical pixels
_WIDEST = 1080
_NARROW = 760  # below, doors stand under each other


class StartPage(QScrollArea):
    """Signals: `first_requested()`, to be led; `new_requested()`, `open_requested()`, `recent_requested(str folder)`,
    `failed(object StudioError)`.
    """

    first_requested = Signal()
    new_requested = Signal()
    open_requested = Signal()
    recent_requested = Signal(str)
    runtime_requested = Signal()
    failed = Signal(object)

    def __init__(self, preferences: Preferences, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        title = QLabel("Plumbline")
        theme.set_role(title, "title")
        about = QLabel(tr("Make a language model your own, on this computer, by clicking. Nothing leaves it."))
        about.setWordWrap(True)
        theme.set_role(about, "muted")
        self.first = Door(
            "graduation-cap",
            tr("Align your first model"),
            tr(
                "A guide leads you through every stage with a small model and data that come along. About five "
                "minutes, offline, no graphics card needed."
            ),
            tr("Begin"),
        )
        self.new = Door(
            "folder-plus",
            tr("New project"),
            tr(
                "With your own data and models. Say what you want to reach, and get a chain of stages that leads there."
            ),
            tr("New project…"),
        )
        self.known = Door(
            "folder-open",
            tr("Open a project"),
            tr("A project is a folder that keeps datasets, verdicts, models and runs together."),
            tr("Open project…"),
        )
        self.first_button, self.new_button, self.open_button = self.first.button, self.new.button, self.known.button
        theme.set_role(self.first_button, "primary")
        self.first_button.clicked.connect(self.first_requested)
        self.new_button.clicked.connect(self.new_requested)
        self.open_button.clicked.connect(self.open_requested)
        self.heading = QLabel(tr("Recent projects"))
        theme.set_role(self.heading, "heading")
        self.recent = QListWidget()
        self.recent.setAccessibleName(tr("Recent projects"))
        self.recent.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.recent.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.recent.itemActivated.connect(self._open_recent)
        self.recent.itemClicked.connect(self._open_recent)
        self.machine, self.place = MachineCard(), PlaceCard(preferences)
        self.machine.set_up_requested.connect(self.runtime_requested)
        self.place.failed.connect(self.failed)
        column = QVBoxLayout()
        column.setSpacing(16)
        column.setContentsMargins(0, 0, 0, 0)
        self._doors, self._cards = QGridLayout(), QGridLayout()
        for grid in (self._doors, self._cards):
            grid.setSpacing(16)
        for part in (title, about):
            column.addWidget(part)
        column.addLayout(self._doors)
        column.addWidget(self.heading)
        column.addWidget(self.recent)
        column.addLayout(self._cards)
        column.addStretch(1)
        middle = QWidget()
        middle.setLayout(column)
        middle.setMaximumWidth(_WIDEST)
        inside = QWidget()
        row = QGridLayout(inside)
        row.setContentsMargins(32, 28, 32, 28)
        row.setColumnStretch(0, 1)
        row.setColumnStretch(1, 1000)  # as wide as it may be
        row.setColumnStretch(2, 1)
        row.addWidget(middle, 0, 1)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setWidget(inside)
        self._columns = 0
        self._arrange()
        for earlier, later in pairwise((self.first_button, self.new_button, self.open_button, self.recent)):
            QWidget.setTabOrder(earlier, later)

    def take_focus(self) -> None:
        """The first door is next."""
        self.first_button.setFocus()

    def show_recent(self, folders: tuple[str, ...]) -> None:
        """List these projects, newest first."""
        self.recent.clear()
        for folder in folders:
            path = Path(folder)
            item = QListWidgetItem(f"{path.name}\n{path.parent}")
            item.setData(Qt.ItemDataRole.UserRole, folder)
            item.setToolTip(plain_tip(folder))
            item.setSizeHint(QSize(0, _ROW))
            self.recent.addItem(item)
        self.recent.setFixedHeight(min(len(folders), 4) * _ROW + 12)
        for part in (self.heading, self.recent):
            part.setVisible(bool(folders))

    def close_down(self) -> None:
        """Wait for what is under way."""
        self.machine.close_down()
        self.place.close_down()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

    def _arrange(self) -> None:
        columns = 3 if self.viewport().width() >= _NARROW else 1
        if columns == self._columns:
            return
        self._columns = columns
        for place, door in enumerate((self.first, self.new, self.known)):
            self._doors.addWidget(door, place // columns, place % columns)
        for column in range(3):
            self._doors.setColumnStretch(column, 1 if column < columns else 0)
        beside = 2 if columns == 3 else 1
        for place, card in enumerate((self.place, self.machine)):
            self._cards.addWidget(card, place // beside, place % beside)
        for column in range(2):
            self._cards.setColumnStretch(column, 1 if column < beside else 0)

    @Slot(QListWidgetItem)
    def _open_recent(self, item: QListWidgetItem) -> None:
        self.recent_requested.emit(item.data(Qt.ItemDataRole.UserRole))
