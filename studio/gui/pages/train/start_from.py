"""Where training begins: at the base model itself, or at the adapter that a finished run made on it.

The newest run of a method that usually comes before the chosen one is proposed, and it is said why.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QComboBox, QLabel, QVBoxLayout, QWidget

from studio.core.methods import METHODS, Method
from studio.core.runs import RunState
from studio.gui import theme
from studio.gui.language import mark, one_of, tr, translated
from studio.gui.when import when
from studio.jobs.runs import ProjectRuns, RunRecord
from studio.storage.models import ModelInfo, is_whole_model

_BASE = mark("The base model itself")


class StartFrom(QWidget):
    """What is chosen to begin at. Signal: `changed()`. A choice of the user's stays while it is listed."""

    changed = Signal()

    def __init__(self, runs: ProjectRuns, method: Method, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._runs, self._method = runs, method
        self._model: ModelInfo | None = None
        self._wanted: str | None = None  # the user's choice, as `adapter` gives it
        self._proposed: RunRecord | None = None
        self.combo = QComboBox()
        self.combo.setAccessibleName(tr("Start from"))
        self.combo.activated.connect(self._take_choice)
        self.about = QLabel()
        self.about.setTextFormat(Qt.TextFormat.PlainText)
        self.about.setWordWrap(True)
        theme.set_role(self.about, "muted")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self.combo)
        layout.addWidget(self.about)
        runs.list_changed.connect(self.refresh)
        runs.run_ended.connect(self.refresh)
        self.refresh()

    def adapter(self) -> str:
        """The folder of the adapter or whole model to go on from; empty for the base model itself."""
        record = self.record()
        return str(record.folder.result) if record else ""

    def record(self) -> RunRecord | None:
        """The run whose adapter is chosen."""
        return self.combo.currentData()

    def matters(self) -> bool:
        """Whether there is a choice, or something to say about it."""
        return self.combo.count() > 1 or bool(self._method.after and self._model)

    def show_for(self, method: Method, model: ModelInfo | None) -> None:
        """List the runs on another base model, or propose for another method."""
        self._method, self._model = method, model
        self.refresh()

    def choose(self, adapter: str) -> None:
        """Choose a result by its folder, as soon as it is listed; empty for the base model itself."""
        self._wanted = adapter
        self.refresh()

    @Slot()
    def refresh(self) -> None:
        """List the runs again."""
        found = [record for record in self._runs.records() if self._fits(record)]
        self._proposed = next((record for record in found if _method_of(record) in self._method.after), None)
        before = self.adapter()
        folders = ["", *(str(record.folder.result) for record in found)]
        proposed = str(self._proposed.folder.adapter) if self._proposed else ""
        chosen = self._wanted if self._wanted in folders else proposed
        self.combo.clear()
        self.combo.addItem(tr(_BASE), None)
        for record in found:
            made = when(record.id, date.today())
            self.combo.addItem(f"{record.name}, {made}" if made else record.name, record)
            about = f"{translated(METHODS[_method_of(record)].label)}: {record.folder.result}"
            self.combo.setItemData(self.combo.count() - 1, about, Qt.ItemDataRole.ToolTipRole)
        self.combo.setCurrentIndex(folders.index(chosen or ""))
        self.combo.setEnabled(bool(found))
        self._explain()
        if self.adapter() != before:
            self.changed.emit()

    def _fits(self, record: RunRecord) -> bool:
        recipe = record.recipe
        return (
            self._model is not None
            and recipe is not None
            and record.state is RunState.FINISHED
            and Path(recipe.base_model) == self._model.folder
            and recipe.how.talks
            and record.folder.is_sealed
        )

    @Slot(int)
    def _take_choice(self, _index: int) -> None:
        self._wanted = self.adapter()
        self._explain()
        self.changed.emit()

    def _explain(self) -> None:
        record, method = self.record(), self._method
        usual = one_of([f"“{translated(METHODS[name].label)}”" for name in method.after if name in METHODS])
        if usual and self._proposed is None:
            text = tr(
                "“{label}” usually comes after {usual}; this base model has no such run yet.",
                label=translated(method.label),
                usual=usual,
            )
        elif usual and record is self._proposed:
            text = tr(
                "Recommended: “{label}” usually comes after {usual}, so the newest such run is chosen.",
                label=translated(method.label),
                usual=usual,
            )
        elif usual and self._proposed:
            text = tr(
                "“{label}” usually comes after {usual}; the newest such run is “{name}”.",
                label=translated(method.label),
                usual=usual,
                name=self._proposed.name,
            )
        else:
            text = ""
        if record is not None and is_whole_model(record.folder.result):
            text = tr("{text} All of its weights were trained, so it takes the base model's place.", text=text).strip()
        elif record is not None:
            text = (
                tr(
                    "{text} A copy of its adapter is trained further, with that adapter's LoRA rank and alpha; or it "
                    "is merged into the base first.",
                    text=text,
                )
            ).strip()
        self.about.setText(text)
        self.about.setVisible(bool(text))


def _method_of(record: RunRecord) -> str:
    return record.recipe.method if record.recipe else ""
