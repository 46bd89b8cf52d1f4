"""Finding records of a dataset in the background: the first ones at once, the others in growing parts."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from studio.core.datasets import DatasetInfo
from studio.core.errors import Cancelled
from studio.core.filters import Filter
from studio.jobs.background import BackgroundTask
from studio.storage.project import Project
from studio.storage.search import find

_FIRST, _REST = 200, 50_000  # ids at a time: a screenful, then few interruptions of the window


class RecordFinder(BackgroundTask):
    """Finds what a filter asks for. Signals, beside those of a background task: `found(object list of ids)`, in order.

    `succeeded` follows the last of them.
    """

    found = Signal(object)

    def __init__(self, project: Project, dataset: DatasetInfo, wanted: Filter, parent: QObject | None = None) -> None:
        super().__init__(self._find, parent)
        self._search = project, dataset, wanted

    def _find(self, _task: BackgroundTask) -> None:
        after: int | None = -1
        count = _FIRST
        while after is not None:
            if self.is_cancelled():
                raise Cancelled
            ids, after = find(*self._search, after, count)
            if ids:
                self.found.emit(ids)
                count = _REST
