"""The ways to train as cards, one of them chosen: by click, or with the arrow keys, like the radio buttons they are.

What a method is comes from `core.methods`; nothing about one is written here.
"""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal, Slot
from PySide6.QtGui import QMouseEvent, QResizeEvent
from PySide6.QtWidgets import QButtonGroup, QFrame, QGridLayout, QLabel, QRadioButton, QVBoxLayout, QWidget

from studio.core.methods import METHODS, Method
from studio.gui import theme
from studio.gui.language import translated

_WIDEST = 420  # of cards in one row, in logical pixels
_GAP = 12


class MethodCard(QFrame):
    """One method: its label as a radio button, and a line about it. A click anywhere chooses it."""

    def __init__(self, method: Method, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        theme.set_role(self, "choice")
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.button = QRadioButton(translated(method.label))
        self.button.setAccessibleDescription(translated(method.about))
        self.button.toggled.connect(self._show_chosen)
        about = QLabel(translated(method.about))
        about.setTextFormat(Qt.TextFormat.PlainText)
        about.setWordWrap(True)
        about.setIndent(31)  # under the label, not under its circle
        theme.set_role(about, "muted")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 12, 12)
        layout.setSpacing(2)
        layout.addWidget(self.button)
        layout.addWidget(about)
        layout.addStretch()

    @Slot(bool)
    def _show_chosen(self, chosen: bool) -> None:
        self.setProperty("chosen", "true" if chosen else "false")
        theme.set_role(self, "choice")

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """The card is as good a target as its circle."""
        if event.button() == Qt.MouseButton.LeftButton and self.rect().contains(event.position().toPoint()):
            self.button.setFocus(Qt.FocusReason.MouseFocusReason)
            self.button.setChecked(True)
        super().mouseReleaseEvent(event)


class MethodCards(QWidget):
    """All methods. Signal: `method_chosen(str name)` when the choice changes."""

    method_chosen = Signal(str)

    def __init__(self, chosen: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.cards = {name: MethodCard(method) for name, method in METHODS.items()}
        self._group = QButtonGroup(self)
        for card in self.cards.values():
            self._group.addButton(card.button)
        self.cards[chosen if chosen in self.cards else next(iter(self.cards))].button.setChecked(True)
        self._group.buttonToggled.connect(self._tell)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(_GAP)
        self._columns = 0
        self._arrange(1)

    def method(self) -> Method:
        """The method that is chosen."""
        return METHODS[next(name for name, card in self.cards.items() if card.button.isChecked())]

    def choose(self, name: str) -> None:
        """Choose a method."""
        self.cards[name].button.setChecked(True)

    @Slot(object, bool)
    def _tell(self, _button: object, chosen: bool) -> None:
        if chosen:
            self.method_chosen.emit(self.method().name)

    def minimumSizeHint(self) -> QSize:
        """One column; else a window that was wide could not become narrow."""
        return QSize(self._narrowest(), super().minimumSizeHint().height())

    def _narrowest(self) -> int:
        """The width at which each label still stands in one line."""
        return max(card.minimumSizeHint().width() for card in self.cards.values())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """As many columns as there is room for, with rows of about equal length."""
        super().resizeEvent(event)
        most = max(1, (self.width() + _GAP) // (self._narrowest() + _GAP))
        rows = -(-len(self.cards) // most)
        self._arrange(-(-len(self.cards) // rows))

    def _arrange(self, columns: int) -> None:
        if columns == self._columns:
            return
        self._columns = columns
        for column in range(self._grid.columnCount()):
            self._grid.setColumnStretch(column, 0)
        for place, card in enumerate(self.cards.values()):
            self._grid.addWidget(card, place // columns, place % columns)
        for column in range(columns):
            self._grid.setColumnStretch(column, 1)
        self.setMaximumWidth(columns * (_WIDEST + _GAP) - _GAP if columns == len(self.cards) else 16777215)
        self.updateGeometry()
