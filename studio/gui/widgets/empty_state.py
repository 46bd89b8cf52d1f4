"""What a page shows while it has nothing: what belongs here and the next step, with the button that takes it."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget

from studio.gui import theme


class EmptyState(QWidget):
    """A title, a sentence and, when `action` is given, a button. Signal: `action_requested()`."""

    action_requested = Signal()

    def __init__(self, title: str, text: str = "", action: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title = QLabel(title)
        theme.set_role(self.title, "heading")
        self.text = QLabel(text)
        theme.set_role(self.text, "muted")
        self.button = QPushButton(action)
        theme.set_role(self.button, "primary")
        self.button.setAutoDefault(True)  # Return presses it, as people expect of the one button of a page
        self.button.clicked.connect(self.action_requested)
        layout = QVBoxLayout(self)
        layout.setSpacing(12)
        layout.addStretch(2)
        for label in (self.title, self.text):
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setAlignment(Qt.AlignmentFlag.AlignCenter)
            label.setWordWrap(True)
            layout.addWidget(label)
        layout.addWidget(self.button, alignment=Qt.AlignmentFlag.AlignHCenter)
        layout.addStretch(3)
        self.button.setVisible(bool(action))  # not before it has a parent: it would be a window of its own

    def say(self, title: str, text: str = "", action: str = "") -> None:
        """Show other words."""
        self.title.setText(title)
        self.text.setText(text)
        self.button.setText(action)
        self.button.setVisible(bool(action))
