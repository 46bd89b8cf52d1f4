"""Asks whether a Python file of the user's may run: its text to read, the risk in words, and no as the easy answer."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLabel, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

from studio.core.rewards import Function
from studio.gui import theme
from studio.storage.consent import RISK

_SHOWN = 12  # characters of the hash, as the command line takes it


class CodeConsent(QDialog):
    """Call `open`. Signal: `agreed(object Function)`; nothing when the user doesn't want it."""

    agreed = Signal(object)

    def __init__(self, function: Function, text: str, parent: QWidget) -> None:
        super().__init__(parent)
        self._function = function
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Run this code?")
        question, path, risk, mark = (
            QLabel("Run this code to reward answers?"),
            QLabel(function.path),
            QLabel(RISK),
            QLabel(f"Hash of what you agree to: {function.sha256[:_SHOWN]}"),
        )
        for label, role in ((question, "heading"), (path, "muted"), (risk, "warning"), (mark, "muted")):
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setWordWrap(True)
            theme.set_role(label, role)
        self.text = QPlainTextEdit(text, readOnly=True)
        self.text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)  # a long line can't hide behind its wrapping
        self.text.setAccessibleName("The code")
        self.text.setTabChangesFocus(True)
        theme.set_role(self.text, "mono")
        buttons = QDialogButtonBox()
        self.agree = QPushButton("Agree and run it")
        self.refuse = QPushButton("Don't run it")
        theme.set_role(self.agree, "danger")
        buttons.addButton(self.agree, QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.addButton(self.refuse, QDialogButtonBox.ButtonRole.RejectRole)
        self.agree.setAutoDefault(False)
        self.refuse.setDefault(True)
        buttons.accepted.connect(self._agree)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 16, 24, 16)
        layout.setSpacing(12)
        for part in (question, path, self.text, risk, mark, buttons):
            layout.addWidget(part)
        layout.setStretchFactor(self.text, 1)
        self.resize(720, 560)
        self.refuse.setFocus()

    @Slot()
    def _agree(self) -> None:
        self.agreed.emit(self._function)
        self.accept()
