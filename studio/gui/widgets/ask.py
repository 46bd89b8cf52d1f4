"""Questions before something is deleted, and asking for a name. They belong to the window and block nothing else."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QInputDialog, QLineEdit, QMessageBox, QWidget

from studio.gui import theme
from studio.gui.language import tr


def question(parent: QWidget, title: str, text: str, yes: str, no: str = "") -> QMessageBox:
    """A question whose dangerous answer is `yes`: then it emits `accepted`. Escape and Return mean `no`, which is
    “Cancel” when it is empty."""
    box = QMessageBox(parent)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setWindowTitle(title)
    box.setText(title)
    box.setInformativeText(text)
    agree = box.addButton(yes, QMessageBox.ButtonRole.AcceptRole)
    theme.set_role(agree, "danger")
    refuse = box.addButton(no or tr("Cancel"), QMessageBox.ButtonRole.RejectRole)
    box.setDefaultButton(refuse)
    box.setEscapeButton(refuse)
    return box


def text_question(parent: QWidget, title: str, label: str, text: str) -> QInputDialog:
    """Asks for a line of text; it emits `textValueSelected(str)`. Call `open()`."""
    dialog = QInputDialog(parent)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.setWindowTitle(title)
    dialog.setLabelText(label)
    dialog.setTextValue(text)
    line = dialog.findChild(QLineEdit)
    if line is not None:
        line.selectAll()
    dialog.resize(420, 0)
    return dialog
