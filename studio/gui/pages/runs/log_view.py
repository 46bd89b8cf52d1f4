"""The end of a run's log as plain text, read again every second while it can be seen and the run goes on."""

from __future__ import annotations

from PySide6.QtCore import QTimer, Slot
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QPlainTextEdit, QVBoxLayout, QWidget

from studio.gui import theme
from studio.gui.pages.runs.words import plain_log
from studio.storage.runs import RunFolder

_EVERY_MS = 1000


class LogView(QWidget):
    """Shows the log of the run given to `show_run`."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._run: RunFolder | None = None
        self._timer = QTimer(self, interval=_EVERY_MS)
        self._timer.timeout.connect(self.read)
        self.text = QPlainTextEdit(readOnly=True, lineWrapMode=QPlainTextEdit.LineWrapMode.NoWrap)
        self.text.setAccessibleName("Log of the training process")
        self.text.setPlaceholderText("The training process has printed nothing.")
        self.text.setTabChangesFocus(True)
        theme.set_role(self.text, "mono")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 8, 0, 0)
        layout.addWidget(self.text)

    def show_run(self, run: RunFolder) -> None:
        """Show another run's log."""
        self._run = run
        self.text.clear()
        self.read()

    def follow(self, *, running: bool) -> None:
        """Go on reading, or read once more and rest."""
        if running and not self._timer.isActive():
            self._timer.start()
        elif not running and self._timer.isActive():
            self._timer.stop()
            self.read()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.read()

    @Slot()
    def read(self) -> None:
        """Show the log as it stands; a reader who scrolled up stays there."""
        if self._run is None or not self.isVisible():
            return
        text = plain_log(self._run.log_tail())
        if text == self.text.toPlainText():
            return
        bar = self.text.verticalScrollBar()
        at_end, place = bar.value() >= bar.maximum() - 1, bar.value()
        self.text.setPlainText(text)
        bar.setValue(bar.maximum() if at_end else place)
