"""Work with a worker that is asked and waited for, in a thread: with progress, and a cancel that ends it at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject

from studio.core.errors import Cancelled
from studio.jobs.background import BackgroundTask
from studio.processes.asking import Asking, Report
from studio.processes.service import Kind


class WorkerTask(BackgroundTask):
    """Runs `work(worker, report)` in a thread over a worker of its own. Signals and `start` are BackgroundTask's."""

    def __init__(
        self, kind: Kind, log: Path, work: Callable[[Asking, Report], object], parent: QObject | None = None
    ) -> None:
        super().__init__(lambda task: self._ask(), parent)
        self._kind: Kind = kind
        self._log, self._use = log, work
        self._changing = threading.Lock()
        self._worker: Asking | None = None

    def _ask(self) -> object:
        with self._changing:
            if self.is_cancelled():
                raise Cancelled
            self._worker = Asking(self._kind, self._log)
            self._worker.__enter__()
        try:
            return self._use(self._worker, self.report)
        finally:
            with self._changing:
                self._worker.__exit__()
                self._worker = None

    def cancel(self) -> None:
        """End the work and its worker."""
        super().cancel()
        with self._changing:
            if self._worker is not None:
                self._worker.stop()
