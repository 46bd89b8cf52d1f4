"""A reward model to be chosen: a finished run of this project that made one, a folder elsewhere, or none."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QComboBox, QFileDialog, QLabel, QVBoxLayout, QWidget

from studio.core.runs import RunState
from studio.gui import theme
from studio.gui.language import tr
from studio.gui.when import when
from studio.jobs.runs import ProjectRuns, RunRecord
from studio.storage.models import ModelInfo

_FOLDER = "folder"


class JudgeModel(QWidget):
    """Signal: `changed()`. `name` is what it is chosen for, such as “Reward model”; `none` what no choice is called."""

    changed = Signal()

    def __init__(self, runs: ProjectRuns, name: str, none: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._runs, self._none = runs, none
        self._model: ModelInfo | None = None
        self._chosen, self._elsewhere = "", ""  # folders
        self._records: dict[str, RunRecord] = {}
        self.combo = QComboBox()
        self.combo.setAccessibleName(name)
        self.combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.combo.setMinimumContentsLength(20)
        self.combo.activated.connect(self._take)
        self.about = QLabel()
        self.about.setTextFormat(Qt.TextFormat.PlainText)
        self.about.setWordWrap(True)
        theme.set_role(self.about, "muted")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.combo)
        layout.addWidget(self.about)
        runs.list_changed.connect(self.refresh)
        runs.run_ended.connect(self.refresh)
        self.refresh()

    def folder(self) -> str:
        """The folder of the model that is chosen; empty for none."""
        return self._chosen

    def choose(self, folder: str) -> None:
        """Choose a folder, or none."""
        self._chosen = folder
        if folder and folder not in self._records:
            self._elsewhere = folder
        self.refresh()
        self.changed.emit()

    def show_for(self, model: ModelInfo | None) -> None:
        """Tell what fits another base model."""
        self._model = model
        self.refresh()

    @Slot()
    def refresh(self) -> None:
        """List the runs again; the choice stays while it is there."""
        found = [record for record in self._runs.records() if _is_judge(record)]
        self._records = {str(record.folder.result): record for record in found}
        if self._chosen and self._chosen not in self._records and self._chosen != self._elsewhere:
            self._chosen = ""
            self.changed.emit()
        self.combo.clear()
        self.combo.addItem(self._none, "")
        for folder, record in self._records.items():
            made = when(record.id, date.today())
            self.combo.addItem(f"{record.name}, {made}" if made else record.name, folder)
        if self._elsewhere and self._elsewhere not in self._records:
            self.combo.addItem(Path(self._elsewhere).name, self._elsewhere)
        self.combo.addItem(tr("Choose a folder…"), _FOLDER)
        self.combo.setCurrentIndex(max(0, self.combo.findData(self._chosen)))
        self._explain()

    @Slot(int)
    def _take(self, index: int) -> None:
        wanted = self.combo.itemData(index)
        if wanted == _FOLDER:
            wanted = QFileDialog.getExistingDirectory(self, tr("Choose a reward model's folder")) or self._chosen
        self.choose(wanted)

    def _explain(self) -> None:
        record = self._records.get(self._chosen)
        if not self._chosen:
            text = "" if self._records else tr("No run of this project has made a reward model yet (“Learn to judge”).")
        elif record is None or record.recipe is None:
            text = self._chosen
        elif self._model is not None and Path(record.recipe.base_model) == self._model.folder:
            text = tr("An adapter on the same base model, so it needs hardly any memory of its own.")
        else:
            text = tr(
                "Made on another base model ({name}), which is loaded beside. Both must have the same tokenizer.",
                name=Path(record.recipe.base_model).name,
            )
        self.about.setText(text)
        self.about.setVisible(bool(text))


def _is_judge(record: RunRecord) -> bool:
    recipe = record.recipe
    return (
        recipe is not None
        and recipe.method == "reward"
        and record.state is RunState.FINISHED
        and record.folder.is_sealed
    )
