"""The command palette: type a few letters of what you want, and press Return."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QDialog, QLabel, QLineEdit, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from studio.gui import theme
from studio.gui.actions import Action, matching
from studio.gui.language import tr

_KEYS_FOR_LIST = (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown)


class Palette(QDialog):
    """Signal: `chosen(object Action)`, after it has closed. Call `open()`."""

    chosen = Signal(object)

    def __init__(self, actions: list[Action], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Find an action"))
        self.resize(560, 420)
        self._actions = actions
        self.line = QLineEdit()
        self.line.setAccessibleName(tr("Find an action"))
        self.line.setPlaceholderText(tr("What do you want to do?"))
        self.line.textChanged.connect(self._list_matching)
        self.line.returnPressed.connect(self._take_current)
        self.line.installEventFilter(self)
        self.list = QListWidget()
        self.list.setAccessibleName(tr("Actions"))
        self.list.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.itemActivated.connect(self._take)
        self.list.itemClicked.connect(self._take)
        self.nothing = QLabel(tr("Nothing here is called that. Other pages may have it: go there first."))
        self.nothing.setWordWrap(True)
        theme.set_role(self.nothing, "muted")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(10)
        layout.addWidget(self.line)
        layout.addWidget(self.list, 1)
        layout.addWidget(self.nothing)
        self._list_matching("")

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Arrows move through the list while one types."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress and event.key() in _KEYS_FOR_LIST:
            self.list.event(event)
            return True
        return super().eventFilter(watched, event)

    @Slot(str)
    def _list_matching(self, typed: str) -> None:
        self.list.clear()
        for action in matching(self._actions, typed):
            keys = f"   ({action.keys})" if action.keys else ""
            item = QListWidgetItem(f"{action.label}{keys}\n{action.where}")
            item.setData(Qt.ItemDataRole.UserRole, action)
            self.list.addItem(item)
        self.list.setCurrentRow(0)
        self.nothing.setVisible(not self.list.count())

    @Slot()
    def _take_current(self) -> None:
        if self.list.currentItem() is not None:
            self._take(self.list.currentItem())

    @Slot(QListWidgetItem)
    def _take(self, item: QListWidgetItem) -> None:
        action = item.data(Qt.ItemDataRole.UserRole)
        self.accept()
        self.chosen.emit(action)
