"""A way in: a drawing, a title, a sentence, and the button that opens it."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from studio.gui import icons, theme


class Door(QFrame):
    """`button` opens it."""

    def __init__(self, drawing: str, title: str, text: str, action: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        theme.set_role(self, "card")
        picture = QLabel()
        icons.put(picture, drawing, 28)
        heading = QLabel(title)
        theme.set_role(heading, "heading")
        about = QLabel(text)
        theme.set_role(about, "muted")
        for label in (heading, about):
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setWordWrap(True)
        self.button = QPushButton(action)
        self.button.setAccessibleName(f"{title}: {action}" if action not in title else title)
        self.button.setAccessibleDescription(text)
        self.button.setAutoDefault(True)  # Return presses it too
        head = QHBoxLayout()
        head.setSpacing(12)
        head.addWidget(picture)
        head.addWidget(heading, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 16, 20, 20)
        layout.setSpacing(12)
        layout.addLayout(head)
        layout.addWidget(about)
        layout.addStretch()
        layout.addWidget(self.button, alignment=Qt.AlignmentFlag.AlignLeft)
