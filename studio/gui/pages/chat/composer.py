"""Where a message is written: Enter sends, Shift+Enter begins a new line. The button beside it sends, or stops."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPlainTextEdit, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from studio.gui import theme
from studio.gui.language import tr


class MessageEdit(QPlainTextEdit):
    """Signals: `sent()` on Enter; `escaped()` on Escape."""

    sent = Signal()
    escaped = Signal()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if enter and not event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self.sent.emit()
        elif event.key() == Qt.Key.Key_Escape:
            self.escaped.emit()
        else:
            super().keyPressEvent(event)


class Composer(QWidget):
    """Signals: `message_sent(str)`; `stop_requested()`; `editing_left()`: Escape while a former message is edited.

    label: what is written here; empty for a message to all models.
    """

    message_sent = Signal(str)
    stop_requested = Signal()
    editing_left = Signal()

    def __init__(self, label: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._answering = self._editing = False
        self.edit = MessageEdit()
        label = label or tr("Message to all models")
        self.edit.setAccessibleName(label)
        self.edit.setPlaceholderText(tr("{label}. Enter sends, Shift+Enter begins a new line.", label=label))
        self.edit.setTabChangesFocus(True)
        self.edit.setFixedHeight(3 * self.edit.fontMetrics().lineSpacing() + 24)
        self.edit.sent.connect(self._send)
        self.edit.escaped.connect(self._escape)
        self.told = QLabel(tr("Editing a message: Enter asks it in the old one's place, Escape leaves it as it was."))
        self.told.setWordWrap(True)
        theme.set_role(self.told, "muted")
        self.told.hide()
        self.button = QPushButton()
        self.button.setMinimumWidth(96)
        self.button.clicked.connect(self._press)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.edit, 1)
        row.addWidget(self.button, alignment=Qt.AlignmentFlag.AlignBottom)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.told)
        layout.addLayout(row)
        # The style's least height of a text field would let it be squeezed.
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.set_answering(False)

    def set_answering(self, answering: bool) -> None:
        """Offer to stop instead of to send. The next message can be written meanwhile."""
        self._answering = answering
        self.button.setText(tr("Stop") if answering else tr("Send"))
        theme.set_role(self.button, "danger" if answering else "primary")

    def begin_editing(self, text: str) -> None:
        """Edit a former message; what was begun is put aside by whoever asks."""
        self._editing = True
        self.told.show()
        self.edit.setPlainText(text)
        self.edit.moveCursor(self.edit.textCursor().MoveOperation.End)
        self.edit.setFocus()

    def end_editing(self) -> None:
        """Write new messages again."""
        if self._editing:
            self._editing = False
            self.told.hide()
            self.edit.clear()

    def give_back(self, text: str) -> None:
        """Put back a message that could not be answered, unless another was begun."""
        if not self.edit.toPlainText().strip():
            self.edit.setPlainText(text)
            self.edit.moveCursor(self.edit.textCursor().MoveOperation.End)

    @Slot()
    def _press(self) -> None:
        if self._answering:
            self.stop_requested.emit()
        else:
            self._send()

    @Slot()
    def _escape(self) -> None:
        if self._answering:
            self.stop_requested.emit()
        elif self._editing:
            self.end_editing()
            self.editing_left.emit()

    @Slot()
    def _send(self) -> None:
        text = self.edit.toPlainText().strip()
        if self._answering:
            return
        if text:
            self.edit.clear()
            self.message_sent.emit(text)
        self.edit.setFocus()
