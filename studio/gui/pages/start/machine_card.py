"""This computer in plain words: where training would run, its memory, what it can train. Looked at in a thread."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QLabel, QPushButton, QWidget

from studio.core.ability import Ability, ability_of
from studio.gui import icons, theme
from studio.gui.language import tr, translated
from studio.jobs.background import BackgroundTask, end_tasks
from studio.storage.machine import driver_version, read_device, torch_build, torch_knows_cuda
from studio.storage.runtimes import is_needed


class MachineCard(QFrame):
    """Four lines; empty until the machine was looked at. Signal: `set_up_requested()`, of what trains, which a small
    packaged program doesn't bring."""

    set_up_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        theme.set_role(self, "card")
        self._task: BackgroundTask | None = None
        heading = QLabel(tr("This computer"))
        theme.set_role(heading, "heading")
        grid = QGridLayout(self)
        grid.setContentsMargins(20, 16, 20, 16)
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(10)
        grid.setColumnStretch(1, 1)
        grid.addWidget(heading, 0, 0, 1, 2)
        self.lines: list[QLabel] = []
        for row, drawing in enumerate(("cpu", "memory-stick", "dumbbell", "info"), start=1):
            picture, line = QLabel(), QLabel(tr("Looking…") if row == 1 else "")
            icons.put(picture, drawing)
            line.setTextFormat(Qt.TextFormat.PlainText)
            line.setWordWrap(True)
            grid.addWidget(picture, row, 0, Qt.AlignmentFlag.AlignTop)
            grid.addWidget(line, row, 1)
            self.lines.append(line)
        theme.set_role(self.lines[-1], "muted")
        self.set_up = QPushButton(tr("Set up training…"))
        self.set_up.clicked.connect(self.set_up_requested)
        self.set_up.setVisible(is_needed())
        grid.addWidget(self.set_up, 5, 1, Qt.AlignmentFlag.AlignLeft)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._task is None:
            self._task = BackgroundTask.begin(self, _look, self._show, self._show_nothing)

    def look_again(self) -> None:
        """Look when it is shown next: what trains was set up or removed."""
        self._task = None

    def close_down(self) -> None:
        """Wait for the look that is under way."""
        end_tasks(self)

    @Slot(object)
    def _show(self, found: tuple[Ability, str, str]) -> None:
        if self._task is not None and self.sender() is not self._task:
            return  # it is looked at again
        ability, torch, driver = found
        torch = translated(torch)
        build = tr("{torch}, driver {driver}.", torch=torch, driver=driver) if driver else tr("{torch}.", torch=torch)
        for line, text in zip(self.lines, (ability.where, ability.memory, ability.trains, build), strict=True):
            line.setText(translated(text))

    @Slot(object)
    def _show_nothing(self, _error: Exception) -> None:
        self.lines[0].setText(tr("This computer can't be looked at; training may work all the same."))


def _look(_task: BackgroundTask) -> tuple[Ability, str, str]:
    device = read_device()
    driver = driver_version() if device.kind == "cuda" else ""
    return ability_of(device, torch_knows_cuda()), torch_build(), driver
