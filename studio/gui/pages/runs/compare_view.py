"""Several runs side by side: one metric of all of them in a plot, and what was asked differently of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer, Slot
from PySide6.QtGui import QBrush, QColor, QFont
from PySide6.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QTabBar,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from studio.core.errors import StudioError
from studio.core.recipe_words import Compared, compared
from studio.gui import theme
from studio.gui.language import tr, translated
from studio.gui.widgets.visible_text import plain_tip
from studio.jobs.runs import ProjectRuns, RunRecord
from studio.storage.datasets import find_dataset
from studio.storage.project import Project

if TYPE_CHECKING:
    from studio.gui.plots.overlay import OverlayPlot

MOST = 8  # runs; more lines in one plot can't be told apart
_NARROWEST = 120  # pixels of a column: with less room the table scrolls
_REFRESH_MS = 300


class CompareView(QWidget):
    """Compares the runs given to `show_runs`, and follows those that go on."""

    def __init__(self, project: Project, runs: ProjectRuns, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._project, self._runs = project, runs
        self._records: list[RunRecord] = []
        self._drawn: list[int] = []
        self._rows: list[Compared] = []
        self.overlay: OverlayPlot | None = None
        self._soon = QTimer(self, interval=_REFRESH_MS, singleShot=True)
        self._soon.timeout.connect(self._follow)
        self.tabs = QTabBar(drawBase=False, expanding=False, usesScrollButtons=False)
        self.tabs.setAccessibleName(tr("What to compare"))
        for word in (tr("Curves"), tr("Settings")):
            self.tabs.addTab(word)
        self.tabs.currentChanged.connect(self._show_tab)
        self.only = QCheckBox(tr("Only what differs"))
        self.only.setChecked(True)
        self.only.toggled.connect(self._fill)
        self.summary = QLabel()
        theme.set_role(self.summary, "muted")
        self.table = QTableWidget()
        self.table.setAccessibleName(tr("Settings of the chosen runs"))
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setTabKeyNavigation(False)
        self.table.setShowGrid(False)
        self.table.setWordWrap(False)
        self.table.setMinimumHeight(160)
        self.table.verticalHeader().hide()
        self.table.horizontalHeader().setHighlightSections(False)
        self.table.horizontalHeader().setTextElideMode(Qt.TextElideMode.ElideRight)
        self.table.horizontalHeader().setMinimumSectionSize(_NARROWEST)
        self.table.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        row = QHBoxLayout()
        row.setSpacing(12)
        row.addWidget(self.tabs)
        row.addWidget(self.summary, 1)
        row.addWidget(self.only)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(12)
        self._layout.addLayout(row)
        self._layout.addWidget(self.table, 1)
        self._show_tab(0)
        runs.run_changed.connect(self._take_change)
        theme.watcher().theme_changed.connect(self._fill)

    def show_runs(self, run_ids: list[str]) -> None:
        """Compare these."""
        if run_ids == [record.id for record in self._records]:
            return
        self._records = [self._runs.record(run_id) for run_id in run_ids[:MOST]]
        for run_id in run_ids[:MOST]:
            self._runs.follow(run_id)
        self._drawn = []
        self._follow()
        known = [(record, record.recipe) for record in self._records if record.recipe is not None]
        names = {recipe.dataset: self._dataset(recipe.dataset) for _, recipe in known}
        self._rows = compared([recipe for _, recipe in known], [names[recipe.dataset] for _, recipe in known])
        self.table.setColumnCount(1 + len(known))
        self.table.setHorizontalHeaderLabels([tr("Setting"), *(record.name for record, _ in known)])
        self.table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self._fill()

    def _dataset(self, dataset: str) -> str:
        try:
            return find_dataset(self._project, dataset).name
        except StudioError:
            return tr("deleted ({dataset})", dataset=dataset)

    @Slot(int)
    def _show_tab(self, place: int) -> None:
        self.table.setVisible(place == 1)
        self.only.setVisible(place == 1)
        if self.overlay is not None:
            self.overlay.setVisible(place == 0)

    @Slot(str)
    def _take_change(self, run_id: str) -> None:
        if not self._soon.isActive() and any(record.id == run_id for record in self._records):
            self._soon.start()

    @Slot()
    def _follow(self) -> None:
        """Draw what is new."""
        from studio.gui.plots.overlay import OverlayPlot, Shown

        def shown(record: RunRecord) -> Shown:
            recipe = record.recipe
            variant = getattr(recipe.settings, "variant", "") if recipe else ""
            return Shown(record.name, record.curves, recipe.method if recipe else "", variant)

        if self.overlay is None:
            self.overlay = OverlayPlot()
            self._layout.addWidget(self.overlay, 1)
            self._show_tab(self.tabs.currentIndex())
        curves = [id(record.curves) for record in self._records]
        if curves != self._drawn:
            self._drawn = curves
            self.overlay.show_runs([shown(record) for record in self._records])
        elif self.isVisible():
            self.overlay.draw()

    @Slot()
    def _fill(self) -> None:
        """Fill the table; what differs is bold and marked, for it must not be told by colour alone."""
        rows = [row for row in self._rows if row.differs or not self.only.isChecked()]
        different = sum(row.differs for row in self._rows)
        self.summary.setText(
            tr("{different} of {count} settings differ", different=different, count=len(self._rows))
            if different
            else tr("Nothing differs")
        )
        self.table.setRowCount(len(rows))
        bold = QFont(self.table.font())
        bold.setWeight(QFont.Weight.DemiBold)
        soft = QBrush(QColor(theme.tokens().accent_soft))
        for place, row in enumerate(rows):
            for column, value in enumerate(map(translated, (row.label, *row.values))):
                marked = f"≠ {value}" if row.differs and column == 0 else value
                item = QTableWidgetItem(marked)
                item.setToolTip(plain_tip(value))
                if row.differs:
                    item.setFont(bold)
                    item.setBackground(soft)
                self.table.setItem(place, column, item)
