"""The Chat page: one message to one to four models side by side; at first a run's base and what the run made of it.

Each pane is named after what the worker says runs in it, and goes on with its own answers. The worker is `chat.worker`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import Signal, Slot
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from studio.core.conversation import Voice
from studio.core.errors import StudioError
from studio.gui import theme
from studio.gui.pages.chat.composer import Composer
from studio.gui.pages.chat.looks import Looks
from studio.gui.pages.chat.panes_row import PanesRow
from studio.gui.pages.chat.sampling_panel import SamplingPanel
from studio.gui.pages.chat.speakers import base_of, label_of, same, speakers_of, voice_of
from studio.gui.pages.chat.turns import messages_of
from studio.gui.pages.chat.votes import Votes
from studio.gui.pages.chat.worker import ChatWorker, Loaded, Phase
from studio.gui.widgets.empty_state import EmptyState
from studio.gui.widgets.notice import Notice
from studio.jobs.runs import ProjectRuns, RunRecord
from studio.storage.library import talking_adapters
from studio.storage.models import offered_models
from studio.storage.project import Project


class ChatPage(QWidget):
    """Compares models. `command` replaces the worker's, for tests.

    train_requested(): nothing is trained yet, and the user wants to.
    """

    train_requested = Signal()

    def __init__(
        self,
        project: Project,
        runs: ProjectRuns,
        parent: QWidget | None = None,
        command: Sequence[str] | None = None,
    ) -> None:
        super().__init__(parent)
        self._project, self._runs = project, runs
        self._models: list[Path] = []  # base models to choose from
        self._adapters: list[tuple[Path, Path]] = []  # linked ones, each with its base
        self._loaded: Mapping[str, Voice] = {}  # what the worker was last told to load
        self._waiting = False  # a message waits for the model
        self._died = False
        self.worker = ChatWorker(project.logs / "chat.log", self, command)
        self.notice = Notice()
        self.choice = QComboBox()
        self.choice.setAccessibleName("Run to talk to")
        self.choice.setMinimumWidth(280)
        self.choice.activated.connect(self._take_choice)
        self.state = QLabel()
        theme.set_role(self.state, "muted")
        self.memory = QPushButton()
        self.memory.clicked.connect(self._load_or_unload)
        self.again = _quiet("Answer again", "Asks the last message again, with the next seed", self._ask_again)
        self.fresh = _quiet("New conversation", "Forgets what was said in all panes", self._begin_anew)
        self.more = _quiet("Add a pane", "One more model, up to four", self._add_pane)
        self.sampling_button = QPushButton("Settings")
        self.sampling_button.setCheckable(True)
        self.sampling_button.setToolTip("The system prompt, and how the next token is chosen")
        self.sampling_button.toggled.connect(self._toggle_sampling)
        self.panes = PanesRow()
        self.panes.voice_chosen.connect(self._take_voice)
        self.panes.close_requested.connect(self._close_pane)
        self.sampling = SamplingPanel()
        self.sampling.hide()
        self.composer = Composer()
        self.composer.message_sent.connect(self._say)
        self.composer.stop_requested.connect(self.worker.stop)
        self.votes = Votes(project, self.panes, self.sampling.system_prompt)
        self.votes.failed.connect(self.notice.show_error)
        self.looks = Looks(self.worker, self.panes, self.sampling, self.composer)
        self.looks.failed.connect(self.notice.show_error)
        self.empty = EmptyState(
            "Nothing to talk to yet",
            "Train an adapter; as soon as it has saved a checkpoint, talk to it here beside its base model.",
            "Train your first adapter",
        )
        self.empty.action_requested.connect(self.train_requested)
        self._lay_out()
        worker = self.worker
        worker.phase_changed.connect(self._tell)
        worker.loaded.connect(self._take_loaded)
        worker.begun.connect(self._begin)
        worker.text_arrived.connect(self._add)
        worker.done.connect(self._finish)
        worker.failed.connect(self._take_failure)
        worker.died.connect(self._take_death)
        runs.list_changed.connect(self._list)
        runs.run_ended.connect(self._list)
        self._list()
        self._tell()

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.setSpacing(8)
        for widget in (self.choice, self.memory, self.state):
            top.addWidget(widget)
        top.addStretch()
        for widget in (self.again, self.fresh, self.more, self.sampling_button):
            top.addWidget(widget)
        middle = QHBoxLayout()
        middle.setSpacing(16)
        middle.addWidget(self.panes, 1)
        middle.addWidget(self.sampling)
        self.sampling.setFixedWidth(440)
        talk = QWidget()
        column = QVBoxLayout(talk)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        column.addLayout(top)
        column.addWidget(self.notice)
        column.addLayout(middle, 1)
        column.addWidget(self.votes)
        column.addWidget(self.composer)
        self.stack = QStackedWidget()
        self.stack.addWidget(self.empty)
        self.stack.addWidget(talk)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 16, 24, 16)
        layout.addWidget(self.stack)

    # --------------------------------------------------------------------------------------------- what others ask for

    def open_run(self, run_id: str) -> None:
        """Choose a run and load it, so that it is ready when the first message is written."""
        self._list()
        index = self.choice.findData(run_id)
        if index >= 0:
            self.choice.setCurrentIndex(index)
            self._show_run()
            if self.worker.phase is Phase.CLOSED or not self._is_loaded():
                self._load()
            self.composer.edit.setFocus()

    def open_voice(self, voice: Voice) -> None:
        """Talk to a model, an adapter beside its base, and load what is needed."""
        self._know_models()
        base = [Voice(voice.base, asked_like=voice.adapter)] if voice.adapter else []
        self.panes.show_voices([*base, voice])
        self._list()
        if self.worker.phase is Phase.CLOSED or not self._is_loaded():
            self._load()
        self.composer.edit.setFocus()

    def close_down(self) -> None:
        """End the worker."""
        self.worker.close_down()
        self.votes.close_down()

    def showEvent(self, event: QShowEvent) -> None:
        """Know what was trained meanwhile."""
        self._know_models()
        self._list()
        super().showEvent(event)

    def _know_models(self) -> None:
        self._models, self._adapters = offered_models(self._project), talking_adapters(self._project)

    # -------------------------------------------------------------------------------------------------------- the model

    @Slot()
    def _list(self) -> None:
        """List the runs that have something to talk to, newest first; the choice stays."""
        chosen = self.choice.currentData()
        found = [record for record in self._runs.records() if voice_of(record)]
        self.choice.clear()
        for record in found:
            self.choice.addItem(label_of(record), record.id)
        index = self.choice.findData(chosen)
        self.choice.setCurrentIndex(index if index >= 0 else 0 if found else -1)
        self.panes.offer(speakers_of(found, self._models, self._adapters))
        if found and not len(self.panes):
            self._show_run()
        self.stack.setCurrentIndex(1 if found or len(self.panes) else 0)
        self._tell()

    def _show_run(self) -> None:
        """Give the first two panes to the chosen run: its base, and what it made of it."""
        record = self._record()
        pair = (base_of(record), voice_of(record)) if record else ()
        self.panes.show_voices([voice for voice in pair if voice is not None])
        self._tell()

    def _is_loaded(self) -> bool:
        return dict(self._loaded) == dict(self.panes.voices())

    def _load(self) -> None:
        """Have the models of all panes loaded."""
        self.notice.clear()
        voices = self.panes.voices()
        try:
            if not voices:
                raise StudioError("There is no tuned model to talk to.", "Train one, or choose another run.")
            self.worker.load(voices)
        except StudioError as error:
            self._take_failure(error)
            return
        self._loaded, self._died = dict(voices), False

    def _load_again(self) -> None:
        """After a change of panes: load what is missing, if models are in memory at all."""
        if self.worker.phase is not Phase.CLOSED and not self._is_loaded():
            self.worker.stop()
            self._load()
        self._tell()

    def _record(self) -> RunRecord | None:
        chosen = self.choice.currentData()
        return next((record for record in self._runs.records() if record.id == chosen), None)

    @Slot(int)
    def _take_choice(self, _index: int) -> None:
        self._show_run()
        self._load_again()

    @Slot(str, object)
    def _take_voice(self, key: str, voice: Voice) -> None:
        pane = self.panes[key]
        if pane.voice is None or not same(pane.voice, voice):
            pane.voice = voice
            pane.set_model(voice.base.name)
        self._load_again()
        self._list()

    @Slot()
    def _add_pane(self) -> None:
        """One more pane, with somebody who is in none yet, where there is somebody."""
        there = list(self.panes.voices().values())
        found = [record for record in self._runs.records() if voice_of(record)]
        voices = [speaker.voice for speaker in speakers_of(found, self._models, self._adapters)]
        other = [voice for voice in voices if not any(same(voice, one) for one in there)]
        if not self.panes.is_full and (other or voices):
            self.panes.add((other or voices)[0])
            self._load_again()

    @Slot(str)
    def _close_pane(self, key: str) -> None:
        if self.worker.phase is Phase.ANSWERING:
            self.worker.stop()
        self.panes.close_pane(key)
        self._load_again()

    @Slot()
    def _load_or_unload(self) -> None:
        if self.worker.phase is Phase.CLOSED:
            self._load()
        else:
            self._give_up("unloaded")
            self.worker.close()
            self._loaded = {}
        self._tell()

    @Slot(object)
    def _take_loaded(self, model: Loaded) -> None:
        for key, name in model.names.items():
            if key in self.panes:
                self.panes[key].set_model(name)
        if model.in_turns:
            self.notice.show_note(
                "These base models don't fit into memory together, so each is loaded when it is its turn to answer."
            )
        if self._waiting:
            self._ask()
        else:
            self.looks.look_ahead()

    @Slot(object)
    def _take_failure(self, error: StudioError) -> None:
        self.notice.show_error(error)
        if self.worker.model is None:
            self._loaded = {}
        self._give_up("failed")

    @Slot(object)
    def _take_death(self, error: StudioError) -> None:
        self.notice.show_error(error)
        self._loaded, self._died = {}, True
        self._give_up("the model process ended")

    # ------------------------------------------------------------------------------------------------------------ talk

    @Slot(str)
    def _say(self, prompt: str) -> None:
        try:
            self.sampling.sampling()
        except StudioError as error:
            self.notice.show_error(error)
            self.composer.give_back(prompt)
            self.sampling_button.setChecked(True)
            return
        self.notice.clear()
        self.votes.forget()
        for pane in self.panes:
            pane.ask(prompt)
        self._waiting = True
        if self.worker.phase is Phase.READY and self._is_loaded():
            self._ask()
        elif self.worker.phase in (Phase.CLOSED, Phase.READY):
            self._load()
        self._tell()

    def _ask(self) -> None:
        self._waiting = False
        system = self.sampling.system_prompt()
        messages = {pane.key: messages_of(pane.turns, system) for pane in self.panes if pane.turns}
        self.worker.ask(messages, self.sampling.sampling())

    @Slot()
    def _ask_again(self) -> None:
        turns = [(pane, turn) for pane in self.panes if (turn := pane.take_back()) is not None]
        if turns:
            self.sampling.next_seed()
            self._say(turns[0][1].prompt)
            for pane, turn in turns:
                self.votes.remember(pane, turn)

    @Slot()
    def _begin_anew(self) -> None:
        self.worker.stop()
        for pane in self.panes:
            pane.forget()
        self._waiting = False
        self._tell()
        self.composer.edit.setFocus()

    @Slot(bool)
    def _toggle_sampling(self, shown: bool) -> None:
        self.sampling.setVisible(shown)
        self.looks.look_ahead()

    @Slot(str, str)
    def _begin(self, pane: str, model: str) -> None:
        if pane in self.panes:
            self.panes[pane].begin(model)

    @Slot(str, str)
    def _add(self, pane: str, text: str) -> None:
        if pane in self.panes:
            self.panes[pane].add(text)

    @Slot(str, dict)
    def _finish(self, pane: str, reply: dict[str, Any]) -> None:
        if pane in self.panes:
            self.panes[pane].finish(
                str(reply.get("ended") or "stopped"), int(reply.get("tokens") or 0), float(reply.get("seconds") or 0.0)
            )

    def _give_up(self, why: str) -> None:
        """An answer that was waited for won't come: keep what was written, or give the message back."""
        self._waiting = False
        panes = list(self.panes)
        last = [pane.turns[-1] for pane in panes if pane.turns and not pane.turns[-1].ended]
        if last and not any(turn.answer for turn in last) and len(last) == len(panes):
            for pane in panes:
                pane.take_back()
            self.composer.give_back(last[0].prompt)
        for pane in panes:
            pane.finish(why)
        self._tell()

    @Slot()
    def _tell(self) -> None:
        """Say what the worker does, and offer what can be done."""
        phase, model = self.worker.phase, self.worker.model
        words = {
            Phase.CLOSED: "Not in memory; the first message loads it.",
            Phase.STARTING: "Starting…",
            Phase.LOADING: f"Loading {self.worker.what}…",
            Phase.ANSWERING: "Answering…",
            Phase.READY: f"Ready {_where(model)}" if model else "Nothing is loaded.",
        }
        self.state.setText(words[phase])
        self.memory.setText("Unload" if phase is not Phase.CLOSED else "Start again" if self._died else "Load")
        self.memory.setToolTip("Gives the model's memory back" if phase is not Phase.CLOSED else "")
        answering = phase is Phase.ANSWERING
        self.composer.set_answering(answering)
        idle = not answering and not self._waiting
        self.again.setVisible(self._was_used() and idle)
        self.fresh.setVisible(self._was_used())
        self.more.setVisible(not self.panes.is_full)
        self.votes.refresh(idle=idle)

    def _was_used(self) -> bool:
        return any(pane.turns for pane in self.panes)


def _where(model: Loaded) -> str:
    parts = ["on the processor" if model.device == "processor" else f"on {model.device}"]
    parts.append(model.precision.split(" (")[0])
    parts.append(f"context {model.context:,} tokens" if model.context else "")
    return "  ·  ".join(part for part in parts if part)


def _quiet(text: str, about: str, action: Any) -> QPushButton:
    button = QPushButton(text)
    button.setToolTip(about)
    theme.set_role(button, "quiet")
    button.clicked.connect(action)
    return button
