"""Mix: a new dataset out of several of a kind, each with its weight, with the exact numbers before it is made."""

from __future__ import annotations

from PySide6.QtCore import Slot
from PySide6.QtWidgets import (
    QCheckBox,
    QFormLayout,
    QGridLayout,
    QLabel,
    QLineEdit,
    QScrollArea,
    QWidget,
)

from studio.core.datasets import DatasetInfo
from studio.core.errors import StudioError
from studio.gui import theme
from studio.gui.language import mark, tr, translated
from studio.gui.pages.data.tools.tool import ToolDialog
from studio.gui.widgets.number_box import FractionBox, NumberBox
from studio.gui.widgets.visible_text import plain_tip
from studio.storage.datasets import list_datasets
from studio.storage.mixing import Part, counts_of, mix_datasets, most_without_repeating
from studio.storage.project import Project

_MOST = 100_000_000
_SHOWN = 48  # characters of a dataset's name


class MixDialog(ToolDialog):
    """Makes a dataset out of this one and others."""

    title = mark("Mix")

    def __init__(self, project: Project, dataset: DatasetInfo, parent: QWidget | None = None) -> None:
        super().__init__(project, dataset, parent)
        self.about.setText(
            tr(
                "Makes a new dataset and leaves these as they are. Of weights 3 and 1, three rows of four are the "
                "first’s. Every row says which dataset it is from: see Source under Filter."
            )
        )
        try:
            known = [info for info in list_datasets(project) if info.kind_name == dataset.kind_name]
        except StudioError as error:
            self.failed.emit(error)
            known = []
        known.sort(key=lambda info: info.id != dataset.id)
        self.lines = [_Line(info, info.id == dataset.id) for info in known]
        grid = QGridLayout()
        grid.setColumnStretch(0, 1)
        for row, line in enumerate(self.lines):
            for column, part in enumerate((line.tick, line.weight, line.count)):
                grid.addWidget(part, row, column)
            line.tick.toggled.connect(self._count)
            line.weight.valueChanged.connect(self._count)
        grid.setRowStretch(len(self.lines), 1)
        inside = QWidget()
        inside.setLayout(grid)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        scroll.setWidget(inside)
        self.total = NumberBox()
        self.total.setRange(0, _MOST)
        self.total.setGroupSeparatorShown(True)
        self.total.setSpecialValueText(tr("as many as fit without repeats"))
        self.total.setAccessibleName(tr("Rows"))
        self.total.valueChanged.connect(self._count)
        self.seed = NumberBox()
        self.seed.setRange(0, 2**31 - 1)
        self.seed.setValue(42)
        self.seed.setAccessibleName(tr("Seed"))
        self.name = QLineEdit()
        self.name.setPlaceholderText(tr("Mix of …"))
        self.name.setAccessibleName(tr("Name of the mix"))
        rows = QFormLayout()
        rows.addRow(tr("Rows"), self.total)
        rows.addRow(tr("Seed"), self.seed)
        rows.addRow(tr("Call it"), self.name)
        self.counted = QLabel()
        self.counted.setWordWrap(True)
        theme.set_role(self.counted, "muted")
        self.body.addWidget(scroll, 1)
        self.body.addLayout(rows)
        self.body.addWidget(self.counted)
        self.go = self.primary(tr("Mix"), self._mix)
        self._count()
        self.take_room(620, 460)

    def parts(self) -> list[Part]:
        """What is ticked, with its weights."""
        return [Part(line.dataset, line.weight.value()) for line in self.lines if line.tick.isChecked()]

    @Slot()
    def _count(self) -> None:
        """Say how many rows of each there would be."""
        parts = self.parts()
        total = self.total.value() or most_without_repeating(parts)
        counts = dict(zip((part.dataset.id for part in parts), counts_of(parts, total), strict=True))
        repeated = False
        for line in self.lines:
            count = counts.get(line.dataset.id, 0)
            line.weight.setEnabled(line.tick.isChecked())
            line.count.setText(
                tr("{count:,} of {rows:,}", count=count, rows=line.dataset.rows) if line.tick.isChecked() else ""
            )
            repeated |= count > line.dataset.rows
        kind = self.dataset.kind
        count = translated(kind.count(total))
        self.counted.setText(
            tr("{count} in all. Of some datasets rows come more than once.", count=count)
            if len(parts) > 1 and repeated
            else tr("{count} in all.", count=count)
            if len(parts) > 1
            else tr("Tick another dataset of {rows}.", rows=translated(kind.rows))
            if len(self.lines) > 1
            else tr("There is no other dataset of {rows} to mix with.", rows=translated(kind.rows))
        )
        self.go.setEnabled(len(parts) > 1 and total > 0)

    @Slot()
    def _mix(self) -> None:
        project, parts, total = self.project, self.parts(), self.total.value()
        seed, name = self.seed.value(), self.name.text()
        self.go.setEnabled(False)
        self.start(
            lambda task: mix_datasets(
                project, parts, total, seed=seed, name=name, report=task.report, cancelled=task.is_cancelled
            ),
            self._mixed,
        )

    @Slot(object)
    def _mixed(self, info: DatasetInfo) -> None:
        self.made.emit(info, tr("Made {size} as “{name}”.", size=translated(info.size), name=info.name))
        self.close()


class _Line:
    """A dataset that may be part of the mix."""

    def __init__(self, dataset: DatasetInfo, ticked: bool) -> None:
        self.dataset = dataset
        shown = dataset.name if len(dataset.name) <= _SHOWN else dataset.name[:_SHOWN] + "…"
        self.tick = QCheckBox(shown.replace("&", "&&"))
        self.tick.setToolTip(plain_tip(dataset.name))
        self.tick.setAccessibleName(dataset.name)
        self.tick.setChecked(ticked)
        self.weight = FractionBox()
        self.weight.setRange(0, 1000)
        self.weight.setValue(1)
        self.weight.setDecimals(2)
        self.weight.setAccessibleName(tr("Weight of {name}", name=dataset.name))
        self.count = QLabel()
        theme.set_role(self.count, "muted")
