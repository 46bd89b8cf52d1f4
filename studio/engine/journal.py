"""The journal: what a worker says about its run, and how it hears that it should end."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from pathlib import Path
from types import FrameType
from typing import Any

from studio.core.events import Event
from studio.storage.runs import EventWriter, RunFolder, StopRequest
from studio.storage.tensorboard import TensorboardWriter


class Stopped(Exception):
    """The run is to end here, as was asked."""

    def __init__(self, request: StopRequest) -> None:
        super().__init__()
        self.request = request


class Journal:
    """Appends events to a run's file, each with the time. beside: what else they are written to, while it can be."""

    def __init__(self, path: Path, beside: TensorboardWriter | None = None) -> None:
        self._path, self._beside = path, beside
        self._lock = threading.Lock()  # lines come from two threads
        self._writer = EventWriter(path)

    def say(self, kind: str, **values: Any) -> None:
        """Append one event. Raises OSError, on a full disk above all."""
        self.pass_on(Event(kind, time.time(), values))

    def pass_on(self, event: Event) -> None:
        """Append an event that was made elsewhere. Raises OSError."""
        with self._lock:
            self._writer.write(event)
            if self._beside is not None:
                try:
                    self._beside.write(event)
                except OSError:  # no reason to end a run
                    self._beside.close()
                    self._beside = None

    def reopen(self) -> None:
        """Begin on a fresh line, after a write that may have been torn."""
        with self._lock:
            self._writer.close()
            self._writer = EventWriter(self._path)

    def close(self) -> None:
        """Close the files."""
        self._writer.close()
        if self._beside is not None:
            self._beside.close()


class StopBell:
    """Tells whether the run should end: by the request in its folder, or by a signal, which means stop and save."""

    def __init__(self, run: RunFolder) -> None:
        self.run = run
        self._signalled = False

    def listen(self) -> None:
        """Take over the signals that ask a process to end."""
        for name in ("SIGTERM", "SIGINT", "SIGBREAK"):
            number = getattr(signal, name, None)
            if number is not None:
                with contextlib.suppress(ValueError, OSError):  # not in the main thread: then only the request counts
                    signal.signal(number, self._on_signal)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._signalled = True

    def asked(self) -> StopRequest | None:
        """None while the run goes on; otherwise how it is to end."""
        wanted = self.run.stop_requested()
        if wanted is None and not self.run.folder.is_dir():
            return StopRequest(save=False)  # its folder was deleted: nobody waits for what it would make
        return StopRequest(save=True) if wanted is None and self._signalled else wanted

    def check(self) -> None:
        """Raise Stopped when the run should end."""
        wanted = self.asked()
        if wanted is not None:
            raise Stopped(wanted)
