"""Boxes for numbers whose text stands as far from the frame as in other fields."""

from __future__ import annotations

from PySide6.QtWidgets import QDoubleSpinBox, QSpinBox, QWidget

_LEFT = 9  # logical pixels, as the stylesheet pads fields; a spin box with a style sheet gives its text none


class NumberBox(QSpinBox):
    """Whole numbers."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.lineEdit().setTextMargins(_LEFT, 0, 0, 0)


class FractionBox(QDoubleSpinBox):
    """Numbers with a decimal point."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.lineEdit().setTextMargins(_LEFT, 0, 0, 0)
