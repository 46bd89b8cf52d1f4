"""A desktop notification when a run ends and nobody is looking at the window.

By Qt alone: through the place for small icons that most desktops have. Where there is none, nothing is shown, and the
menu says so.
"""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer, Signal, Slot
from PySide6.QtWidgets import QApplication, QStyle, QSystemTrayIcon

from studio.gui.language import translated
from studio.gui.preferences import Preferences
from studio.jobs.runs import ProjectRuns

_SHOWN = 20_000  # ms that the icon stays, so that the message can be clicked


def can_notify() -> bool:
    """Whether this desktop has a place for notifications."""
    return QSystemTrayIcon.isSystemTrayAvailable() and QSystemTrayIcon.supportsMessages()


class Notifier(QObject):
    """Tells of the runs given to `follow`. Signals: `told(title, text)`; `clicked()`, the user wants to see."""

    told = Signal(str, str)
    clicked = Signal()

    def __init__(self, preferences: Preferences, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._preferences = preferences
        self._runs: ProjectRuns | None = None
        self._icon: QSystemTrayIcon | None = None
        self._hide = QTimer(self, interval=_SHOWN, singleShot=True)
        self._hide.timeout.connect(self._put_away)

    def follow(self, runs: ProjectRuns) -> None:
        """Tell of these runs from now on."""
        self._runs = runs
        runs.run_ended.connect(self._take_end)

    @Slot(str)
    def _take_end(self, run_id: str) -> None:
        if self._runs is None or not self._preferences.values.notify or QApplication.activeWindow() is not None:
            return
        record = self._runs.record(run_id)
        if record.outcome is not None:
            self._show(record.name, translated(record.outcome.sentence))

    def _show(self, title: str, text: str) -> None:
        if can_notify():
            if self._icon is None:
                picture = QApplication.style().standardIcon(QStyle.StandardPixmap.SP_MessageBoxInformation)
                self._icon = QSystemTrayIcon(picture, self)
                self._icon.setToolTip("Plumbline")
                self._icon.messageClicked.connect(self.clicked)
                self._icon.activated.connect(self._activated)
            self._icon.show()
            self._icon.showMessage(title, text)
            self._hide.start()
        self.told.emit(title, text)

    @Slot(QSystemTrayIcon.ActivationReason)
    def _activated(self, _reason: QSystemTrayIcon.ActivationReason) -> None:
        self.clicked.emit()

    @Slot()
    def _put_away(self) -> None:
        if self._icon is not None:
            self._icon.hide()
