"""Labels that show text as it is, never as HTML, and break it where it is longer than their width."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel

from studio.gui import theme

_BY_HAND = Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard


def plain_label(text: str = "", role: str = "", *, selectable: bool = False) -> QLabel:
    """A label in a role of the theme, such as “muted” or “heading”. selectable: its text can be copied."""
    label = QLabel(text)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    if role:
        theme.set_role(label, role)
    if selectable:
        label.setTextInteractionFlags(_BY_HAND)
    return label
