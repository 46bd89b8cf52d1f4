"""`plumbline --check`: open the window, visit every page, say in JSON when it could be used, and close.

For the self-test and the start-up benchmark: {"usable_at": monotonic seconds, "memory": bytes, "pages": [...]}.
"""

from __future__ import annotations

import json
import time
from typing import Protocol

import psutil
from PySide6.QtCore import QObject, QTimer, Slot


class _Studio(Protocol):
    @property
    def project(self) -> object: ...

    def show_page(self, key: str) -> None: ...


class Check(QObject):
    """Runs inside the event loop from its first idle moment on; ends the program when it is done."""

    def __init__(self, studio: _Studio, window: QObject, pages: list[str], parent: QObject) -> None:
        super().__init__(parent)
        self._studio, self._window, self._pages = studio, window, pages
        self._visited: list[str] = []
        self._usable_at, self._memory = 0.0, 0
        # A zero timer fires when all events that are waiting, the first paint among them, have been handled.
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._next)
        self._timer.start(0)

    @Slot()
    def _next(self) -> None:
        if not self._usable_at:
            self._usable_at, self._memory = time.monotonic(), psutil.Process().memory_info().rss
            if self._studio.project is None:
                self._pages = []
        elif self._pages:
            self._visited.append(self._pages.pop(0))
            self._studio.show_page(self._visited[-1])
        else:
            self._timer.stop()
            told = {"usable_at": self._usable_at, "memory": self._memory, "pages": self._visited}
            print(json.dumps(told), flush=True)
            self._window.close()  # pyright: ignore[reportAttributeAccessIssue]
