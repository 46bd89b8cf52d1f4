"""Combine an adapter with others on the same base, by PEFT's ways, and see how alike two are, layer by layer."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QLineEdit, QPushButton, QTableWidget, QTableWidgetItem, QWidget

from studio.core.errors import StudioError
from studio.core.exporting import WAYS
from studio.gui import theme
from studio.gui.language import mark, tr, translated
from studio.gui.pages.models.panel import WorkPanel, choice, form_rows, row_of
from studio.gui.pages.models.parts_form import PartsForm
from studio.gui.widgets.plain_label import plain_label
from studio.jobs.background import BackgroundTask
from studio.processes.asking import Asking, Report
from studio.storage.library import Kind, LibraryModel, add_to_library, list_library
from studio.storage.new_folder import check_new
from studio.storage.project import Project

_ROWS = 12
_ALONE = mark("There is no other adapter on the same base model in this project. Train one, or add its folder.")


class CombinePanel(WorkPanel):
    """Signal: `combined(object Path)`: a new adapter's folder."""

    title = mark("Combine")
    combined = Signal(object)

    def __init__(self, project: Project, parent: QWidget | None = None) -> None:
        super().__init__(project, tr("combining"), parent)
        self.parts = PartsForm()
        self.way = choice(tr("Way to combine"))
        for name, words in WAYS.items():
            self.way.addItem(f"{name}: {translated(words)}", name)
        self.way.setCurrentIndex(self.way.findData("cat"))
        self.name = QLineEdit()
        self.name.setAccessibleName(tr("Name of the new adapter"))
        self.alone = plain_label(tr(_ALONE), "muted")
        self.compare, self.combine = QPushButton(tr("Compare")), QPushButton(tr("Combine"))
        theme.set_role(self.combine, "primary")
        self.told = plain_label(selectable=True)
        self.layers = QTableWidget(0, 4)
        self.layers.setAccessibleName(tr("The two adapters, layer by layer"))
        self.layers.setHorizontalHeaderLabels(
            [tr("Layer"), tr("Change by this"), tr("Change by the other"), tr("Alike (cosine)")]
        )
        self.layers.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.layers.setTabKeyNavigation(False)
        self.layers.setShowGrid(False)
        self.layers.verticalHeader().hide()
        self.rows = form_rows(
            (tr("Add up"), self.parts), (tr("Wa&y"), self.way), (tr("&Name of the new one"), self.name)
        )
        self.place(self.alone, self.rows, row_of(self.combine, self.compare), self.work, self.told, self.layers)
        self.column.addStretch()
        self.parts.changed.connect(self._offer)
        self.compare.clicked.connect(self._compare)
        self.combine.clicked.connect(self._combine)
        self.alone.hide()
        self.told.hide()
        self.layers.hide()

    def suits(self, model: LibraryModel) -> bool:
        """Adapters that write."""
        return model.kind is Kind.ADAPTER and model.folder.is_dir()

    def show_model(self, model: LibraryModel) -> None:
        """Offer the other adapters on its base."""
        if model != self._model:
            self._model = model
            self.notice.clear()
            self.told.hide()
            self.layers.hide()
        project = self._project

        def read(_task: BackgroundTask) -> object:
            known = list_library(project)
            others = [one for one in known if one.kind is Kind.ADAPTER and one.base == model.base and one != model]
            return model, [one for one in others if one.folder.is_dir()]

        BackgroundTask.begin(self, read, self._show_others, self.notice.show_error)

    @Slot(object)
    def _show_others(self, found: tuple[LibraryModel, list[LibraryModel]]) -> None:
        model, others = found
        if model != self._model:
            return
        self.parts.show_model(model, others)
        if not self.name.isModified():
            self.name.setText(tr("{name} and others", name=model.name))
        self.alone.setVisible(not others)
        for row in range(self.rows.rowCount()):
            self.rows.setRowVisible(row, bool(others))
        for button in (self.combine, self.compare):
            button.setVisible(bool(others))

    @Slot()
    def _compare(self) -> None:
        model = self._model
        if model is None or not self.parts.rows:
            return
        request = {"do": "compare", "adapters": [str(model.folder), str(self.parts.rows[0].model().folder)]}

        def compare(worker: Asking, report: Report) -> object:
            return worker.ask(request, "compared", report)

        self.begin("export", compare, self._show_layers)

    @Slot()
    def _combine(self) -> None:
        model = self._model
        if model is None or self.work.is_busy:
            return
        try:
            parts = [[str(part.folder), weight] for part, weight in self.parts.parts()]
            name = " ".join(self.name.text().replace("/", " ").replace("\\", " ").split()).strip(". ")
            if not name:
                raise StudioError("The new adapter has no name.", "Type one.")
            target = check_new(self._project.models / name)
        except StudioError as error:
            self.notice.show_error(error)
            return
        project = self._project
        way, base = self.way.currentData(), str(model.base)
        request = {"do": "combine", "base": base, "adapters": parts, "way": way, "target": str(target)}

        def combine(worker: Asking, report: Report) -> object:
            made = worker.ask(request, "combined", report)
            return add_to_library(project, Path(str(made["folder"])))

        self.begin("export", combine, self._take_combined)

    @Slot(object)
    def _show_layers(self, reply: dict[str, object]) -> None:
        layers: list[list[object]] = reply["layers"]  # type: ignore[assignment]
        first, second, cosine = (float(str(value)) for value in reply["whole"])  # type: ignore[attr-defined]
        self.told.setText(
            tr(
                "Over all layers: this one changes the weights by {first:.3g}, the other by {second:.3g} (norms), and "
                "they are alike by {cosine:+.3f} (cosine: 1 pulls the same way, 0 apart, -1 against each other).",
                first=first,
                second=second,
                cosine=cosine,
            )
        )
        self.told.show()
        self.layers.setRowCount(len(layers))
        for row, (name, *values) in enumerate(layers):
            texts = [str(name), *(f"{float(str(value)):.3g}" for value in values)]
            for place, text in enumerate(texts):
                self.layers.setItem(row, place, QTableWidgetItem(text))
        self.layers.resizeColumnsToContents()
        shown = min(len(layers), _ROWS)
        height = self.layers.horizontalHeader().sizeHint().height()
        self.layers.setFixedHeight(height + shown * self.layers.verticalHeader().defaultSectionSize() + 4)
        self.layers.show()

    @Slot(object)
    def _take_combined(self, folder: Path) -> None:
        self.told.setText(tr("Made: {folder}", folder=folder))
        self.told.show()
        self.combined.emit(folder)

    @Slot()
    def _offer(self) -> None:
        """Two can be compared; two or more combined."""
        count = len(self.parts.rows)
        self.combine.setEnabled(count > 0 and not self.work.is_busy)
        self.combine.setToolTip(self.why_not())
        self.compare.setEnabled(count == 1 and not self.work.is_busy)
        self.compare.setToolTip(self.why_not() if count == 1 else tr("Two can be compared: take the others out"))
