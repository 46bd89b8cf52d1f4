"""A bar at the top of a page that says an error or a note in words, until it is dismissed. It never takes the focus.

A note may offer one thing to do, such as taking back what was just done.
"""

from __future__ import annotations

import traceback

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QAccessible, QAccessibleEvent, QGuiApplication
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QToolButton, QVBoxLayout, QWidget

from studio.core.errors import Cancelled, StudioError
from studio.gui import theme
from studio.gui.language import tr, translated


class Notice(QWidget):
    """Hidden while there is nothing to say. Signal: `action_requested()`, for the button of a note."""

    action_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._details = ""
        self.what, self.hint = QLabel(), QLabel()
        for label in (self.what, self.hint):
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setWordWrap(True)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.copy = QPushButton(tr("Copy details"))
        theme.set_role(self.copy, "quiet")
        self.copy.clicked.connect(self._copy_details)
        self.action = QPushButton()
        theme.set_role(self.action, "quiet")
        self.action.clicked.connect(self._act)
        self.dismiss = QToolButton()
        self.dismiss.setText("✕")
        self.dismiss.setToolTip(tr("Dismiss"))
        self.dismiss.setAccessibleName(tr("Dismiss"))
        theme.set_role(self.dismiss, "quiet")
        self.dismiss.clicked.connect(self.clear)
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(self.what)
        words.addWidget(self.hint)
        self.bar = QFrame()
        layout = QHBoxLayout(self.bar)
        layout.setContentsMargins(16, 8, 8, 8)
        layout.addLayout(words, 1)
        layout.addWidget(self.action)
        layout.addWidget(self.copy)
        layout.addWidget(self.dismiss)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 8, 0, 0)
        outer.addWidget(self.bar)
        self.hide()

    def show_error(self, error: BaseException, action: str = "") -> None:
        """Say what went wrong; with `action`, offer a way out. A cancelled work says nothing."""
        if isinstance(error, Cancelled):
            return
        if isinstance(error, StudioError):
            self._say("notice-error", translated(error.what), translated(error.hint), error.details, action)
            return
        if isinstance(error, OSError) and error.filename:
            what = tr("“{filename}” can't be used: {strerror}.", filename=error.filename, strerror=error.strerror)
            self._say("notice-error", what, tr("Check its permissions, or choose another place."), repr(error))
            return
        details = "".join(traceback.format_exception(error))
        what = tr(
            "Something went wrong that Plumbline did not expect: {name}: {error}",
            name=type(error).__name__,
            error=error,
        )
        self._say("notice-error", what, tr("Copy the details to report it."), details)

    def show_note(self, text: str, action: str = "") -> None:
        """Say something that needs no action; with `action`, offer one."""
        self._say("notice-note", translated(text), "", "", action)

    @Slot()
    def _act(self) -> None:
        self.clear()
        self.action_requested.emit()

    @Slot()
    def clear(self) -> None:
        """Say nothing."""
        self.hide()

    def _say(self, role: str, what: str, hint: str, details: str, action: str = "") -> None:
        self._details = details
        self.what.setText(what)
        self.hint.setText(hint)
        self.hint.setVisible(bool(hint))
        self.copy.setVisible(bool(details))
        self.action.setText(action)
        self.action.setVisible(bool(action))
        self.setAccessibleName(f"{what} {hint}".strip())
        theme.set_role(self.bar, role)
        self.show()
        QAccessible.updateAccessibility(QAccessibleEvent(self, QAccessible.Event.Alert))

    @Slot()
    def _copy_details(self) -> None:
        text = f"{self.what.text()} {self.hint.text()}".strip()
        QGuiApplication.clipboard().setText(f"{text}\n\n{self._details}".strip())
