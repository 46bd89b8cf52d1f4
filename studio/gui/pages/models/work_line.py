"""What a panel has under way: a bar, what is being done, and Cancel. Hidden while nothing is."""

from __future__ import annotations

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QPushButton, QWidget

from studio.gui.language import tr, translated
from studio.gui.widgets.plain_label import plain_label
from studio.jobs.background import BackgroundTask


class WorkLine(QWidget):
    """Follows one task at a time. `over()`: the task has ended, however."""

    over = Signal()

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._task: BackgroundTask | None = None
        self.bar = QProgressBar(textVisible=False)
        self.bar.setAccessibleName(tr("Progress: {name}", name=name))
        self.bar.setMaximumWidth(320)
        self.what = plain_label("", "muted")
        self.stop = QPushButton(tr("Cancel"))
        self.stop.setAccessibleName(tr("Cancel: {name}", name=name))
        self.stop.clicked.connect(self.cancel)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.bar, 1)
        layout.addWidget(self.what, 1)
        layout.addWidget(self.stop)
        self.hide()

    @property
    def is_busy(self) -> bool:
        """Whether a task is under way."""
        return self._task is not None

    def follow(self, task: BackgroundTask) -> None:
        """Show a task that is about to start, and start it."""
        self._task = task
        task.progressed.connect(self._show_progress)
        task.finished.connect(self._end)
        self.bar.setRange(0, 0)
        self.what.setText(tr("Starting…"))
        self.stop.setEnabled(True)
        self.stop.setToolTip("")
        self.show()
        task.start()

    @Slot()
    def cancel(self) -> None:
        """Ask the task to end."""
        if self._task is not None:
            self.stop.setEnabled(False)
            self.stop.setToolTip(tr("Cancelling…"))
            self.what.setText(tr("Cancelling…"))
            self._task.cancel()

    @Slot(int, int, str)
    def _show_progress(self, done: int, total: int, what: str) -> None:
        self.bar.setRange(0, total)
        self.bar.setValue(done)
        if self.stop.isEnabled():
            self.what.setText(translated(what))

    @Slot()
    def _end(self) -> None:
        self._task = None
        self.hide()
        self.over.emit()
