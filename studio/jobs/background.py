"""Work in a thread, as signals: progress, an answer, an error, or silence when it was cancelled."""

from __future__ import annotations

import time
from collections.abc import Callable

from PySide6.QtCore import QCoreApplication, QEvent, QObject, QThread, Signal, SignalInstance, Slot

from studio.core.errors import Cancelled

_LARGEST = 2**31 - 1  # what a signal's int holds; a file can have more bytes
_REPORT_EVERY = 0.05  # seconds; a report for each of a million rows would only fill the window's queue


class BackgroundTask(QThread):
    """Runs `work(task)` in a thread. Connect the signals to methods marked @Slot, then call `start`.

    progressed(done, total, note): total is 0 while it is unknown. succeeded(answer). failed(exception).
    cancelled(): the work raised Cancelled.

    One with a parent is gone when it is over: whoever keeps it asks `is_over` and calls `cancel`, nothing else. What an
    earlier one answers may come after a later one was begun: a slot can tell by `sender()`.
    """

    progressed = Signal(int, int, str)
    succeeded = Signal(object)
    failed = Signal(object)
    cancelled = Signal()

    def __init__(self, work: Callable[[BackgroundTask], object], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._work = work
        self._reported = 0.0
        self.is_over = False  # once its answer or error is told; the thread may take a moment longer
        for told in (self.succeeded, self.failed, self.cancelled, self.finished):
            told.connect(self._end)  # before all others
        if parent is not None:
            self.finished.connect(self._leave)

    @staticmethod
    def begin(
        owner: QObject,
        work: Callable[[BackgroundTask], object],
        succeeded: Callable[..., object] | SignalInstance,
        failed: Callable[..., object] | SignalInstance,
    ) -> BackgroundTask:
        """Start work whose answer or error goes to slots or signals; `owner` holds it."""
        task = BackgroundTask(work, owner)
        task.succeeded.connect(succeeded)
        task.failed.connect(failed)
        task.start()
        return task

    def run(self) -> None:
        """The thread's body."""
        try:
            answer = self._work(self)
        except Cancelled:
            self.cancelled.emit()
        except Exception as error:
            self.failed.emit(error)
        else:
            self.succeeded.emit(answer)

    def report(self, done: int, total: int = 0, note: str = "") -> None:
        """Tell how far the work is; called by the work."""
        moment = time.monotonic()
        if moment - self._reported >= _REPORT_EVERY or done == total:
            self._reported = moment
            scale = total // _LARGEST + 1
            self.progressed.emit(done // scale, total // scale, note)

    def cancel(self) -> None:
        """Ask the work to end; it sees `is_cancelled` and raises Cancelled."""
        if not self.is_over:
            self.requestInterruption()

    def is_cancelled(self) -> bool:
        """Whether `cancel` was called; asked by the work."""
        return self.isInterruptionRequested()

    @Slot()
    def _end(self) -> None:
        self.is_over = True

    @Slot()
    def _leave(self) -> None:
        self.wait()  # until all have been told that it finished: of one that is gone, `sender()` is None
        self.deleteLater()


def wait_for_tasks(owner: QObject) -> None:
    """Wait for all work that belongs to `owner`, or to what it holds; it should be short."""
    for task in owner.findChildren(BackgroundTask):
        task.wait()


def end_tasks(owner: QObject) -> None:
    """Close `owner`: ask all work that belongs to it, or to what it holds, to end, and wait for it. What it has found
    isn't told any more."""
    for task in owner.findChildren(BackgroundTask):
        task.cancel()
    wait_for_tasks(owner)
    drop_answers(owner)
    for task in owner.findChildren(BackgroundTask):
        task.is_over = True
        task.deleteLater()


def drop_answers(owner: QObject) -> None:
    """Let nothing arrive that other threads have sent to `owner`, or to what it holds, up to now.

    It is being closed: an answer could begin another thread, which nobody would wait for.
    """
    for one in (owner, *owner.findChildren(QObject)):
        QCoreApplication.removePostedEvents(one, QEvent.Type.MetaCall.value)
