"""How well a reward model judges: what its report says in words, over its calibration and its rewards."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from studio.core.reward_report import Report
from studio.gui import theme
from studio.gui.language import tr, translated

if TYPE_CHECKING:
    from studio.gui.plots.report_plots import ReportPlot


_BESIDE = 600  # pixels


class ReportView(QWidget):
    """Shows the report in the file given to `show_file`."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(tr("Report on the reward model"))
        self.kind = ""  # of the dataset that the judge learned from
        self.words = [QLabel() for _ in range(4)]  # a paragraph each
        card = QFrame()
        theme.set_role(card, "card")
        inside = QVBoxLayout(card)
        inside.setContentsMargins(16, 12, 16, 16)
        heading = QLabel(tr("How well it judges"))
        theme.set_role(heading, "heading")
        inside.addWidget(heading)
        inside.setSpacing(8)
        for label in self.words:
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setWordWrap(True)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            inside.addWidget(label)
        self._row = QHBoxLayout()
        self._row.setSpacing(12)
        self.plots: list[ReportPlot] = []
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 8, 0, 0)
        layout.setSpacing(12)
        layout.addWidget(card)
        layout.addLayout(self._row)
        layout.addStretch()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The plots stand side by side where there is room."""
        super().resizeEvent(event)
        way = QBoxLayout.Direction.LeftToRight if event.size().width() >= _BESIDE else QBoxLayout.Direction.TopToBottom
        self._row.setDirection(way)

    def show_file(self, file: Path) -> bool:
        """Show another report; whether there is one that can be read."""
        try:
            report = Report.from_json(file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            report = None
        if report is None:
            return False
        self.kind = report.kind
        for label, sentence in zip(self.words, (*report.sentences(), "", "", ""), strict=False):
            label.setText(translated(sentence).replace(" %", "\u00a0%"))  # a line must not begin with %
            label.setVisible(bool(sentence))
        for plot in self._made_plots():
            plot.show_report(report)
            plot.setVisible(report.n > 0)
        return True

    def _made_plots(self) -> list[ReportPlot]:
        """The plots, made when they are first needed."""
        if not self.plots:
            from studio.gui.plots.report_plots import CalibrationPlot, RewardsPlot

            self.plots = [CalibrationPlot(), RewardsPlot()]
            for plot in self.plots:
                self._row.addWidget(plot, 1)
        return self.plots
