"""Closer looks between the worker and the page: an answer token by token, and the odds of the next token."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QObject, Signal, Slot

from studio.core.errors import StudioError
from studio.gui.pages.chat.composer import Composer
from studio.gui.pages.chat.panes_row import PanesRow
from studio.gui.pages.chat.reading_view import CloseReading
from studio.gui.pages.chat.sampling_panel import SamplingPanel
from studio.gui.pages.chat.turns import Turn, messages_of
from studio.gui.pages.chat.worker import ChatWorker, Phase


class Looks(QObject):
    """Asks the worker and shows what it tells. failed(StudioError): an answer can't be looked at."""

    failed = Signal(object)

    def __init__(self, worker: ChatWorker, panes: PanesRow, sampling: SamplingPanel, composer: Composer) -> None:
        super().__init__(worker)
        self._worker, self._panes, self._sampling, self._composer = worker, panes, sampling, composer
        self._key = ""  # the pane whose answer is being looked at
        panes.look_requested.connect(self.look_closer)
        sampling.changed.connect(self.look_ahead)
        worker.looked.connect(self._show)
        worker.look_failed.connect(self._fail)

    def _is_ready(self) -> bool:
        model = self._worker.model
        return (
            self._worker.phase is Phase.READY and model is not None and all(p.key in model.names for p in self._panes)
        )

    @Slot(str)
    def look_closer(self, key: str) -> None:
        """Have the last answer of a pane looked at by its model."""
        pane = self._panes[key]
        if not self._is_ready():
            self.failed.emit(StudioError("The model is not in memory now.", "Press Load, then look closer."))
            return
        self._key = key
        self._worker.read(key, messages_of(pane.turns, self._sampling.system_prompt()), pane.turns[-1].answer)

    @Slot()
    def look_ahead(self) -> None:
        """Ask for the odds of the next token, while the panel that shows them is open."""
        if not self._sampling.isVisible() or not self._is_ready():
            return
        pane = next(iter(self._panes))
        typed = self._composer.edit.toPlainText().strip()
        turns = [*pane.turns, Turn(typed)] if typed else pane.turns
        try:
            sampling = self._sampling.sampling()
        except StudioError:
            return  # the form marks what is wrong
        if turns:
            self._worker.look_ahead(pane.key, messages_of(turns, self._sampling.system_prompt()), sampling)
        else:
            self._sampling.show_odds("", ())

    @Slot(dict)
    def _show(self, reply: dict[str, Any]) -> None:
        if reply["reply"] == "next":
            odds = [(str(text), float(before), float(after)) for text, before, after in reply["tokens"]]
            self._sampling.show_odds(str(reply["model"]), odds)
        elif self._key in self._panes:
            self._panes[self._key].show_reading(CloseReading.of(reply))

    @Slot(object)
    def _fail(self, error: StudioError) -> None:
        self._sampling.show_odds("", ())
        if self._key:
            self.failed.emit(error)
        self._key = ""
