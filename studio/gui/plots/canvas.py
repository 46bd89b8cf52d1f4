"""What every plot is drawn on: a pane between an axis of values at its left and another axis beneath.

pyqtgraph's own PlotWidget makes a menu of sixty controls for each plot, a megabyte that nobody would ever see.
"""

from __future__ import annotations

from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import QSize
from PySide6.QtWidgets import QGraphicsGridLayout, QSizePolicy

from studio.gui.theme import Tokens

_MARGINS = (1, 9, 25, 1)  # above and at the right there is room for the half of a tick's label past the axis' end


class Canvas(pg.GraphicsView):
    """Asks for little room, so that a plot is as large as what is left to it and not as pyqtgraph would like."""

    def __init__(
        self,
        height: int,
        *,
        pane: pg.ViewBox | None = None,
        left: pg.AxisItem | None = None,
        bottom: pg.AxisItem | None = None,
    ) -> None:
        self._height = height
        super().__init__()
        self.enableMouse(False)  # the pane takes it
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.pane = pane or pg.ViewBox(enableMenu=False)
        self.left, self.bottom = left or pg.AxisItem("left"), bottom or pg.AxisItem("bottom")
        self._items: list[pg.GraphicsItem] = []
        grid = QGraphicsGridLayout()
        grid.setContentsMargins(*_MARGINS)
        grid.setSpacing(0)
        inside = pg.GraphicsWidget()
        inside.setLayout(grid)
        self.setCentralItem(inside)
        grid.addItem(self.pane, 0, 1)
        for axis, row, column in ((self.left, 0, 0), (self.bottom, 1, 1)):
            axis.linkToView(self.pane)
            axis.enableAutoSIPrefix(False)
            axis.setZValue(0.5)  # over the pane's background
            grid.addItem(axis, row, column)

    def sizeHint(self) -> QSize:
        """As little as can be read."""
        return QSize(120, self._height)

    def minimumSizeHint(self) -> QSize:
        """As little as can be read."""
        return self.sizeHint()

    def add(self, item: Any) -> None:
        """Draw an item of pyqtgraph's."""
        self._items.append(item)
        self.pane.addItem(item)

    def remove(self, item: Any) -> None:
        """Draw it no more."""
        self._items.remove(item)
        self.pane.removeItem(item)

    def clear(self) -> None:
        """Draw nothing."""
        for item in list(self._items):
            self.remove(item)

    def set_log(self, on: bool) -> None:
        """Show values on a logarithmic axis, or not."""
        for item in self._items:
            if isinstance(item, pg.PlotDataItem):
                item.setLogMode(False, on)
        self.left.setLogMode(False, on)  # type: ignore[arg-type] - pyqtgraph takes two flags

    def apply_tokens(self, tokens: Tokens) -> None:
        """Take the colours of the theme."""
        self.setBackground(tokens.surface)
        for axis in (self.left, self.bottom):
            axis.setPen(pg.mkPen(tokens.border))
            axis.setTextPen(pg.mkPen(tokens.muted))
