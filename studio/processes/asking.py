"""A worker that is asked one thing after the other and waited for: what the command line does with it, and a thread."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

from studio.core.errors import Cancelled, StudioError
from studio.processes.service import Kind, Service

Report = Callable[[int, int, str], None]  # done, total, what


def _quiet(_done: int, _total: int, _what: str) -> None:
    pass


class Asking:
    """The worker. Use as a context: it ends with it. `stop` may be called by any thread."""

    def __init__(self, kind: Kind, log: Path) -> None:
        self._kind: Kind = kind
        self._log = log
        self._number = 0
        self._stopped = False

    def __enter__(self) -> Self:
        self._service = Service(self._kind, self._log)
        self._replies = self._service.replies()
        return self

    def __exit__(self, *_: object) -> None:
        self._service.close()
        self._service.ending()  # waits for its end, and closes the pipe

    def stop(self) -> None:
        """End what is being worked on, and the worker: `ask` then raises Cancelled."""
        self._stopped = True
        self._service.close()

    def ask(self, request: Mapping[str, Any], wanted: str, report: Report = _quiet) -> dict[str, Any]:
        """Send a request; the reply of that kind. Raises StudioError, and Cancelled when it was stopped."""
        self._number += 1
        self._service.send({**request, "id": self._number})
        for reply in self._replies:
            match reply:
                case {"reply": "failed"}:
                    what, hint = str(reply.get("what")), str(reply.get("hint", ""))
                    raise StudioError(what, hint, str(reply.get("details", "")))
                case {"reply": "progress", "done": int(done), "total": int(total)}:
                    report(done, total, str(reply.get("what", "")))
                case _ if reply.get("reply") == wanted:
                    return reply
                case _:
                    pass
        ending = self._service.ending()
        if self._stopped:
            raise Cancelled
        raise ending or StudioError("The model process ended.", "Start it again.")
