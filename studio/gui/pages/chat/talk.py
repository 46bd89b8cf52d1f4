"""Talking: what is said goes to the panes and to the worker, what is answered comes back into the panes.

A message is asked of all panes or of one; again, edited, or gone on with. What could not be answered comes back into
the composer. Which models are in memory is `page`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtWidgets import QInputDialog

from studio.core.conversation import Sampling
from studio.core.dialogue import Turn, messages_of
from studio.core.errors import StudioError
from studio.gui.language import tr
from studio.gui.pages.chat import turn_bar
from studio.gui.pages.chat.composer import Composer
from studio.gui.pages.chat.pane import ChatPane
from studio.gui.pages.chat.panes_row import PanesRow
from studio.gui.pages.chat.sampling_panel import SamplingPanel
from studio.gui.pages.chat.votes import Votes
from studio.gui.pages.chat.worker import Asked, ChatWorker, Phase
from studio.gui.widgets.ask import question


class Talk(QObject):
    """state_changed(): it asks, waits or is done. settled(): something was said or changed that should be kept.
    failed(StudioError). data_requested(str): a pane's conversation is wanted as an example. settings_needed(): a value
    among them can't be used.

    load: has the models of all panes loaded, and returns whether they are in memory already.
    """

    state_changed = Signal()
    settled = Signal()
    failed = Signal(object)
    data_requested = Signal(str)
    settings_needed = Signal()

    def __init__(
        self,
        worker: ChatWorker,
        panes: PanesRow,
        sampling: SamplingPanel,
        composer: Composer,
        votes: Votes,
        load: Callable[[], bool],
    ) -> None:
        super().__init__(worker)
        self._worker, self._panes, self._sampling, self._composer = worker, panes, sampling, composer
        self._votes, self._load = votes, load
        self._waiting: list[str] = []  # panes whose message waits for the model
        self._asked_how: dict[str, Sampling] = {}  # how the panes were asked last
        self._editing: tuple[str, int] | None = None  # the pane and the turn whose message is in the composer
        self._begun = ""  # what was in the composer before
        self._from = ""  # the pane whose own composer the last message came from; empty for the common one
        composer.message_sent.connect(self.say)
        composer.stop_requested.connect(worker.stop)
        composer.editing_left.connect(self._leave_editing)
        panes.message_sent.connect(self.say_to_one)
        panes.stop_requested.connect(worker.stop)
        panes.turn_action.connect(self._act)
        panes.branch_changed.connect(self._take_branch)
        worker.begun.connect(self._begin)
        worker.text_arrived.connect(self._add)
        worker.done.connect(self._finish)

    @property
    def is_idle(self) -> bool:
        """Nothing is asked or waits to be."""
        return not self._waiting and self._worker.phase is not Phase.ANSWERING

    # ------------------------------------------------------------------------------------------------------- asking

    @Slot(str)
    def say(self, text: str) -> None:
        """Ask all panes, or ask the message that was being edited."""
        self._from = ""
        if self._editing is not None:
            self._ask_edited(text)
        elif self._is_good(text, self._composer):
            self._votes.forget()
            for pane in self._panes:
                pane.ask(text)
            self._ask([pane.key for pane in self._panes])

    @Slot(str, str)
    def say_to_one(self, key: str, text: str) -> None:
        """Ask one pane."""
        pane = self._panes[key]
        if self.is_idle and self._is_good(text, pane.composer):
            self._from = key
            self._votes.forget()
            pane.ask(text)
            self._ask([key])

    @Slot()
    def ask_again(self) -> None:
        """Ask the last message of all panes again, with the next seed."""
        turns = [(pane, pane.turns[-1]) for pane in self._panes if pane.turns]
        if turns and self._is_good("", self._composer):
            self._sampling.next_seed()
            self._votes.forget()
            for pane, turn in turns:
                self._votes.remember(pane, turn)
                pane.ask_again(turn)
            self._ask([pane.key for pane, _ in turns])

    @Slot()
    def begin_anew(self) -> None:
        """Leave the conversation in all panes; it is kept."""
        self._worker.stop()
        self._waiting, self._editing = [], None
        self._composer.end_editing()
        self._votes.forget()
        for pane in self._panes:
            pane.forget()
        self.state_changed.emit()

    def go_ahead(self) -> None:
        """The models are in memory: ask what waits."""
        keys, self._waiting = [key for key in self._waiting if key in self._panes], []
        asked: dict[str, Asked] = {}
        for key in keys:
            pane = self._panes[key]
            turns = pane.turns
            if turns and not turns[-1].ended:
                messages = messages_of(turns, self._sampling.system_prompt(key))
                asked[key] = Asked(messages, self._sampling.sampling(key), turns[-1].held)
        if asked:
            self._asked_how = {key: one.sampling for key, one in asked.items()}
            self._worker.ask(asked)
        self.state_changed.emit()

    def give_up(self, why: str) -> None:
        """An answer that was waited for won't come: keep what was written, or give the message back."""
        self._waiting = []
        open_panes = [pane for pane in self._panes if pane.turns and not pane.turns[-1].ended]
        last = [pane.turns[-1] for pane in open_panes]
        fresh = [turn for turn in last if turn.answer == turn.held]
        if last and len(fresh) == len(last):
            for pane in open_panes:
                pane.take_back()
            if not last[0].held:
                composer = self._panes[self._from].composer if self._from in self._panes else self._composer
                composer.give_back(last[0].prompt)
        for pane in self._panes:
            pane.finish(why)
        if last:
            self.settled.emit()
        self.state_changed.emit()

    def _is_good(self, text: str, composer: Composer) -> bool:
        """Whether the settings can be used; if not, the message comes back."""
        try:
            for pane in self._panes:
                self._sampling.sampling(pane.key)
        except StudioError as error:
            self.failed.emit(error)
            composer.give_back(text)
            self.settings_needed.emit()
            return False
        return True

    def _ask(self, keys: Sequence[str]) -> None:
        self._waiting = list(keys)
        self.settled.emit()
        if self._load():
            self.go_ahead()
        self.state_changed.emit()

    # ------------------------------------------------------------------------------------------------ turns of a pane

    @Slot(str, str)
    def _act(self, key: str, name: str) -> None:
        pane = self._panes[key]
        turn = pane.chosen
        if turn is None or not self.is_idle:
            return
        match name:
            case turn_bar.EDIT:
                self._begin_editing(pane, turn)
            case turn_bar.REWRITE:
                self._ask_for_words(pane, turn)
            case turn_bar.AGAIN if self._is_good("", self._composer):
                self._sampling.next_seed()
                self._votes.forget()
                if turn is pane.turns[-1]:
                    self._votes.remember(pane, turn)
                pane.ask_again(turn)
                self._ask([key])
            case turn_bar.GO_ON if self._is_good("", self._composer):
                pane.go_on(turn)
                self._ask([key])
            case turn_bar.DELETE:
                self._ask_to_delete(pane, turn)
            case turn_bar.TO_DATA:
                self.data_requested.emit(key)
            case _:
                pass

    def _begin_editing(self, pane: ChatPane, turn: Turn) -> None:
        if self._editing is None:
            self._begun = self._composer.edit.toPlainText()
        self._editing = (pane.key, turn.number)
        self._composer.show()
        self._composer.begin_editing(turn.prompt)

    @Slot()
    def _leave_editing(self) -> None:
        self._editing = None
        self._composer.give_back(self._begun)
        self.state_changed.emit()

    def _ask_edited(self, text: str) -> None:
        assert self._editing is not None
        key, number = self._editing
        pane = next((pane for pane in self._panes if pane.key == key), None)
        place = next((at for at, turn in enumerate(pane.turns) if turn.number == number), None) if pane else None
        if pane is None or place is None or not self._is_good(text, self._composer):
            return
        self._editing = None
        self._composer.end_editing()
        self._composer.give_back(self._begun)
        self._votes.forget()
        before = pane.turns[place].prompt
        asked: list[str] = []
        for other in self._panes:
            turns = other.turns
            # Where the others were asked the same there, they are asked the new message too.
            if other is pane or (len(turns) > place and turns[place].prompt == before):
                other.ask_again(turns[place], text)
                asked.append(other.key)
        self._ask(asked)

    def _ask_for_words(self, pane: ChatPane, turn: Turn) -> None:
        dialog = QInputDialog(pane)
        dialog.setObjectName("rewrite")
        dialog.setOption(QInputDialog.InputDialogOption.UsePlainTextEditForTextInput)
        dialog.setWindowTitle(tr("Edit the answer"))
        dialog.setLabelText(tr("What the model should have said. Its own answer stays beside it."))
        dialog.setTextValue(turn.answer)
        dialog.setProperty("turn", (pane.key, turn.number))
        dialog.textValueSelected.connect(self._rewrite)
        dialog.finished.connect(dialog.deleteLater)
        dialog.resize(560, 360)
        dialog.open()

    @Slot(str)
    def _rewrite(self, answer: str) -> None:
        pane, turn = self._turn_of(self.sender())
        if pane is not None and turn is not None and answer.strip() and answer != turn.answer:
            pane.rewrite(turn, answer)

    def _ask_to_delete(self, pane: ChatPane, turn: Turn) -> None:
        what = tr("The message, its answer and all that follows it on any branch are gone then.")
        box = question(pane, tr("Delete this turn?"), what, tr("Delete"))
        box.setObjectName("delete")
        box.setProperty("turn", (pane.key, turn.number))
        box.accepted.connect(self._delete)
        box.open()

    @Slot()
    def _delete(self) -> None:
        pane, turn = self._turn_of(self.sender())
        if pane is not None and turn is not None and self.is_idle:
            pane.delete(turn)

    def _turn_of(self, asked: QObject) -> tuple[ChatPane | None, Turn | None]:
        """The pane and the turn that a dialog is about, if they are still there."""
        key, number = asked.property("turn")
        if key not in self._panes:
            return None, None
        return self._panes[key], next((turn for turn in self._panes[key].turns if turn.number == number), None)

    @Slot(str)
    def _take_branch(self, _key: str) -> None:
        self._votes.forget()
        self.settled.emit()
        self.state_changed.emit()

    # -------------------------------------------------------------------------------------------------- what comes

    @Slot(str, dict)
    def _begin(self, key: str, reply: dict[str, Any]) -> None:
        if key in self._panes:
            pane, model = self._panes[key], self._worker.model
            tokens = int(reply.get("prompt_tokens") or 0)
            pane.begin(str(reply.get("model") or ""), tokens)
            context = model.contexts.get(key, 0) if model else 0
            pane.meter.tell(tokens, context, typed=False, left_out=int(reply.get("left_out") or 0))
            how = self._asked_how.get(key)
            if pane.turns and how is not None:
                pane.turns[-1].seed = how.seed
                if how.beams > 1:
                    pane.footer.show_text(tr("Following {beams} beams; the answer comes all at once.", beams=how.beams))

    @Slot(str, str)
    def _add(self, key: str, text: str) -> None:
        if key in self._panes:
            self._panes[key].add(text)

    @Slot(str, dict)
    def _finish(self, key: str, reply: dict[str, Any]) -> None:
        if key not in self._panes:
            return
        pane, tokens = self._panes[key], int(reply.get("tokens") or 0)
        pane.finish(str(reply.get("ended") or "stopped"), tokens, float(reply.get("seconds") or 0.0))
        model = self._worker.model
        if pane.turns and model is not None and pane.turns[-1].prompt_tokens:
            taken = pane.turns[-1].prompt_tokens + tokens
            pane.meter.tell(taken, model.contexts.get(key, 0), typed=False, left_out=pane.meter.left_out)
        self.settled.emit()
