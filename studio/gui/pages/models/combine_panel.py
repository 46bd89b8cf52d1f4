"""Combine an adapter with another on the same base, by PEFT's ways, and see how alike the two are, layer by layer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import (
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from studio.core.errors import StudioError
from studio.core.exporting import WAYS
from studio.gui import theme
from studio.gui.language import mark, tr, translated
from studio.gui.pages.models.panel import Panel
from studio.gui.pages.models.work_line import WorkLine
from studio.gui.widgets.notice import Notice
from studio.jobs.asking import WorkerTask
from studio.jobs.background import BackgroundTask, end_tasks
from studio.processes.asking import Asking, Report
from studio.storage.library import Kind, LibraryModel, add_to_library, list_library
from studio.storage.project import Project

_ROWS = 12


class CombinePanel(Panel):
    """Signal: `combined(object Path)`: a new adapter's folder."""

    title = mark("Combine")
    combined = Signal(object)

    def __init__(self, project: Project, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._project = project
        self._model: LibraryModel | None = None
        self.notice = Notice()
        self.other, self.way = QComboBox(), QComboBox()
        self.other.setAccessibleName(tr("The other adapter"))
        self.way.setAccessibleName(tr("Way to combine"))
        for name, words in WAYS.items():
            self.way.addItem(f"{name}: {translated(words)}", name)
        self.way.setCurrentIndex(self.way.findData("cat"))
        for combo in (self.other, self.way):
            combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            combo.setMinimumContentsLength(24)
        self.own_weight, self.other_weight, self.name = QLineEdit("0.5"), QLineEdit("0.5"), QLineEdit()
        self.own_weight.setAccessibleName(tr("Weight of this adapter"))
        self.other_weight.setAccessibleName(tr("Weight of the other adapter"))
        self.name.setAccessibleName(tr("Name of the new adapter"))
        for line in (self.own_weight, self.other_weight):
            line.setMaximumWidth(96)
        self.compare, self.combine = QPushButton(tr("Compare")), QPushButton(tr("Combine"))
        self.work = WorkLine(tr("combining"))
        self.told = QLabel()
        self.told.setTextFormat(Qt.TextFormat.PlainText)
        self.told.setWordWrap(True)
        self.told.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.layers = QTableWidget(0, 4)
        self.layers.setAccessibleName(tr("The two adapters, layer by layer"))
        self.layers.setHorizontalHeaderLabels(
            [tr("Layer"), tr("Change by this"), tr("Change by the other"), tr("Alike (cosine)")]
        )
        self.layers.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.layers.setTabKeyNavigation(False)
        self.layers.verticalHeader().hide()
        self._lay_out()
        self.compare.clicked.connect(self._compare)
        self.combine.clicked.connect(self._combine)
        self.work.over.connect(self._offer)
        self.told.hide()
        self.layers.hide()

    def _lay_out(self) -> None:
        rows = QFormLayout()
        rows.setHorizontalSpacing(24)
        rows.setVerticalSpacing(12)
        rows.addRow(tr("&With"), self.other)
        rows.addRow(tr("W&eight of this"), self.own_weight)
        rows.addRow(tr("Weight of the &other"), self.other_weight)
        rows.addRow(tr("Wa&y"), self.way)
        rows.addRow(tr("&Name of the new one"), self.name)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addWidget(self.combine)
        buttons.addWidget(self.compare)
        buttons.addStretch()
        theme.set_role(self.combine, "primary")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 8, 12, 0)
        layout.setSpacing(12)
        layout.addWidget(self.notice)
        layout.addLayout(rows)
        layout.addLayout(buttons)
        layout.addWidget(self.work)
        layout.addWidget(self.told)
        layout.addWidget(self.layers)
        layout.addStretch()

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

    def close_down(self) -> None:
        """End what is under way."""
        end_tasks(self)

    @Slot(object)
    def _show_others(self, found: tuple[LibraryModel, list[LibraryModel]]) -> None:
        model, others = found
        if model != self._model:
            return
        kept = self.other.currentData()
        self.other.clear()
        for other in others:
            self.other.addItem(other.name, other)
        self.other.setCurrentIndex(max(0, next((k for k, other in enumerate(others) if other == kept), 0)))
        if not self.name.isModified():
            self.name.setText(tr("{name} and others", name=model.name))
        if not others:
            self.told.setText(tr("There is no other adapter on the same base model in this project."))
            self.told.show()
        self._offer()

    @Slot()
    def _compare(self) -> None:
        model, other = self._model, self.other.currentData()
        if model is None or other is None:
            return
        request = {"do": "compare", "adapters": [str(model.folder), str(other.folder)]}

        def compare(worker: Asking, report: Report) -> object:
            return worker.ask(request, "compared", report)

        self._start(compare, self._show_layers)

    @Slot()
    def _combine(self) -> None:
        model, other = self._model, self.other.currentData()
        if model is None or other is None:
            return
        self.notice.clear()
        try:
            parts = [
                [str(model.folder), _number(self.own_weight.text())],
                [str(other.folder), _number(self.other_weight.text())],
            ]
            name = " ".join(self.name.text().replace("/", " ").replace("\\", " ").split()).strip(". ")
            if not name:
                raise StudioError("The new adapter has no name.", "Type one.")
        except StudioError as error:
            self.notice.show_error(error)
            return
        target = self._project.models / name
        way, base = self.way.currentData(), str(model.base)
        request = {"do": "combine", "base": base, "adapters": parts, "way": way, "target": str(target)}
        project = self._project

        def combine(worker: Asking, report: Report) -> object:
            made = worker.ask(request, "combined", report)
            return add_to_library(project, Path(str(made["folder"])))

        self._start(combine, self._take_combined)

    def _start(self, work: Callable[[Asking, Report], object], succeeded: Callable[..., object]) -> None:
        if self.work.is_busy:
            return
        self.notice.clear()
        task = WorkerTask("export", self._project.logs / "export.log", work, self)
        task.succeeded.connect(succeeded)
        task.failed.connect(self.notice.show_error)
        self.work.follow(task)
        self._offer()

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
        for button in (self.compare, self.combine):
            button.setEnabled(self.other.count() > 0 and not self.work.is_busy)


def _number(text: str) -> float:
    try:
        value = float(text.strip().replace(",", "."))
    except ValueError:
        raise StudioError(f"The weight is “{text}”, which is not a number.", "Type one such as 0.5 or -1.") from None
    if not -100 <= value <= 100:
        raise StudioError(
            f"The weight is {value:g}, which is far more than makes sense.", "Type one such as 0.5 or -1."
        )
    return value
