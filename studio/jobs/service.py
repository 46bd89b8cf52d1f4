"""A chat or preview worker as signals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QThread, Signal

from studio.processes.service import CLOSE_GRACE, Kind, Service


class WorkerService(QThread):
    """Owns a chat or preview worker and reads it until it ends. Raises StudioError when it can't be started.

    reply_arrived(reply: dict). ended(error): a StudioError, or None when it was closed on purpose.
    """

    reply_arrived = Signal(dict)
    ended = Signal(object)

    def __init__(
        self, kind: Kind, log: Path, parent: QObject | None = None, command: Sequence[str] | None = None
    ) -> None:
        super().__init__(parent)
        self._service = Service(kind, log, command)

    def run(self) -> None:
        """The thread's body."""
        for reply in self._service.replies():
            self.reply_arrived.emit(reply)
        self.ended.emit(self._service.ending())

    def send(self, request: Mapping[str, Any]) -> bool:
        """Send a request; False when the worker is gone."""
        return self._service.send(request)

    def close(self, grace: float = CLOSE_GRACE) -> None:
        """End the worker, by force after so many seconds, and give its memory back; `ended(None)` follows."""
        self._service.close(grace)
