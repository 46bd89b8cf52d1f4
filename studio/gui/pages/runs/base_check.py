"""Whether the base model of a run is still what it was trained on; looked up in a thread, since weights are read."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Signal, Slot

from studio.jobs.background import BackgroundTask
from studio.jobs.runs import RunRecord
from studio.storage.fingerprints import changed_since


class BaseCheck(QObject):
    """checked(run id, sentence): the sentence is empty when nothing changed."""

    checked = Signal(str, str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._task: BackgroundTask | None = None
        self._run = ""

    def look(self, record: RunRecord) -> None:
        """Look at a run's base model, unless its worker never said what it was."""
        before = record.story.environment.get("base", "")
        if self._task is not None or record.recipe is None or not before:
            return
        folder, self._run = Path(record.recipe.base_model), record.id

        def compare(_task: BackgroundTask) -> str:
            return changed_since(folder, before)

        self._task = BackgroundTask(compare, self)
        self._task.succeeded.connect(self._tell)
        self._task.finished.connect(self._over)
        self._task.start()

    @Slot(object)
    def _tell(self, sentence: str) -> None:
        self.checked.emit(self._run, sentence)

    @Slot()
    def _over(self) -> None:
        if self._task is not None:
            self._task.deleteLater()
            self._task = None

    def close_down(self) -> None:
        """Wait for a look that is under way."""
        if self._task is not None:
            self._task.wait()
