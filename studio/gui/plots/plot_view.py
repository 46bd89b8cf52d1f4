"""What a metric's plot puts on its canvas: the axis of values, and the pane that is moved and zoomed."""

from __future__ import annotations

import math
from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import Qt, Signal

from studio.gui.plots.series import in_short


class ValueAxis(pg.AxisItem):
    """Values in full, with a fixed width so that the plots of a column stand in line."""

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:
        """The words of ticks, with as many digits as tell one from the next."""
        if self.logMode or not values:
            return [in_short(10.0**value) for value in values]
        furthest = max(abs(value) for value in values)
        digits = math.ceil(math.log10(furthest / spacing)) + 1 if furthest > spacing > 0 else 0
        return [in_short(value, max(4, digits)) for value in values]


class PlotView(pg.ViewBox):
    """Wheel and drag move along the steps; over the value axis they move along the values; double click shows all.

    reset_requested(): a double click.
    """

    reset_requested = Signal()

    def wheelEvent(self, ev: Any, axis: int | None = None) -> None:
        """Zoom along the steps, or along the axis that the pointer is on."""
        super().wheelEvent(ev, axis=0 if axis is None else axis)

    def mouseDragEvent(self, ev: Any, axis: int | None = None) -> None:
        """Move along the steps, or along the axis that the pointer is on."""
        along_steps = axis is None and ev.button() == Qt.MouseButton.LeftButton
        super().mouseDragEvent(ev, axis=0 if along_steps else axis)

    def mouseDoubleClickEvent(self, ev: Any) -> None:
        """Ask for everything."""
        ev.accept()
        self.reset_requested.emit()
