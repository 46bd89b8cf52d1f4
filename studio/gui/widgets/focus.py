"""Giving the focus to a part of the window: to the part itself where it takes keys, else to the first thing inside."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget


def focus_inside(part: QWidget) -> None:
    """Give the focus to `part` or to the first control inside that takes it; none leaves it where it is."""
    for widget in (part, *part.findChildren(QWidget)):
        if widget.isVisible() and widget.isEnabled() and widget.focusPolicy() & Qt.FocusPolicy.TabFocus:
            widget.setFocus(Qt.FocusReason.TabFocusReason)
            return
