"""The queue of a project as a file, `queue.json`: read by anyone, changed by one program at a time.

    {"format": 1, "held": "", "waiting": [{"run": "2026...", "worker": "none", "not_before": 0.0}, ...]}

A damaged file is an empty queue: the runs that waited in it stand in Runs, and nothing of them is lost.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

from filelock import FileLock, Timeout

from studio.core.errors import StudioError
from studio.core.queue import Queue, Waiting
from studio.storage.files import disk_trouble, write_whole
from studio.storage.runs import RunFolder

FORMAT = 1
_PATIENCE = 10.0  # seconds for another program to finish its change


class QueueFile:
    """The queue of the project in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._file, self._lock = folder / "queue.json", folder / "queue.lock"

    def read(self) -> Queue:
        """The queue as it stands."""
        try:
            parsed: Any = json.loads(self._file.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            return Queue()
        match parsed:
            case {"format": 1, "waiting": list(), "held": held}:
                entries = map(_entry, cast("list[Any]", parsed["waiting"]))
                return Queue(tuple(entry for entry in entries if entry), held if isinstance(held, str) else "")
            case _:
                return Queue()

    def add(self, run: RunFolder, not_before: float = 0.0) -> Queue:
        """Put a run at the end, or change the time of one that waits. Raises StudioError."""
        return self.change(lambda queue: queue.with_run(run.id, last_worker(run), not_before))

    def remove(self, run: RunFolder) -> Queue:
        """Take a run out. Raises StudioError."""
        return self.change(lambda queue: queue.without(run.id))

    def change(self, change: Callable[[Queue], Queue]) -> Queue:
        """Replace the queue by what `change` makes of it, with all other programs kept out. Raises StudioError."""
        try:
            with FileLock(self._lock, timeout=_PATIENCE):
                before = self.read()
                after = change(before)
                if after != before:
                    values = {"format": FORMAT, "held": after.held, "waiting": [asdict(e) for e in after.waiting]}
                    write_whole(self._file, json.dumps(values, indent=1) + "\n")
                return after
        except Timeout as error:
            raise StudioError("Another program has been changing the queue for a while.", "Try again.") from error
        except OSError as error:
            raise disk_trouble(error, self._file) from error


def last_worker(run: RunFolder) -> str:
    """Who worked on a run last, as an entry keeps it."""
    worker = run.worker()
    return f"{worker.pid}:{worker.created}" if worker else "none"


def _entry(value: Any) -> Waiting | None:
    match value:
        case {"run": str(run), "worker": str(worker), "not_before": int() | float() as not_before}:
            return Waiting(run, worker, float(not_before))
        case _:
            return None
