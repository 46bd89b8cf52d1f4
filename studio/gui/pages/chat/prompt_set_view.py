"""A set of prompts goes through the panes' models: the title and the way back, what is asked first (which prompts, and
what that will be), and what comes of it. What comes of it is of those who build on this."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from studio.core.conversation import Sampling
from studio.core.errors import StudioError
from studio.gui import theme
from studio.gui.language import tr
from studio.gui.pages.chat.prompt_run import PromptRun, Task
from studio.gui.pages.chat.prompt_source import PromptSource
from studio.gui.pages.chat.worker import ChatWorker
from studio.storage.project import Project

How = Mapping[str, tuple[Sampling, str]]
SET_UP = 0  # the stack's first page


class PromptSetView(QWidget):
    """left(): back to chat. failed(object). how: gives, for the panes that there are, how each is asked; raises
    StudioError. load: has their models loaded if they aren't."""

    left = Signal()
    failed = Signal(object)

    def __init__(self, project: Project, worker: ChatWorker, how: Callable[[], How], load: Callable[[], bool]) -> None:
        super().__init__()
        self._how, self._load = how, load
        self.run = PromptRun(worker, self)
        self.source = PromptSource(project)
        self.start = QPushButton()
        theme.set_role(self.start, "primary")
        self.start.clicked.connect(self.begin)
        self.leave = QPushButton(tr("Back to chat"))
        theme.set_role(self.leave, "quiet")
        self.leave.clicked.connect(self._leave)
        self.stack = QStackedWidget()

    def lay_out(self, title: str, about: str, start: str, *pages: QWidget) -> None:
        """Call once: the view's name, what it does, the word that starts it, and the pages that follow."""
        self.start.setText(start)
        name, explanation = QLabel(title), QLabel(about)
        theme.set_role(name, "title")
        explanation.setWordWrap(True)
        set_up = QWidget()
        column = QVBoxLayout(set_up)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(explanation)
        column.addWidget(self.source)
        column.addWidget(self.start, alignment=Qt.AlignmentFlag.AlignLeft)
        column.addStretch()
        for page in (set_up, *pages):
            self.stack.addWidget(page)
        head = QHBoxLayout()
        head.addWidget(name)
        head.addStretch()
        head.addWidget(self.leave)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(12)
        layout.addLayout(head)
        layout.addWidget(self.stack, 1)

    @Slot()
    def begin(self) -> None:
        """Ask what is set up, if it can be asked."""
        try:
            how = self._how()
            tasks = self.tasks(how, self.source.prompts())
        except StudioError as error:
            self.failed.emit(error)
            return
        self._load()
        self.run.begin(tasks, how)
        self.stack.setCurrentIndex(SET_UP + 1)
        self.begun()

    def tasks(self, how: How, prompts: list[str]) -> list[Task]:
        """Which panes are asked what. Raises StudioError when that can't be."""
        raise NotImplementedError

    def begun(self) -> None:
        """The first prompt is asked; the page of what comes of it is shown."""
        raise NotImplementedError

    def close_down(self) -> None:
        """Ask no more."""
        self.run.stop()

    @Slot()
    def show_set_up(self) -> None:
        """Choose prompts, with the datasets that there are now."""
        self.run.stop()
        self.source.list_again()
        self.stack.setCurrentIndex(SET_UP)

    @Slot()
    def _leave(self) -> None:
        self.run.stop()
        self.left.emit()
