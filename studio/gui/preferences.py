"""The program's settings while the window runs: read once, saved on every change. `core.settings` declares them."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from studio.core.errors import StudioError
from studio.storage.settings import load_settings, save_settings

_RECENT = 10


class Preferences(QObject):
    """Made by `app` and handed to what needs it. Signals: `changed()`; `not_saved(object StudioError)`."""

    changed = Signal()
    not_saved = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.values = load_settings()

    def change(self, **values: Any) -> None:
        """Take new values, by the names of AppSettings, and save them."""
        changed = dataclasses.replace(self.values, **values)
        if changed == self.values:
            return
        self.values = changed
        try:
            save_settings(changed)
        except StudioError as error:
            self.not_saved.emit(error)
        self.changed.emit()

    def remember_project(self, folder: Path) -> None:
        """Put a project first in the list of recent ones."""
        self.change(recent_projects=_first(str(folder), self.values.recent_projects))

    def forget_project(self, folder: str) -> None:
        """Take a project out of the list of recent ones; its folder stays."""
        self.change(recent_projects=tuple(path for path in self.values.recent_projects if path != folder))


def _first(path: str, others: tuple[str, ...]) -> tuple[str, ...]:
    return (path, *(other for other in others if other != path))[:_RECENT]
