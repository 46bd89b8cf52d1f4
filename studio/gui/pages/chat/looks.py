"""Closer looks between the worker and the page: an answer token by token as every pane's model sees it, its reward, the
odds of the next token, and how much of the context a message takes."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from studio.core.dialogue import Turn, messages_of
from studio.core.errors import StudioError
from studio.gui.language import translated
from studio.gui.pages.chat.composer import Composer
from studio.gui.pages.chat.panes_row import PanesRow
from studio.gui.pages.chat.readings import CloseReading
from studio.gui.pages.chat.sampling_panel import SamplingPanel
from studio.gui.pages.chat.speakers import Judge
from studio.gui.pages.chat.worker import ChatWorker, Look, Phase

_SETTLE = 300  # ms without typing after which tokens are counted


class Looks(QObject):
    """Asks the worker and shows what it tells. failed(StudioError): an answer can't be looked at."""

    failed = Signal(object)

    def __init__(self, worker: ChatWorker, panes: PanesRow, sampling: SamplingPanel, composer: Composer) -> None:
        super().__init__(worker)
        self._worker, self._panes, self._sampling, self._composer = worker, panes, sampling, composer
        self._reads: dict[int, str] = {}  # looks at an answer: the pane in which they are shown
        self._counting = QTimer(self, singleShot=True, interval=_SETTLE)
        self._counting.timeout.connect(self.count)
        composer.edit.textChanged.connect(self._counting.start)
        panes.look_requested.connect(self.look_closer)
        panes.judge_chosen.connect(self.score)
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
        """Have the chosen answer of a pane looked at, by its own model and then by those of the other panes."""
        turns = self._turns_to_chosen(key)
        if not turns:
            return
        if not self._is_ready():
            self.failed.emit(StudioError("The model is not in memory now.", "Press Load, then look closer."))
            return
        pane = self._panes[key]
        pane.reading.begin(pane.name)
        messages = messages_of(turns, self._sampling.system_prompt(key))
        others = [other.key for other in self._panes if other is not pane]
        for reader in (key, *others):
            look = self._worker.look("read", reader, messages, answer=turns[-1].answer)
            self._reads[look.number] = key
        self.score(key)

    @Slot(str)
    def score(self, key: str) -> None:
        """Have the chosen answer scored by the reward model that the pane's reading names, if any."""
        judge, turns = self._panes[key].reading.judge, self._turns_to_chosen(key)
        if isinstance(judge, Judge) and turns and self._is_ready():
            messages = messages_of(turns, self._sampling.system_prompt(key))
            folders = {"model": str(judge.folder), "base": str(judge.base)}
            look = self._worker.look("score", key, messages, answers=[turns[-1].answer], **folders)
            self._reads[look.number] = key
            self._panes[key].reading.show_reward(None)

    @Slot()
    def look_ahead(self) -> None:
        """Ask for the odds of the next token, while the panel that shows them is open."""
        if not self._sampling.isVisible() or not self._is_ready():
            return
        pane = next(iter(self._panes))
        turns = self._with_typed(pane.turns)
        try:
            sampling = self._sampling.sampling(pane.key)
        except StudioError:
            return  # the form marks what is wrong
        if turns:
            messages = messages_of(turns, self._sampling.system_prompt(pane.key))
            self._worker.look("next", pane.key, messages, sampling=asdict(sampling))
        else:
            self._sampling.show_odds("", ())

    @Slot()
    def count(self) -> None:
        """Ask how many tokens the conversations have with what is being typed."""
        if not self._is_ready() or not self._composer.edit.toPlainText().strip():
            return
        for pane in self._panes:
            messages = messages_of(self._with_typed(pane.turns), self._sampling.system_prompt(pane.key))
            self._worker.look("count", pane.key, messages)

    def _with_typed(self, turns: list[Turn]) -> list[Turn]:
        typed = self._composer.edit.toPlainText().strip()
        return [*turns, Turn(typed)] if typed else turns

    def _turns_to_chosen(self, key: str) -> list[Turn]:
        pane = self._panes[key]
        chosen = pane.chosen
        if chosen is None or not chosen.answer:
            return []
        return pane.turns[: pane.turns.index(chosen) + 1]

    @Slot(object, dict)
    def _show(self, look: Look, reply: dict[str, Any]) -> None:
        shown = self._reads.pop(look.number, "")
        match look.kind:
            case "next":
                odds = [(str(text), float(before), float(after)) for text, before, after in reply["tokens"]]
                self._sampling.show_odds(str(reply["model"]), odds)
            case "count" if look.pane in self._panes and self._worker.model is not None:
                context = self._worker.model.contexts.get(look.pane, 0)
                self._panes[look.pane].meter.tell(int(reply["tokens"]), context, typed=True)
            case "read" if shown in self._panes:
                pane, reading = self._panes[shown], CloseReading.of(reply)
                if look.pane == shown:
                    pane.show_reading(reading)
                else:
                    pane.reading.add_reading(look.pane, reading)
            case "score" if shown in self._panes:
                self._panes[shown].reading.show_reward(float(reply["rewards"][0]))
            case _:
                pass

    @Slot(object, object)
    def _fail(self, look: Look, error: StudioError) -> None:
        shown = self._reads.pop(look.number, "")
        if look.kind == "next":
            self._sampling.show_odds("", ())
        elif look.kind == "score" and shown in self._panes:
            self._panes[shown].reading.show_reward(None, translated(error.what))
        elif look.kind == "read" and shown == look.pane:
            self.failed.emit(error)
