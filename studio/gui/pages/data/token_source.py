"""Tokens of an example, asked of a worker that encodes with the code that trains.

The worker starts with the first request. At most one is under way: holding an arrow key down asks only for the row on
which it ends. A template may go round and round, so a worker that takes too long is ended, and the next request starts
another.
"""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal, Slot
from shiboken6 import isValid

from studio.core.errors import StudioError
from studio.core.preview import TokenPreview
from studio.jobs.service import WorkerService
from studio.storage.project import Project

_PATIENCE = 20_000  # ms for one example


class TokenSource(QObject):
    """`command` replaces the worker's, for tests. Of the signals only those of the newest request count.

    Signals: `asking(bool ready)` when a request goes out, `ready` false while the worker starts;
    `answered(object TokenPreview)`; `refused(object StudioError)` for this one request;
    `stopped(object StudioError or None)` when the worker has ended.
    """

    asking = Signal(bool)
    answered = Signal(object)
    refused = Signal(object)
    stopped = Signal(object)

    def __init__(self, project: Project, parent: QObject, command: list[str] | None = None) -> None:
        super().__init__(parent)
        self._project = project
        self._command = command
        self._service: WorkerService | None = None
        self._leaving: WorkerService | None = None  # a worker that was given up, while it ends
        self._ready = False
        self._wanted: dict[str, Any] | None = None
        self._asked: dict[str, Any] | None = None  # the request under way
        self.settled: dict[str, Any] | None = None  # the request that was answered last
        self._next = 0
        self._patience = QTimer(self)
        self._patience.setSingleShot(True)
        self._patience.setInterval(_PATIENCE)
        self._patience.timeout.connect(self._give_up)

    @property
    def started(self) -> bool:
        """Whether there is a worker."""
        return self._service is not None

    def want(self, request: dict[str, Any] | None) -> None:
        """Ask for this from now on (`core.preview` has the form), or for nothing."""
        self._wanted = request
        if request is None:
            self.settled = None
        self._go_on()

    def close_down(self) -> None:
        """End the worker and wait for the threads."""
        self._wanted = None  # nothing is asked any more, not even by a reply that is on its way
        if self._leaving is not None and isValid(self._leaving):
            self._leaving.wait()
        if self._service is not None:
            self._service.close(0.0)  # at once: it holds nothing, and while it starts it doesn't listen
            self._service.wait()
            self._service = None

    def _go_on(self) -> None:
        if self._wanted is None or self._asked is not None or self._wanted == self.settled:
            return  # the answer under way brings us back here
        service = self._service or self._start()
        if service is None:
            return
        self._asked = self._wanted
        self._next += 1
        service.send({**self._asked, "id": self._next})
        self._patience.start()
        self.asking.emit(self._ready)

    def _start(self) -> WorkerService | None:
        try:
            service = WorkerService("preview", self._project.logs / "preview.log", self, self._command)
        except StudioError as error:
            self.refused.emit(error)
            return None
        service.reply_arrived.connect(self._take_reply)
        service.ended.connect(self._take_end)
        service.finished.connect(service.deleteLater)
        service.start()
        self._service = service
        return service

    @Slot(dict)
    def _take_reply(self, reply: dict[str, Any]) -> None:
        if self.sender() is not self._service:
            return  # of a worker that was given up, and on its way since
        match reply.get("reply"):
            case "ready":
                self._ready = True
            case "preview" if reply.get("id") == self._next:
                if self._wanted is not None:
                    self.answered.emit(TokenPreview.from_reply(reply))
                self._settle()
            case "failed":
                if self._wanted is not None:
                    self.refused.emit(StudioError(*(str(reply.get(part, "")) for part in ("what", "hint", "details"))))
                self._settle()
            case _:
                pass

    def _settle(self) -> None:
        self._patience.stop()
        self.settled, self._asked = self._asked if self._wanted is not None else None, None
        self._go_on()

    @Slot()
    def _give_up(self) -> None:
        if self._asked is None or self._service is None or not self._ready:
            return
        self._leaving = self._service
        self._leaving.close()
        self._service, self._ready = None, False
        self.refused.emit(
            StudioError("The prompt template needs too long to write this example.", "Take loops out of it.")
        )
        self._settle()

    @Slot(object)
    def _take_end(self, error: StudioError | None) -> None:
        if self.sender() is not self._service:
            return
        self._patience.stop()
        self._service, self._asked, self.settled, self._ready = None, None, None, False
        self.stopped.emit(error)
