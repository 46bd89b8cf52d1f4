"""A worker that answers (chat, preview and more): JSON lines over its stdin and stdout, its stderr in a log file.

Its life hangs on the pipe: it ends when its standard input closes, also when this process is killed.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Literal, cast

from studio.core.errors import StudioError
from studio.processes.launch import start_worker, worker_command
from studio.storage.files import disk_trouble, tail_of

Kind = Literal["chat", "preview", "answers", "candidates", "judge", "hub", "export", "evaluate", "serve"]
CLOSE_GRACE = 3.0


class Service:
    """A running worker. One thread reads `replies`; any thread may `send` and `close`."""

    def __init__(self, kind: Kind, log: Path, command: Sequence[str] | None = None) -> None:
        """Start it. Raises StudioError."""
        self._log = log
        self._closing = False
        self._sending = threading.Lock()
        try:
            log.parent.mkdir(parents=True, exist_ok=True)
            with log.open("wb") as file:
                self._process: subprocess.Popen[bytes] = start_worker(
                    command or worker_command(kind), log=file, talks=True
                )
        except OSError as error:
            raise disk_trouble(error, log) from error

    def send(self, request: Mapping[str, Any]) -> bool:
        """Send a request; False when the worker is gone."""
        line = json.dumps(request, ensure_ascii=False).encode("utf-8", "replace") + b"\n"
        pipe = self._process.stdin
        assert pipe is not None
        with self._sending:
            try:
                pipe.write(line)
                pipe.flush()
            except (OSError, ValueError):
                return False
        return True

    def replies(self) -> Iterator[dict[str, Any]]:
        """Replies until the worker ends. Lines that are no JSON objects are skipped; bytes that are no characters are
        shown as such."""
        pipe = self._process.stdout
        assert pipe is not None
        while line := _next_line(pipe):
            with contextlib.suppress(ValueError, RecursionError):
                parsed = json.loads(line.decode("utf-8", "replace"))
                if isinstance(parsed, dict):
                    yield cast("dict[str, Any]", parsed)

    def close(self, grace: float = CLOSE_GRACE) -> None:
        """Ask the worker to end by closing its input; kill it when it does not within so many seconds."""
        self._closing = True
        pipe = self._process.stdin
        assert pipe is not None
        with contextlib.suppress(OSError, ValueError):
            pipe.close()
        threading.Thread(target=self._bury, args=(grace,), name="service-end", daemon=True).start()

    def _bury(self, grace: float) -> None:
        try:
            self._process.wait(grace)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:  # nobody may be left who reads it to its end
            self._process.stdout.close()

    def ending(self) -> StudioError | None:
        """After `replies` has ended: why, or None when it was closed on purpose."""
        code = self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        if self._closing:
            return None
        tail = tail_of(self._log)
        lines = [line.strip() for line in tail.splitlines() if line.strip()]
        said = f" Its last words were: “{lines[-1][:300]}”." if lines else ""
        how = f"by signal {-code}" if code < 0 else f"with exit code {code}"
        return StudioError(f"The model process ended {how}.{said}", "Start it again.", tail)


def _next_line(pipe: IO[bytes]) -> bytes:
    """The next line; empty at the end, and when the pipe was closed meanwhile."""
    try:
        return pipe.readline()
    except ValueError:
        return b""
