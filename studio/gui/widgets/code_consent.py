"""Asks whether Python files may run, the user's own or a model's: their text to read, the risk in words, and no as the
easy answer."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from studio.gui import theme
from studio.gui.language import mark, tr
from studio.gui.widgets.visible_text import unsteered
from studio.storage.consent import RISK, Code

_SHOWN = 12  # characters of the hash, as the command line takes it


class CodeConsent(QDialog):
    """Call `open`. Signal: `agreed(object Code)`; nothing when the user doesn't want it.

    files: name and text of each where there are several; all must have been looked at before anybody can agree.
    """

    agreed = Signal(object)

    def __init__(
        self,
        code: Code,
        text: str,
        parent: QWidget,
        *,
        asked: str = mark("Run this code to reward answers?"),
        files: Sequence[tuple[str, str]] = (),
    ) -> None:
        super().__init__(parent)
        self._code = code
        self._unseen = set(range(len(files)))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Run this code?"))
        question, path, risk, mark = (
            QLabel(asked),
            QLabel(code.path),
            QLabel(RISK),
            QLabel(tr("Hash of what you agree to: {sha256}", sha256=code.sha256[:_SHOWN])),
        )
        for label, role in ((question, "heading"), (path, "muted"), (risk, "warning"), (mark, "muted")):
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setWordWrap(True)
            theme.set_role(label, role)
        self.text = QPlainTextEdit(unsteered(text), readOnly=True)
        self.text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)  # a long line can't hide behind its wrapping
        self.text.setAccessibleName(tr("The code"))
        self.text.setTabChangesFocus(True)
        theme.set_role(self.text, "mono")
        self.files = QComboBox()
        self.files.setAccessibleName(tr("File"))
        for name, content in files:
            self.files.addItem(name, content)
        self.files.setVisible(len(files) > 1)
        buttons = QDialogButtonBox()
        self.agree = QPushButton(tr("Agree and run it"))
        self.refuse = QPushButton(tr("Don't run it"))
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
        for part in (question, path, self.files, self.text, risk, mark, buttons):
            layout.addWidget(part)
        layout.setStretchFactor(self.text, 1)
        self.files.currentIndexChanged.connect(self._show_file)
        if files:
            self._show_file(0)
        self.resize(720, 560)
        self.refuse.setFocus()

    @Slot(int)
    def _show_file(self, number: int) -> None:
        self.text.setPlainText(unsteered(self.files.itemData(number)))
        self._unseen.discard(number)
        self.agree.setEnabled(not self._unseen)
        left = len(self._unseen)
        self.agree.setText(
            tr("Agree and run it ({count} more to look at)", count=left) if left else tr("Agree and run it")
        )

    @Slot()
    def _agree(self) -> None:
        self.agreed.emit(self._code)
        self.accept()
