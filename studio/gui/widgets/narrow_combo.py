"""A drop-down list that fits where there is little room: what is chosen is shortened with …, pointing at it tells all.

Qt's own is as wide as its longest entry, and where it is not given that room it cuts words off without a sign.
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QComboBox, QStyle, QStyleOptionComboBox, QStylePainter, QWidget

from studio.gui.widgets.visible_text import plain_tip

_BESIDE = 52  # logical pixels of frame and arrow


class NarrowCombo(QComboBox):
    """`least` is the number of characters that it always has room for. roomy: it takes the room for its longest entry
    where there is any, instead of what a layout gives it. A tooltip that was set stays as it is."""

    def __init__(self, least: int, parent: QWidget | None = None, *, roomy: bool = False) -> None:
        super().__init__(parent)
        policy = QComboBox.SizeAdjustPolicy
        self.setSizeAdjustPolicy(policy.AdjustToContents if roomy else policy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(least)

    def minimumSizeHint(self) -> QSize:
        """Room for `least` characters, whatever the entries are."""
        text = self.fontMetrics().averageCharWidth() * self.minimumContentsLength()
        return QSize(text + _BESIDE, super().minimumSizeHint().height())

    def shown_text(self) -> str:
        """What of the chosen entry is seen."""
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        part = QStyle.SubControl.SC_ComboBoxEditField
        room = self.style().subControlRect(QStyle.ComplexControl.CC_ComboBox, option, part, self).width()
        return self.fontMetrics().elidedText(option.currentText, Qt.TextElideMode.ElideRight, room - 4)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QStylePainter(self)
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        if self.currentIndex() < 0 and self.placeholderText():
            option.currentText = self.placeholderText()
        option.currentText = self.shown_text() or option.currentText
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and not self.toolTip() and self.shown_text() != self.currentText():
            self.setToolTip(plain_tip(self.currentText()))
            shown = super().event(event)
            self.setToolTip("")
            return shown
        return super().event(event)
