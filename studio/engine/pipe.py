"""The pipe of a worker that answers: requests come in as JSON lines on stdin, replies go out as JSON lines on stdout.

Both are private from the start: what a library prints goes to stderr, which is the worker's log. What requests and
replies mean is `core.conversation` and `core.preview`.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from studio.core.errors import StudioError


class Interrupted(Exception):
    """What is being worked on is no longer wanted."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request. `number` counts requests, so that a "stop" ends what came before it and nothing after."""

    number: int
    values: dict[str, Any]


class Pipe:
    """Requests and replies. Reading has a thread of its own, so that a stop is heard while an answer is written."""

    def __init__(self) -> None:
        self._in = os.fdopen(os.dup(0), "rb")
        self._out = os.fdopen(os.dup(1), "wb", buffering=0)
        nowhere = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nowhere, 0)
        os.close(nowhere)
        os.dup2(2, 1)
        self._requests: SimpleQueue[Request | None] = SimpleQueue()
        self._stopped_until = -1
        self._closed = False
        threading.Thread(target=self._read, name="requests", daemon=True).start()

    def requests(self) -> Iterator[Request]:
        """Requests in order, until standard input closes."""
        while (request := self._requests.get()) is not None:
            yield request

    def interrupted(self, request: Request) -> bool:
        """Whether the work on a request should end: it was stopped, or nobody is there any more."""
        return self._closed or request.number <= self._stopped_until

    def reply(self, kind: str, **values: Any) -> None:
        """Send a reply. When nobody reads any more the work ends at its next look at `interrupted`."""
        line = json.dumps({"reply": kind, **values}, ensure_ascii=False).encode("utf-8", "replace") + b"\n"
        try:
            while line:  # a pipe may take a long line in parts
                line = line[self._out.write(line) or 0 :]
        except OSError:
            self._close()

    def fail(self, error: StudioError, request_id: Any = None) -> None:
        """Send an error as a sentence."""
        self.reply("failed", id=request_id, what=error.what, hint=error.hint, details=error.details)

    def serve(self, handle: Callable[[Request], object]) -> int:
        """Say that everything is ready, then handle requests until standard input closes. Returns the exit code.

        What `handle` raises is sent as a sentence; Interrupted is no failure.
        """
        from studio.engine.failures import as_sentence

        self.reply("ready")
        for request in self.requests():
            try:
                handle(request)
            except Interrupted:
                continue
            except Exception as error:
                self.fail(as_sentence(error, Path.cwd()), request.values.get("id"))
        return 0

    def _read(self) -> None:
        number = 0
        try:
            for line in self._in:
                try:
                    values = json.loads(line)
                except (ValueError, RecursionError):
                    print(f"A request that is not JSON was skipped: {line[:200]!r}", file=sys.stderr)
                    continue
                if not isinstance(values, dict):
                    continue
                if values.get("do") == "stop":
                    self._stopped_until = number
                    continue
                number += 1
                self._requests.put(Request(number, values))
        except OSError as error:
            print(f"Standard input failed: {error}", file=sys.stderr)
        self._close()

    def _close(self) -> None:
        self._closed = True
        self._requests.put(None)
