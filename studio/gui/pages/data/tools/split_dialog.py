"""Split: a part to train on and a part to measure with; and whether two datasets ask the same."""

from __future__ import annotations

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QComboBox, QFormLayout, QHBoxLayout, QLabel, QPushButton, QWidget

from studio.core.datasets import DatasetInfo
from studio.core.errors import StudioError
from studio.gui import theme
from studio.gui.language import mark, tr, translated, trn
from studio.gui.pages.data.tools.tool import ToolDialog
from studio.gui.widgets.number_box import NumberBox
from studio.storage.datasets import list_datasets
from studio.storage.duplicates import shared
from studio.storage.project import Project
from studio.storage.revisions import tag_records
from studio.storage.splits import split_dataset

_LEAK = "leak"


class SplitDialog(ToolDialog):
    """Two new datasets, or the tag “leak” on examples whose prompt another dataset has too."""

    title = mark("Split")

    def __init__(self, project: Project, dataset: DatasetInfo, parent: QWidget | None = None) -> None:
        super().__init__(project, dataset, parent)
        self.about.setText(
            tr(
                "Makes two new datasets and leaves this one as it is. Examples that ask the same stay together, so "
                "nothing that is measured with was trained on."
            )
        )
        self.share = NumberBox()
        self.share.setRange(1, 99)
        self.share.setValue(10)
        self.share.setSuffix(" %")
        self.share.setAccessibleName(tr("Share to measure with"))
        self.how = QComboBox()
        self.how.setAccessibleName(tr("How it is split"))
        self.how.addItem(tr("by the prompt's hash: it always goes the same way"), "hash")
        self.how.addItem(tr("by chance, with a seed: as exact as can be"), "chance")
        self.how.currentIndexChanged.connect(self._show_seed)
        self.seed = NumberBox()
        self.seed.setRange(0, 2**31 - 1)
        self.seed.setAccessibleName(tr("Seed"))
        self.rows = QFormLayout()
        self.rows.addRow(tr("To measure with"), self.share)
        self.rows.addRow(tr("Split"), self.how)
        self.rows.addRow(tr("Seed"), self.seed)
        self.other = QComboBox()
        self.other.setAccessibleName(tr("Another dataset"))
        try:
            for info in list_datasets(project):
                if info.id != dataset.id:
                    self.other.addItem(info.name, info)
        except StudioError as error:
            self.failed.emit(error)
        self.check = QPushButton(tr("Find the same prompts"))
        self.check.clicked.connect(self._check)
        self.found = QLabel()
        self.found.setWordWrap(True)
        theme.set_role(self.found, "muted")
        self.tag = QPushButton(tr("Tag them “{leak}”", leak=_LEAK))
        self.tag.clicked.connect(self._tag)
        self.tag.hide()
        line = QHBoxLayout()
        for part in (self.other, self.check, self.tag):
            line.addWidget(part)
        line.addStretch()
        if self.other.count():
            self.rows.addRow(tr("Compare with"), line)
            self.rows.addRow("", self.found)
        self.body.addLayout(self.rows)
        self.go = self.primary(tr("Split"), self._split)
        self._leaked: list[int] = []
        self._show_seed()
        self.resize(560, 0)

    @Slot()
    def _show_seed(self) -> None:
        self.rows.setRowVisible(self.seed, self.how.currentData() == "chance")

    @Slot()
    def _split(self) -> None:
        project, info, share = self.project, self.dataset, self.share.value() / 100
        seed = self.seed.value() if self.how.currentData() == "chance" else None
        for button in (self.go, self.check, self.tag):
            button.setEnabled(False)  # it can be cancelled by closing, and ends by it
        self.start(
            lambda task: split_dataset(
                project, info, share, seed=seed, report=task.report, cancelled=task.is_cancelled
            ),
            self._done,
        )

    @Slot(object)
    def _done(self, made: tuple[DatasetInfo, DatasetInfo]) -> None:
        train, evaluated = made
        self.said.emit(
            tr(
                "Made “{train}” ({trained}) and “{evaluated}” ({held_out}).",
                train=train.name,
                trained=translated(train.size),
                evaluated=evaluated.name,
                held_out=translated(evaluated.size),
            )
        )
        self.changed.emit(train)
        self.close()

    @Slot()
    def _check(self) -> None:
        project, info, other = self.project, self.dataset, self.other.currentData()
        self.found.setText(tr("Comparing…"))
        self.start(lambda task: shared(project, info, other, task.report, task.is_cancelled), self._show_shared)

    @Slot(object)
    def _show_shared(self, ids: list[int]) -> None:
        self._leaked = ids
        other = self.other.currentText()
        said = (
            trn(
                "{rows} here asks what “{other}” asks too.",
                "{rows} here ask what “{other}” asks too.",
                len(ids),
                rows=translated(self.dataset.kind.count(len(ids))),
                other=other,
            )
            if ids
            else tr("None asks the same.")
        )
        self.found.setText(said)
        self.tag.setVisible(bool(ids))

    @Slot()
    def _tag(self) -> None:
        project, info, ids = self.project, self.dataset, self._leaked
        self.change(lambda _task: tag_records(project, info, ids, _LEAK, on=True), self._tagged)

    @Slot(object)
    def _tagged(self, info: DatasetInfo) -> None:
        self.said.emit(
            tr(
                "Tagged {count} “{leak}”: choose the tag under Filter.",
                count=translated(info.kind.count(len(self._leaked))),
                leak=_LEAK,
            )
        )
        self.changed.emit(info)
        self.close()
