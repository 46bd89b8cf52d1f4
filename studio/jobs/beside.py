"""A thread that owns a worker beside the window, and keeps what the worker says in the project piece by piece, so that
nothing is lost whenever either ends. What is asked of the worker is each subclass's own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from PySide6.QtCore import QObject, QThread, Signal

from studio.core.errors import StudioError
from studio.processes.service import Kind, Service
from studio.storage.project import Project


class Beside(QThread):
    """A thread with a worker.

    progressed(int done, int total); said(str), what it does. came(): something new is kept. failed(object StudioError):
    the work ended; `troubled(object StudioError)`: one piece of it was left out.
    """

    progressed = Signal(int, int)
    said = Signal(str)
    came = Signal()
    failed = Signal(object)
    troubled = Signal(object)

    def __init__(self, kind: Kind, project: Project, parent: QObject | None, command: Sequence[str] | None) -> None:
        super().__init__(parent)
        self._project = project
        self._kind: Kind = kind
        self._command = command
        self._service: Service | None = None
        self._stopped = False

    def stop(self) -> None:
        """End it and give its memory back. What is written already is kept."""
        self._stopped = True
        if self._service is not None:
            self._service.close()

    def run(self) -> None:
        """The thread's body."""
        try:
            service = self._service = Service(self._kind, self._project.logs / f"{self._kind}.log", self._command)
            if self._stopped:
                service.close()
            self.said.emit("Starting…")
            try:
                self._work(service, service.replies())
            except BaseException:
                service.close()
                service.ending()
                raise
            ended = service.ending()
            if ended is not None:
                raise ended
        except StudioError as error:
            if not self._stopped:
                self.failed.emit(error)

    def _work(self, service: Service, replies: Iterator[dict[str, Any]]) -> None:
        """Talk to the worker until there is no more to do; then close it."""
        raise NotImplementedError

    def _hear(self, reply: Mapping[str, Any]) -> None:
        """Take what every worker says alike. Raises StudioError when it can't go on."""
        match reply:
            case {"reply": "loading", "what": what}:
                self.said.emit(f"Loading {what}…")
            case {"reply": "failed"}:
                error = StudioError(*(str(reply.get(key) or "") for key in ("what", "hint", "details")))
                if reply.get("id") is None:
                    raise error
                self.troubled.emit(error)
            case _:
                pass
