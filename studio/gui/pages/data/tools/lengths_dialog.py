"""Lengths: how many examples are how long, in characters or in the tokens of a model of the project."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QRectF, Qt, Slot
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QComboBox, QFormLayout, QWidget

from studio.core.datasets import DatasetInfo
from studio.gui import theme
from studio.gui.language import mark, tr, translated
from studio.gui.pages.data.tools.tool import ToolDialog
from studio.storage.lengths import Lengths, lengths_of
from studio.storage.models import offered_models
from studio.storage.project import Project

_AXIS = 22  # pixels below the bars for numbers


class LengthsDialog(ToolDialog):
    """Counts, and draws what it has counted."""

    title = mark("Lengths")

    def __init__(self, project: Project, dataset: DatasetInfo, parent: QWidget | None = None) -> None:
        super().__init__(project, dataset, parent)
        self.unit = QComboBox()
        self.unit.setAccessibleName(tr("Counted in"))
        self.unit.addItem(tr("characters"), None)
        for folder in offered_models(project):
            self.unit.addItem(tr("tokens of {name}", name=folder.name), str(folder))
        self.unit.currentIndexChanged.connect(self._count)
        rows = QFormLayout()
        rows.addRow(tr("Counted in"), self.unit)
        self.bars = Bars()
        self.body.addLayout(rows)
        self.body.addWidget(self.bars, 1)
        self.resize(640, 420)
        self._count()

    @Slot()
    def _count(self) -> None:
        project, info, chosen = self.project, self.dataset, self.unit.currentData()
        model = Path(chosen) if chosen else None
        self.about.setText(tr("Counting…"))
        self.start(
            lambda task: lengths_of(project, info, model, task.report, task.is_cancelled),
            self._show,
        )

    @Slot(object)
    def _show(self, lengths: Lengths) -> None:
        half, most, longest = lengths.quantile(0.5), lengths.quantile(0.95), lengths.values[-1]
        self.about.setText(
            tr(
                "Half of the {rows} have up to {half:,} {unit}, 95 % up to {most:,}; the longest has {longest:,}. "
                "Prompt and answer are counted, the template around them is not.",
                rows=translated(self.dataset.kind.rows),
                half=half,
                unit=translated(lengths.unit),
                most=most,
                longest=longest,
            )
        )
        self.bars.show_lengths(lengths)


class Bars(QWidget):
    """A histogram: a bar for each range of lengths, with the ends of the axis in numbers."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bars: list[tuple[int, int, int]] = []
        self.setMinimumHeight(160)
        self.setMouseTracking(True)

    def show_lengths(self, lengths: Lengths) -> None:
        """Draw these."""
        self._bars = lengths.bars()
        self.setAccessibleName(tr("Histogram of lengths"))
        self.setAccessibleDescription(
            "; ".join(
                tr("{many:,} from {start:,} to {end:,}", many=many, start=start, end=end)
                for start, end, many in self._bars
                if many
            )
        )
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Qt: draw."""
        if not self._bars:
            return
        look, painter = theme.tokens(), QPainter(self)
        width, height = self.width() / len(self._bars), self.height() - _AXIS
        tallest = max(many for _, _, many in self._bars)
        for k, (_, _, many) in enumerate(self._bars):
            tall = max(height * many / tallest, 1.0 if many else 0.0)  # one of a million is still seen
            painter.fillRect(QRectF(k * width + 1, height - tall, max(width - 2, 1), tall), QColor(look.accent))
        painter.setPen(QColor(look.border))
        painter.drawLine(0, height, self.width(), height)
        painter.setPen(QColor(look.muted))
        line = QRectF(0, height, self.width(), _AXIS)
        painter.drawText(line, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignBottom, f"{self._bars[0][0]:,}")
        painter.drawText(line, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignBottom, f"{self._bars[-1][1]:,}")
        painter.end()
