"""What the window shows while no project is open: make one, open one, or go on with a recent one."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QSize, Qt, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QLabel, QListWidget, QListWidgetItem, QPushButton, QVBoxLayout, QWidget

from studio.gui import theme
from studio.gui.widgets.visible_text import plain_tip


class StartPage(QWidget):
    """Signals: `new_requested()`, `open_requested()`, `recent_requested(str folder)`."""

    new_requested = Signal()
    open_requested = Signal()
    recent_requested = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        title = QLabel("Plumbline")
        theme.set_role(title, "title")
        about = QLabel(
            "Teach a language model from your own examples, on this computer, by clicking. "
            "A project is a folder that keeps your datasets and training runs together."
        )
        about.setWordWrap(True)
        theme.set_role(about, "muted")
        self.new_button = QPushButton("New project…")
        theme.set_role(self.new_button, "primary")
        self.new_button.clicked.connect(self.new_requested)
        self.open_button = QPushButton("Open project…")
        self.open_button.clicked.connect(self.open_requested)
        for button in (self.new_button, self.open_button):
            button.setAutoDefault(True)  # Return presses them too
        buttons = QHBoxLayout()
        buttons.setSpacing(12)
        buttons.addWidget(self.new_button)
        buttons.addWidget(self.open_button)
        buttons.addStretch()
        self.heading = QLabel("Recent projects")
        theme.set_role(self.heading, "heading")
        self.recent = QListWidget()
        self.recent.setAccessibleName("Recent projects")
        self.recent.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.recent.itemActivated.connect(self._open_recent)
        self.recent.itemClicked.connect(self._open_recent)
        column = QVBoxLayout()
        column.setSpacing(16)
        column.addStretch(1)
        for part in (title, about):
            column.addWidget(part)
        column.addLayout(buttons)
        column.addSpacing(16)
        column.addWidget(self.heading)
        column.addWidget(self.recent, 3)
        column.addStretch(1)
        middle = QWidget()
        middle.setLayout(column)
        middle.setMaximumWidth(640)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(32, 32, 32, 32)
        layout.addStretch(1)
        layout.addWidget(middle, 6)
        layout.addStretch(1)

    def show_recent(self, folders: tuple[str, ...]) -> None:
        """List these projects, newest first."""
        self.recent.clear()
        for folder in folders:
            path = Path(folder)
            item = QListWidgetItem(f"{path.name}\n{path.parent}")
            item.setData(Qt.ItemDataRole.UserRole, folder)
            item.setToolTip(plain_tip(folder))
            item.setSizeHint(QSize(0, 56))
            self.recent.addItem(item)
        for part in (self.heading, self.recent):
            part.setVisible(bool(folders))

    @Slot(QListWidgetItem)
    def _open_recent(self, item: QListWidgetItem) -> None:
        self.recent_requested.emit(item.data(Qt.ItemDataRole.UserRole))
