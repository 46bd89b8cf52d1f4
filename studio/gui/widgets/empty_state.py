"""What a page shows while it has nothing: what belongs here and the next step, with the button that takes it."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from studio.gui import theme

_WIDEST = 640  # logical pixels; longer lines are hard to read


class EmptyState(QWidget):
    """A title, a sentence and, when `action` is given, a button; `other` is one for another way there, below it.

    Signals: `action_requested()`; `other_requested()`.
    """

    action_requested = Signal()
    other_requested = Signal()

    def __init__(
        self, title: str, text: str = "", action: str = "", other: str = "", parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.title = QLabel(title)
        theme.set_role(self.title, "heading")
        self.text = QLabel(text)
        theme.set_role(self.text, "muted")
        self.button = QPushButton(action)
        theme.set_role(self.button, "primary")
        self.button.setAutoDefault(True)  # Return presses it, as people expect of the one button of a page
        self.button.clicked.connect(self.action_requested)
        self.other = QPushButton(other)
        theme.set_role(self.other, "quiet")
        self.other.clicked.connect(self.other_requested)
        layout = QVBoxLayout(self)
        layout.setSpacing(12)
        layout.addStretch(2)
        for label in (self.title, self.text):
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setAlignment(Qt.AlignmentFlag.AlignCenter)
            label.setWordWrap(True)
            label.setMaximumWidth(_WIDEST)
            line = QHBoxLayout()  # an alignment would make the label as narrow as it likes to be
            line.addStretch(1)
            line.addWidget(label, 1000)
            line.addStretch(1)
            layout.addLayout(line)
        for button, words in ((self.button, action), (self.other, other)):
            layout.addWidget(button, alignment=Qt.AlignmentFlag.AlignHCenter)
            button.setVisible(bool(words))  # not before it has a parent: it would be a window of its own
        layout.addStretch(3)

    def say(self, title: str, text: str = "", action: str = "") -> None:
        """Show other words."""
        self.title.setText(title)
        self.text.setText(text)
        self.button.setText(action)
        self.button.setVisible(bool(action))
