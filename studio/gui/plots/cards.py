"""One arrangement of a method's plots: the first large, the others in rows of about equal length beneath."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from studio.core.metrics import Metric
from studio.gui.plots.across import Across
from studio.gui.plots.metric_plot import MetricPlot

_GAP = 12
_ACROSS = 3  # small plots side by side; with more of them, their texts and values have no room

_VALUE = 40  # pixels for a value beside a title; with less, values are left out

Groups = Sequence[Sequence[Metric]]


class Cards(QWidget):
    """A plot for each group of metrics. In a narrow window the rows are shorter."""

    def __init__(self, groups: Groups, places: Across, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.large = MetricPlot(groups[0], places, large=True)
        self.others = [MetricPlot(group, places) for group in groups[1:]]
        self.plots = [self.large, *self.others]
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(_GAP)
        layout.addWidget(self.large, 3)
        self._rows: list[QHBoxLayout] = []
        self._across = 0
        self._layout = layout
        self._arrange(_ACROSS)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange(min(_ACROSS, (self.width() + _GAP) // (self._narrowest() + _VALUE + _GAP)))

    def minimumSizeHint(self) -> QSize:
        """One small plot across; else a window that was wide could not become narrow."""
        width = max(self.large.minimumSizeHint().width(), self._narrowest())
        return QSize(width, super().minimumSizeHint().height())

    def _narrowest(self) -> int:
        return max((plot.minimumSizeHint().width() for plot in self.others), default=1)

    def _arrange(self, most: int) -> None:
        """At most so many small plots side by side, in rows of about equal length."""
        rows = -(-len(self.others) // max(1, most))
        across = -(-len(self.others) // rows) if rows else 0
        if across == self._across:
            return
        self._across = across
        for row in self._rows:
            # A widget's item that outlives the next one would leave that one with heights that never change again: of
            # Qt's items, a widget tells only the first that is there to forget what it has reckoned.
            for plot in self.others:
                row.removeWidget(plot)
            self._layout.removeItem(row)
            row.deleteLater()
        self._rows = [QHBoxLayout() for _ in range(rows)]
        for row in self._rows:
            row.setSpacing(_GAP)
            self._layout.addLayout(row, 2)
        for place, plot in enumerate(self.others):
            self._rows[place // across].addWidget(plot, 1)
