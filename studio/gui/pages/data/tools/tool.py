"""What all tools share: a dialog over one dataset, with work in the background, its progress and its cancelling."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QSize, Qt, Signal, Slot
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

from studio.core.datasets import DatasetInfo
from studio.gui import theme
from studio.gui.language import tr
from studio.jobs.background import BackgroundTask, end_tasks
from studio.storage.project import Project

_PARTS = 1000


class ToolDialog(QDialog):
    """Signals: `changed(object DatasetInfo)` after a change of it, or for a new one; `made(object DatasetInfo, str
    said)` for a new one that is taken back by deleting it; `failed(object Exception)`; `said(str)`. A tool names itself
    in `title`, fills `body` and `buttons`, and does its work with `start`."""

    title = ""
    changed = Signal(object)
    made = Signal(object, str)
    failed = Signal(object)
    said = Signal(str)

    def __init__(self, project: Project, dataset: DatasetInfo, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(f"{tr(self.title)} · {dataset.name}")
        self.project, self.dataset = project, dataset
        self._task: BackgroundTask | None = None
        self._changes = False
        self._then = ""  # the method that takes its answer
        self.about = QLabel()
        self.about.setTextFormat(Qt.TextFormat.PlainText)
        self.about.setWordWrap(True)
        self.bar = QProgressBar()
        self.bar.setAccessibleName(tr("Progress"))
        self.bar.hide()
        self.body, self.buttons = QVBoxLayout(), QHBoxLayout()
        self.body.setSpacing(12)
        self.close_button = QPushButton(tr("Close"))
        self.close_button.clicked.connect(self.close)
        self.buttons.addStretch()
        self.buttons.addWidget(self.close_button)
        layout = QVBoxLayout(self)
        layout.setSpacing(12)
        layout.addWidget(self.about)
        layout.addLayout(self.body, 1)
        layout.addWidget(self.bar)
        layout.addLayout(self.buttons)

    def take_room(self, width: int, height: int) -> None:
        """This size, or what the screen has room for."""
        self.resize(QSize(width, height).boundedTo(self.screen().availableSize() - QSize(16, 48)))

    def primary(self, words: str, slot: Callable[[], Any]) -> QPushButton:
        """The button of what the tool is for, at the right."""
        button = QPushButton(words)
        theme.set_role(button, "primary")
        button.clicked.connect(slot)
        self.buttons.addWidget(button)
        return button

    def start(self, work: Callable[[BackgroundTask], object], done: Callable[[Any], None]) -> None:
        """Work in the background; `done` is a method of this dialog. What was under way is given up."""
        if self._task is not None:
            self._task.cancel()
        self._then = done.__name__  # a bound method kept here would be a cycle
        self.bar.setRange(0, 0)
        self.bar.show()
        self._task = BackgroundTask(work, self)
        self._task.progressed.connect(self._show_progress)
        self._task.succeeded.connect(self._take)
        self._task.failed.connect(self._take_failure)
        self._task.cancelled.connect(self._end)
        self._task.start()

    def change(self, work: Callable[[BackgroundTask], object], done: Callable[[Any], None]) -> None:
        """Change the dataset by work that can't be given up: until `done`, which closes the dialog, nothing else can be
        begun, nor the dialog left, whose page would not know of the change."""
        for button in self.findChildren(QPushButton):
            button.setEnabled(False)
            button.setToolTip(tr("The dataset is being changed"))
        self._changes = True
        self.start(work, done)

    @Slot(object)
    def _take(self, answer: object) -> None:
        if self.sender() is self._task:
            self._end()
            getattr(self, self._then)(answer)

    @Slot(object)
    def _take_failure(self, error: Exception) -> None:
        if self.sender() is self._task:
            self._fail(error)

    @Slot(int, int, str)
    def _show_progress(self, done: int, total: int, note: str) -> None:
        self.bar.setRange(0, _PARTS if total else 0)
        self.bar.setValue(done * _PARTS // total if total else 0)

    @Slot()
    def _end(self) -> None:
        if self._task is None or self._task.is_over:  # else another one was begun
            self.bar.hide()

    def _fail(self, error: Exception) -> None:
        self._end()
        self.failed.emit(error)
        self.close()

    def showEvent(self, event: QShowEvent) -> None:
        """The first thing to choose has the focus, and Close comes after all of them."""
        super().showEvent(event)
        inside = self.inside()
        if inside and not event.spontaneous():
            QWidget.setTabOrder(inside[-1], self.close_button)
            next((part for part in inside if part.isVisible() and part.isEnabled()), self.close_button).setFocus()

    def inside(self) -> list[QWidget]:
        """What takes keys between the head and the buttons, as it was put in."""
        return [
            part
            for part in self.findChildren(QWidget)
            if part.window() is self and part.focusPolicy() & Qt.FocusPolicy.TabFocus and self.buttons.indexOf(part) < 0
        ]

    def done(self, result: int) -> None:
        """Nothing goes on unseen, however the dialog is left."""
        if self._changes and self._task is not None and not self._task.is_over:
            return
        end_tasks(self)
        super().done(result)
