"""The list at the left of a page: things of the project by name, with a line on each, one of them current."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtWidgets import QListWidget, QListWidgetItem, QWidget

from studio.gui.widgets.visible_text import plain_tip


class Named(Protocol):
    """What can be listed."""

    @property
    def id(self) -> str: ...

    @property
    def name(self) -> str: ...


class NamedList(QListWidget):
    """Holds things and shows their names; `currentItemChanged` is Qt's."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)

    def current(self) -> Any:
        """The thing that is current, or None."""
        item = self.currentItem()
        return item.data(Qt.ItemDataRole.UserRole) if item is not None else None

    def replace_current(self, thing: Named) -> None:
        """Put the same thing, changed, in the current one's place."""
        item = self.currentItem()
        if item is not None:
            item.setData(Qt.ItemDataRole.UserRole, thing)

    def show_things(self, things: Iterable[tuple[Named, str]], wanted: str = "") -> None:
        """List things, each with its line, without a signal. Current is the one with the id `wanted`, else the one that
        was, else the first."""
        before = self.current()
        sought = wanted or (before.id if before is not None else "")
        blocked = QSignalBlocker(self)
        self.clear()
        for thing, line in things:
            item = QListWidgetItem(f"{thing.name}\n{line}")
            item.setData(Qt.ItemDataRole.UserRole, thing)
            item.setToolTip(plain_tip(thing.name))
            self.addItem(item)
            if thing.id == sought or self.currentItem() is None:
                self.setCurrentItem(item)
        del blocked
