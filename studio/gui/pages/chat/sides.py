"""The panes with what stands at their sides. Where there is no room for both, a side takes the panes' place."""

from __future__ import annotations

from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QWidget

_NARROW = 860  # logical pixels: below, a side leaves the panes too little
_LEAST = 280  # pixels that panes are high
_LEFT, _RIGHT = 280, 400
_ANY = 16_777_215  # Qt's word for no limit


class Column(QWidget):
    """What stands below each other, to be put into a scroll area: it scrolls where even the least height finds no
    room, and not before."""

    def heightForWidth(self, width: int) -> int:
        """Qt: the least, where QWidget has what would be pleasant."""
        layout = self.layout()
        return layout.minimumHeightForWidth(width) if layout is not None else -1


class Sides(QWidget):
    """left, right: shown or hidden with `show_side`."""

    def __init__(self, left: QWidget, panes: QWidget, right: QWidget) -> None:
        super().__init__()
        self._left, self._panes, self._right = left, panes, right
        self._open: set[QWidget] = set()
        self.setMinimumHeight(_LEAST)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(16)
        row.addWidget(left)
        row.addWidget(panes, 1)
        row.addWidget(right)
        for side in (left, right):
            side.hide()

    def show_side(self, side: QWidget, shown: bool) -> None:
        """Open or close a side."""
        (self._open.add if shown else self._open.discard)(side)
        side.setVisible(shown)
        self._fit()

    def hasHeightForWidth(self) -> bool:
        """Qt: panes take the height that there is."""
        return False

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        narrow = self.width() < _NARROW
        for side, width in ((self._left, _LEFT), (self._right, _RIGHT)):
            side.setMinimumWidth(0 if narrow else width)
            side.setMaximumWidth(_ANY if narrow else width)
        self._panes.setVisible(not (narrow and self._open))
