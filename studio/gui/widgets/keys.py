"""A key that does something, with the words that the sheet of shortcuts says of it."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QWidget


def bind(
    parent: QWidget,
    key: str | QKeySequence.StandardKey,
    about: str,
    slot: object,
    *,
    context: Qt.ShortcutContext = Qt.ShortcutContext.WindowShortcut,
) -> QShortcut:
    """Bind a key to a method marked @Slot, or a signal. about: what it does, for the sheet of shortcuts."""
    shortcut = QShortcut(QKeySequence(key), parent)
    shortcut.setContext(context)
    shortcut.setWhatsThis(about)
    shortcut.activated.connect(slot)
    return shortcut
