"""The queue of the open project, looked after in a thread: turns are taken, and what the window asks is done, there."""

from __future__ import annotations

from collections.abc import Callable
from queue import Empty, SimpleQueue

from PySide6.QtCore import QObject, QThread, Signal, Slot

from studio.core.errors import StudioError
from studio.core.queue import Queue
from studio.processes.queue import Command, take_turn
from studio.storage.project import Project
from studio.storage.queue import QueueFile
from studio.storage.runs import RunFolder

_LOOK_EVERY = 1.0  # seconds
_NAP = 0.1  # seconds: how long the thread may take to see that it is asked to end
PAUSED = "a run was paused to free its memory."
ASKED = "you asked for it."

_Change = Callable[[QueueFile], Queue]


class QueueKeeper(QThread):
    """Takes the queue's turns and makes the changes given to `do`, one after another.

    queue_read(Queue): it changed, whoever changed it. turn_taken(Turn): a run was started. failed(StudioError).
    """

    queue_read = Signal(object)
    turn_taken = Signal(object)
    failed = Signal(object)

    def __init__(self, project: Project, command: Command | None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._project, self._command = project, command
        self._asked: SimpleQueue[_Change] = SimpleQueue()
        self._known: Queue | None = None

    def do(self, change: _Change) -> None:
        """Have a change made soon; called from the window's thread."""
        self._asked.put(change)

    def run(self) -> None:
        """The thread's body."""
        waited = _LOOK_EVERY
        while not self.isInterruptionRequested():
            try:
                change = self._asked.get(timeout=_NAP)
            except Empty:
                change = None
            waited += _NAP
            if change is not None or waited >= _LOOK_EVERY:
                waited = 0.0
                self._look(change)

    def _look(self, change: _Change | None) -> None:
        file = QueueFile(self._project.folder)
        try:
            if change is not None:
                change(file)
            turn = take_turn(self._project, self._command)
        except StudioError as error:
            self.failed.emit(error)
            return
        if turn is not None:
            self.turn_taken.emit(turn)
        queue = file.read()
        if queue != self._known:
            self._known = queue
            self.queue_read.emit(queue)


class ProjectQueue(QObject):
    """The queue as the window knows it. Whatever is asked of it is done a moment later.

    changed(): `queue` is another one. turn_taken(Turn): a run was started. failed(StudioError).
    """

    changed = Signal()
    turn_taken = Signal(object)
    failed = Signal(object)

    def __init__(self, project: Project, command: Command | None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.queue = Queue()
        self._keeper = QueueKeeper(project, command, self)
        self._keeper.queue_read.connect(self._take_queue)
        self._keeper.turn_taken.connect(self.turn_taken)
        self._keeper.failed.connect(self.failed)
        self._keeper.start(QThread.Priority.LowPriority)

    def add(self, run: RunFolder, not_before: float = 0.0) -> None:
        """Put a run at the end, not to be started before a moment."""
        self._keeper.do(lambda file: file.add(run, not_before))

    def remove(self, run_id: str) -> None:
        """Take a run out; it stays in Runs."""
        self._keeper.do(lambda file: file.change(lambda queue: queue.without(run_id)))

    def move(self, run_id: str, place: int) -> None:
        """Put a run at another place."""
        self._keeper.do(lambda file: file.change(lambda queue: queue.moved(run_id, place)))

    def hold(self, why: str = ASKED) -> None:
        """Start nothing until `go_on`."""
        self._keeper.do(lambda file: file.change(lambda queue: queue.on_hold(why)))

    def go_on(self) -> None:
        """Start runs again."""
        self.hold("")

    def close(self) -> None:
        """Stop looking after it and wait for the thread."""
        self._keeper.requestInterruption()
        self._keeper.wait()

    @Slot(object)
    def _take_queue(self, queue: Queue) -> None:
        self.queue = queue
        self.changed.emit()
