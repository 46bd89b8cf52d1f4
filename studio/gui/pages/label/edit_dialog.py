"""Improving an answer: its text to be changed, kept with Ctrl+Enter or left with Escape."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLabel, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

from studio.gui import theme
from studio.gui.language import tr
from studio.gui.pages.label.answer_pane import reading_font
from studio.gui.widgets.keys import bind


class EditDialog(QDialog):
    """Signals: `kept(str text, int place)`."""

    kept = Signal(str, int)

    def __init__(self, text: str, place: int, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Improve the answer"))
        self._place, self._before = place, text
        about = QLabel(tr("The answer as you write it here is kept as better than all others to this prompt."))
        about.setWordWrap(True)
        theme.set_role(about, "muted")
        self.text = QPlainTextEdit(text)
        self.text.setAccessibleName(tr("Improved answer"))
        self.text.setFont(reading_font(fixed=False))
        self.text.setTabChangesFocus(True)
        self.keep = QPushButton(tr("Keep it  (Ctrl+⏎)"))
        theme.set_role(self.keep, "primary")
        self.keep.clicked.connect(self._keep)
        leave = QPushButton(tr("Cancel"))
        leave.clicked.connect(self.reject)
        buttons = QHBoxLayout()
        buttons.addStretch()
        buttons.addWidget(leave)
        buttons.addWidget(self.keep)
        layout = QVBoxLayout(self)
        layout.addWidget(about)
        layout.addWidget(self.text, 1)
        layout.addLayout(buttons)
        for key in ("Ctrl+Return", "Ctrl+Enter"):
            bind(self, key, tr("Keep what was written"), self._keep)
        self.resize(720, 480)
        self.text.setFocus()

    @Slot()
    def _keep(self) -> None:
        text = self.text.toPlainText()
        self.accept()
        if text.strip() and text != self._before:
            self.kept.emit(text, self._place)
