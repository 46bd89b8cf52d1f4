"""Keeps the conversation that is shown: in the project's database, in a thread, a moment after something was said."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from studio.core.chat_sessions import ChatSession
from studio.jobs.background import BackgroundTask, wait_for_tasks
from studio.storage.chats import keep_chat
from studio.storage.project import Project

_SETTLE = 400  # ms


class SessionKeeper(QObject):
    """kept(int): the number of what was kept. failed(object). session: gives the conversation as it is now."""

    kept = Signal(int)
    failed = Signal(object)

    def __init__(self, project: Project, session: Callable[[], ChatSession], parent: QObject) -> None:
        super().__init__(parent)
        self._project, self._session = project, session
        self.identity = 0  # of the conversation that is shown; 0 until it was kept
        self._task: BackgroundTask | None = None
        self._again = False
        self._answer: list[int] = []  # the number that the task was given
        self._soon = QTimer(self, singleShot=True, interval=_SETTLE)
        self._soon.timeout.connect(self._keep)

    @Slot()
    def keep_soon(self) -> None:
        """Something was said or changed."""
        self._soon.start()

    def turn_to(self, identity: int) -> None:
        """Another conversation is shown from now on; what was to be kept of the former is kept first."""
        self.flush()
        self.identity = identity

    def drop(self) -> None:
        """The conversation that is shown was deleted: nothing of it is kept any more."""
        self._soon.stop()
        self._again = False
        self.flush()
        self.identity = 0

    def flush(self) -> None:
        """Keep what is to be kept, and wait for it."""
        if self._soon.isActive():
            self._soon.stop()
            self._keep()
        while self._task is not None:
            wait_for_tasks(self)
            self._collect()

    @Slot()
    def _keep(self) -> None:
        if self._task is not None:
            self._again = True
            return
        session = self._session()
        if session.is_empty and not self.identity:
            return
        # A copy: what is said while it is written is for the next time.
        text, identity, project, answer = session.to_json(), self.identity, self._project, self._answer

        def work(_task: BackgroundTask) -> None:
            frozen = ChatSession.from_json(text)
            frozen.identity = identity
            answer.append(keep_chat(project, frozen))

        self._task = BackgroundTask(work, self)
        self._task.failed.connect(self.failed)
        self._task.finished.connect(self._finish)
        self._task.start()

    @Slot()
    def _finish(self) -> None:
        if self._task is not None and self.sender() is self._task:
            self._collect()

    def _collect(self) -> None:
        """Take what the task has found."""
        self._task = None
        if self._answer:
            self.identity = self._answer.pop()
            self.kept.emit(self.identity)
        if self._again:
            self._again = False
            self._keep()
