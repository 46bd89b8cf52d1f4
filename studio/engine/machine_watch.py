"""Says every few seconds what the run uses of the machine, from a thread that costs training next to nothing."""

from __future__ import annotations

import threading
from types import TracebackType

from studio.engine.journal import Journal
from studio.storage.machine_use import MachineMeter

EVERY = 5.0  # seconds


class MachineWatch:
    """Says `machine` events while it is entered."""

    def __init__(self, journal: Journal, every: float = EVERY) -> None:
        self._journal, self._every = journal, every
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="machine watch", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join(self._every)

    def _watch(self) -> None:
        try:
            meter = MachineMeter()
            while not self._over.wait(self._every):
                self._journal.say("machine", **{name: round(value, 1) for name, value in meter.read().items()})
        except Exception:
            return  # a full disk is said by who trains; figures are a courtesy, never a reason to fail
