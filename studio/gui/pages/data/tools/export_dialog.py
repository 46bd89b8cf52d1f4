"""Export: in which form and format, and where."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QComboBox, QFileDialog, QFormLayout, QWidget

from studio.core.datasets import DatasetInfo
from studio.core.forms import forms_of
from studio.gui.language import mark, tr, translated
from studio.gui.pages.data.tools.tool import ToolDialog
from studio.jobs.background import BackgroundTask
from studio.storage.export import FORMATS, export_dataset
from studio.storage.project import Project


class ExportDialog(ToolDialog):
    """Asks, then writes the file in the background."""

    title = mark("Export")

    def __init__(self, project: Project, dataset: DatasetInfo, parent: QWidget | None = None) -> None:
        super().__init__(project, dataset, parent)
        self.about.setText(
            tr(
                "Writes {size} to a file that other programs read, and that imports as the same.",
                size=translated(dataset.size),
            )
        )
        self.form, self.ending = QComboBox(), QComboBox()
        for form in forms_of(dataset.kind_name):
            self.form.addItem(translated(form.label), form.name)
        for ending, label in FORMATS.items():
            self.ending.addItem(f"{label} ({ending})", ending)
        self.form.setAccessibleName(tr("Form"))
        self.ending.setAccessibleName(tr("File format"))
        rows = QFormLayout()
        rows.addRow(tr("Form"), self.form)
        rows.addRow(tr("File"), self.ending)
        self.body.addLayout(rows)
        self.go = self.primary(tr("Export…"), self._ask_where)
        self.resize(460, 0)

    @Slot()
    def _ask_where(self) -> None:
        ending = str(self.ending.currentData())
        start = str(Path.home() / f"{self.dataset.name}{ending}".replace("/", "-"))
        path, _ = QFileDialog.getSaveFileName(self, tr("Export the dataset"), start, f"{FORMATS[ending]} (*{ending})")
        if path:
            self.export(Path(path) if path.lower().endswith(ending) else Path(path + ending))

    def export(self, path: Path) -> None:
        """Write the file."""
        project, info, form = self.project, self.dataset, str(self.form.currentData())
        self.go.setEnabled(False)

        def work(task: BackgroundTask) -> str:
            count = export_dataset(project, info, path, form, task.report, task.is_cancelled)
            return tr("Exported {count} to “{path}”.", count=translated(info.kind.count(count)), path=path)

        self.start(work, self._written)

    @Slot(object)
    def _written(self, words: str) -> None:
        self.said.emit(words)
        self.close()
