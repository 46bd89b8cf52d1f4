"""The guidelines of a set beside the judging screen, to be read and, when cases come up, to be sharpened."""

from __future__ import annotations

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QLabel, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

from studio.gui import theme
from studio.gui.language import tr


class GuidelinesPanel(QWidget):
    """Signal: `changed(str)` when other guidelines are to be kept."""

    changed = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        heading = QLabel(tr("Guidelines"))
        theme.set_role(heading, "heading")
        self.text = QPlainTextEdit()
        self.text.setAccessibleName(tr("Guidelines"))
        self.text.setTabChangesFocus(True)
        self.text.setPlaceholderText(
            tr(
                "What makes an answer better? Write down the hard cases as you decide them, so that you decide them "
                "alike."
            )
        )
        self.text.textChanged.connect(self._tell)
        self.keep = QPushButton(tr("Keep changes"))
        self.keep.clicked.connect(self._keep)
        self._kept = ""
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 8, 0, 0)
        layout.addWidget(heading)
        layout.addWidget(self.text, 1)
        layout.addWidget(self.keep)
        self.setMinimumWidth(220)
        self._tell()

    def show_guidelines(self, text: str) -> None:
        """Show a set's guidelines."""
        self._kept = text
        self.text.setPlainText(text)
        self._tell()

    @Slot()
    def _tell(self) -> None:
        changed = self.text.toPlainText() != self._kept
        self.keep.setEnabled(changed)
        self.keep.setToolTip("" if changed else tr("Nothing is changed."))

    @Slot()
    def _keep(self) -> None:
        self._kept = self.text.toPlainText()
        self._tell()
        self.changed.emit(self._kept)
