"""Chat and training share one card: who comes second asks. Chat goes to the processor, waits, or shares the memory.

On a machine without a card there is nothing to ask: both run on the processor, slower.
"""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtWidgets import QMessageBox, QWidget

from studio.gui.language import tr
from studio.gui.pages.chat.worker import ChatWorker, Phase
from studio.gui.widgets.notice import Notice
from studio.jobs.runs import ProjectRuns
from studio.storage.machine import read_device


class Sharing(QObject):
    """load_requested(): the user said how, so load now. unload_requested(): the card is wanted for training."""

    load_requested = Signal()
    unload_requested = Signal()

    def __init__(self, runs: ProjectRuns, worker: ChatWorker, notice: Notice, page: QWidget) -> None:
        super().__init__(page)
        self._runs, self._worker, self._notice, self._page = runs, worker, notice, page
        self.card: str | None = None  # what runs and chat would both compute on; empty for none, None: not looked yet
        self.on_processor = False
        self._agreed = False  # to share the card with the training that goes on now
        self._told = False
        runs.list_changed.connect(self._look)
        notice.action_requested.connect(self._act)

    def may_load(self) -> bool:
        """Whether models can be loaded now. If training has the card the user is asked, and `load_requested` follows
        when chat is to load all the same."""
        if not self._runs.is_busy:
            self._agreed = self.on_processor = False
            return True
        if self._agreed or self.on_processor or not self._look_for_card():
            return True
        box = QMessageBox(self._page)
        box.setObjectName("sharing")
        box.setWindowTitle(tr("A run is training on the card"))
        box.setText(tr("A run is training on {card}. Where should chat's models go?", card=self.card))
        box.setInformativeText(
            tr("Beside it they take memory that training may need; on the processor they are slower.")
        )
        processor = box.addButton(tr("On the processor"), QMessageBox.ButtonRole.AcceptRole)
        beside = box.addButton(tr("On the card, beside it"), QMessageBox.ButtonRole.ActionRole)
        later = box.addButton(tr("Not now"), QMessageBox.ButtonRole.RejectRole)
        box.setDefaultButton(processor)
        box.setEscapeButton(later)
        processor.clicked.connect(self._take_processor)
        beside.clicked.connect(self._take_card)
        box.finished.connect(box.deleteLater)
        box.open()
        return False

    @Slot()
    def _take_processor(self) -> None:
        self.on_processor = True
        self.load_requested.emit()

    @Slot()
    def _take_card(self) -> None:
        self._agreed = True
        self.load_requested.emit()

    def _look_for_card(self) -> str:
        if self.card is None:  # once, and only when something is being trained: a few milliseconds
            device = read_device()
            self.card = "" if device.kind == "cpu" else device.name
        return self.card

    @Slot()
    def _look(self) -> None:
        """Say so when training begins while chat has models on the card."""
        busy, loaded = self._runs.is_busy, self._worker.phase is not Phase.CLOSED
        if not busy:
            self._told = False
        elif loaded and not (self._agreed or self.on_processor or self._told) and self._look_for_card():
            self._told = True
            self._notice.show_note(
                tr("A run trains on {card} now, where chat has its models in memory too.", card=self.card),
                tr("Unload chat's models"),
            )

    @Slot()
    def _act(self) -> None:
        self.unload_requested.emit()
