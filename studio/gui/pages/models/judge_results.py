"""All evaluations of a project: their table, one figure drawn, who wins, and what the chosen one's model answered."""

from __future__ import annotations

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from studio.core.evaluation import COLUMNS, Evaluation
from studio.gui import theme
from studio.gui.language import tr, translated
from studio.gui.pages.models.contest_view import ContestView
from studio.gui.pages.models.evaluation_table import AnswerTable, EvaluationTable
from studio.gui.pages.models.panel import choice, row_of
from studio.gui.plots.evaluation_plot import EvaluationPlot
from studio.gui.widgets.plain_label import plain_label
from studio.storage.judging_shelf import Shelf


class JudgeResults(QWidget):
    """Signals: `chosen(object Evaluation)`: another one's contests are wanted; `forget_requested(object Evaluation)`.

    `contests` has signals of its own.
    """

    chosen = Signal(object)
    forget_requested = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.shelf: Shelf | None = None
        self.table, self.answers = EvaluationTable(), AnswerTable()
        self.figure = choice(tr("Figure to draw"), letters=12)
        self.plot = EvaluationPlot()
        self.contests = ContestView()
        self.forget = QPushButton(tr("Forget this evaluation"))
        theme.set_role(self.forget, "quiet")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 8, 0, 0)
        column.setSpacing(8)
        column.addWidget(self.table)
        column.addLayout(row_of(plain_label(tr("Side by side"), "heading"), self.figure, stretched=0))
        column.addWidget(self.plot)
        column.addWidget(self.contests)
        column.addLayout(row_of(plain_label(tr("Its answers"), "heading"), self.forget, stretched=0))
        column.addWidget(self.answers)
        self.table.chosen.connect(self._take_chosen)
        self.figure.currentIndexChanged.connect(self._draw)
        self.forget.clicked.connect(self._forget)

    def show_shelf(self, shelf: Shelf, wanted: str = "") -> None:
        """Show all evaluations; the one of that id is chosen, else the one that was."""
        self.shelf = shelf
        current = self.table.current()
        self.table.show_shelf(shelf, wanted or (current.id if current else ""))
        kept = self.figure.currentData()
        self.figure.blockSignals(True)
        self.figure.clear()
        for name in self.table.columns:
            self.figure.addItem(translated(COLUMNS[name][0]), name)
        self.figure.setCurrentIndex(max(0, self.figure.findData(kept)))
        self.figure.blockSignals(False)
        self._draw()
        self.setVisible(bool(shelf.evaluations))

    @Slot(object)
    def _take_chosen(self, known: Evaluation | None) -> None:
        if self.shelf is None:
            return
        self.answers.show_answers(known)
        self.contests.show_evaluation(known, self.shelf)
        if known is not None:
            self.chosen.emit(known)

    @Slot()
    def _draw(self) -> None:
        name = self.figure.currentData()
        if self.shelf is not None and name is not None:
            rows = [(known.name, figures[name]) for known, figures in self.shelf.evaluations]
            self.plot.show_figures(translated(COLUMNS[name][0]), rows)

    @Slot()
    def _forget(self) -> None:
        known = self.table.current()
        if known is not None:
            self.forget_requested.emit(known)
