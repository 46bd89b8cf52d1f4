"""The Chat page: one message to one to four models side by side; at first a run's base and what the run made of it.

Here stands which models are in which panes, and where everything has its place. Which are in memory is `memory`, what
is said `talk`, what is kept `conversations`, the worker `worker`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Signal, Slot
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QFrame, QScrollArea, QStackedWidget, QVBoxLayout, QWidget

from studio.core.conversation import Sampling, Voice
from studio.gui.language import tr, translated
from studio.gui.pages.chat.batch_view import BatchView
from studio.gui.pages.chat.blind_view import BlindView
from studio.gui.pages.chat.composer import Composer
from studio.gui.pages.chat.conversations import Conversations
from studio.gui.pages.chat.looks import Looks
from studio.gui.pages.chat.memory import Memory
from studio.gui.pages.chat.panes_row import PanesRow
from studio.gui.pages.chat.sampling_panel import SamplingPanel
from studio.gui.pages.chat.sharing import Sharing
from studio.gui.pages.chat.sides import Column, Sides
from studio.gui.pages.chat.speakers import base_of, judges_of, label_of, same, speakers_of, voice_of
from studio.gui.pages.chat.talk import Talk
from studio.gui.pages.chat.top_bar import TopBar
from studio.gui.pages.chat.votes import Votes
from studio.gui.pages.chat.worker import ChatWorker, Loaded, Phase
from studio.gui.widgets.empty_state import EmptyState
from studio.gui.widgets.notice import Notice
from studio.jobs.background import BackgroundTask, end_tasks
from studio.jobs.runs import ProjectRuns, RunRecord
from studio.storage.fingerprints import changed_since
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
        self.worker = ChatWorker(project.logs / "chat.log", self, command)
        self.notice = Notice()
        self.panes = PanesRow()
        self.panes.voice_chosen.connect(self._take_voice)
        self.panes.close_requested.connect(self._close_pane)
        self.sampling = SamplingPanel(project)
        self.sampling.failed.connect(self.notice.show_error)
        self.composer = Composer()
        self.votes = Votes(project, self.panes, self.sampling.system_prompt)
        self.votes.failed.connect(self.notice.show_error)
        self.sharing = Sharing(runs, self.worker, self.notice, self)
        self.memory = Memory(self.worker, self.panes, self.sharing)
        self.memory.begun.connect(self.notice.clear)
        self.memory.failed.connect(self.notice.show_error)
        self.talk = Talk(self.worker, self.panes, self.sampling, self.composer, self.votes, self.memory.have)
        self.memory.given_up.connect(self.talk.give_up)
        self.talk.failed.connect(self.notice.show_error)
        self.talk.state_changed.connect(self._tell)
        self.conversations = Conversations(project, self.worker, self.panes, self.sampling, self.talk)
        self.conversations.failed.connect(self.notice.show_error)
        self.conversations.said.connect(self.notice.show_note)
        self.conversations.opened.connect(self._take_opened)
        self.sessions = self.conversations.panel
        self.sampling.composers_separated.connect(self._separate)
        self.looks = Looks(self.worker, self.panes, self.sampling, self.composer)
        self.looks.failed.connect(self.notice.show_error)
        self.blind = BlindView(project, self.worker, self._how, self.memory.have)
        self.batch = BatchView(project, self.worker, self._how, self.memory.have)
        for view in (self.blind, self.batch):
            view.left.connect(self._show_talk)
            view.failed.connect(self.notice.show_error)
        top = self.top = TopBar()
        top.choice.activated.connect(self._take_choice)
        for button, action in (
            (top.memory, self._load_or_unload),
            (top.more, self._add_pane),
            (top.blind, self._show_blind),
            (top.batch, self._show_batch),
            (top.fresh, self._begin_anew),
            (top.again, self.talk.ask_again),
        ):
            button.clicked.connect(action)
        top.conversations.toggled.connect(self._toggle_sessions)
        top.settings.toggled.connect(self._toggle_sampling)
        self.talk.settings_needed.connect(self._show_settings)
        self.empty = EmptyState(
            tr("Nothing to talk to yet"),
            tr("Train an adapter; as soon as it has saved a checkpoint, talk to it here beside its base model."),
            tr("Train your first adapter"),
        )
        self.empty.action_requested.connect(self.train_requested)
        self._lay_out()
        worker = self.worker
        worker.phase_changed.connect(self._tell)
        worker.loaded.connect(self._take_loaded)
        runs.list_changed.connect(self._take_runs)
        runs.run_ended.connect(self._take_runs)
        self._list()
        self._tell()

    def _lay_out(self) -> None:
        self.sides = Sides(self.sessions, self.panes, self.sampling)
        talk = Column()
        column = QVBoxLayout(talk)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        column.addWidget(self.top)
        column.addWidget(self.sides, 1)
        column.addWidget(self.votes)
        column.addWidget(self.composer)
        self.stack = QStackedWidget()
        self.stack.addWidget(self.empty)
        area = QScrollArea(widgetResizable=True)  # for windows that are not high enough
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setWidget(talk)
        for widget in (area, self.blind, self.batch):
            self.stack.addWidget(widget)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 16, 24, 16)
        layout.addWidget(self.notice)
        layout.addWidget(self.stack, 1)

    # --------------------------------------------------------------------------------------------- what others ask for

    def open_run(self, run_id: str) -> None:
        """Choose a run and load it, so that it is ready when the first message is written."""
        self._list()
        index = self.top.choice.findData(run_id)
        if index >= 0:
            self.top.choice.setCurrentIndex(index)
            self._show_run()
            self.memory.load_missing()
            self.composer.edit.setFocus()

    def open_blind_test(self, run_id: str, prompts: Sequence[str] = ()) -> None:
        """Set up a blind test of a run against its base, on these prompts if any are given."""
        self.open_run(run_id)
        if prompts:
            self.blind.source.type_in(prompts)
        self.blind.show_set_up()
        self.stack.setCurrentWidget(self.blind)
        self.blind.start.setFocus()

    def open_voice(self, voice: Voice) -> None:
        """Talk to a model, an adapter beside its base, and load what is needed."""
        self._know_models()
        base = [Voice(voice.base, asked_like=voice.adapter)] if voice.adapter else []
        self.panes.show_voices([*base, voice])
        self._list()
        self.memory.load_missing()
        self.composer.edit.setFocus()

    def close_down(self) -> None:
        """End the worker, and keep what was said."""
        self.worker.close_down()
        self.votes.close_down()
        self.blind.close_down()
        self.batch.close_down()
        self.conversations.close_down()
        end_tasks(self)

    def showEvent(self, event: QShowEvent) -> None:
        """Know what was trained meanwhile."""
        self._know_models()
        self._list()
        super().showEvent(event)

    def _know_models(self) -> None:
        self._models, self._adapters = offered_models(self._project), talking_adapters(self._project)

    # -------------------------------------------------------------------------------------------------------- the model

    @Slot()
    def _take_runs(self) -> None:
        """Runs came, went or ended. Each is looked at on the disk, so this waits until somebody sees it."""
        if self.isVisible():
            self._list()

    def _list(self) -> None:
        """List the runs that have something to talk to, newest first; the choice stays."""
        chosen = self.top.choice.currentData()
        records = self._runs.records()
        found = [record for record in records if voice_of(record)]
        self.top.choice.clear()
        for record in found:
            self.top.choice.addItem(label_of(record), record.id)
        index = self.top.choice.findData(chosen)
        self.top.choice.setCurrentIndex(index if index >= 0 else 0 if found else -1)
        self.top.choice.setVisible(bool(found))
        self.panes.offer(speakers_of(found, self._models, self._adapters), judges_of(records))
        if found and not len(self.panes):
            self._show_run()
        if self.stack.currentIndex() < 2:
            self.stack.setCurrentIndex(1 if found or len(self.panes) else 0)
        self._tell()

    def _show_run(self) -> None:
        """Give the first two panes to the chosen run: its base, and what it made of it."""
        record = self._record()
        pair = (base_of(record), voice_of(record)) if record else ()
        self.panes.show_voices([voice for voice in pair if voice is not None])
        self._tell()

    def _follow(self) -> None:
        self.memory.follow()
        self._tell()

    def _record(self) -> RunRecord | None:
        chosen = self.top.choice.currentData()
        return next((record for record in self._runs.records() if record.id == chosen), None)

    @Slot(int)
    def _take_choice(self, _index: int) -> None:
        self._show_run()
        self._follow()

    @Slot(str, object)
    def _take_voice(self, key: str, voice: Voice) -> None:
        pane = self.panes[key]
        if pane.voice is None or not same(pane.voice, voice):
            pane.give_to(voice)
        self._follow()
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
            self._follow()

    @Slot(str)
    def _close_pane(self, key: str) -> None:
        if self.worker.phase is Phase.ANSWERING:
            self.worker.stop()
        self.panes.close_pane(key)
        self._follow()

    @Slot()
    def _load_or_unload(self) -> None:
        if self.worker.phase is Phase.CLOSED:
            self.memory.load()
        else:
            self.memory.unload()

    @Slot(object)
    def _take_loaded(self, model: Loaded) -> None:
        for key, name in model.names.items():
            if key in self.panes:
                self.panes[key].set_model(name)
        if model.in_turns:
            self.notice.show_note(
                tr("These base models don't fit into memory together, so each is loaded when it is its turn to answer.")
            )
        self._look_at_bases()
        self.talk.go_ahead()
        self.looks.look_ahead()

    def _look_at_bases(self) -> None:
        """Whether the base models are still what was trained on; in a thread, since weights are read."""
        voices = [(voice.base, voice.adapter) for voice in self.panes.voices().values() if voice.adapter]

        def look(_task: BackgroundTask) -> list[str]:
            return [changed_since(base, adapter) for base, adapter in voices]

        BackgroundTask.begin(self, look, self._take_bases, self.notice.show_error)

    @Slot(object)
    def _take_bases(self, sentences: list[str]) -> None:
        if any(sentences):
            self.notice.show_note("\n".join(translated(said) for said in dict.fromkeys(filter(None, sentences))))

    @Slot()
    def _take_opened(self) -> None:
        self._follow()
        self._list()

    @Slot()
    def _begin_anew(self) -> None:
        self.conversations.begin_anew()
        self.composer.edit.setFocus()

    # ---------------------------------------------------------------------------------------------------- what is shown

    @Slot(bool)
    def _toggle_sampling(self, shown: bool) -> None:
        self.sides.show_side(self.sampling, shown)
        self.looks.look_ahead()

    @Slot()
    def _show_settings(self) -> None:
        self.top.settings.setChecked(True)

    @Slot(bool)
    def _toggle_sessions(self, shown: bool) -> None:
        self.sides.show_side(self.sessions, shown)
        if shown:
            self.sessions.list_again()

    @Slot()
    def _show_talk(self) -> None:
        self.stack.setCurrentIndex(1)
        self._tell()

    @Slot()
    def _show_blind(self) -> None:
        self.blind.source.list_again()
        self.stack.setCurrentWidget(self.blind)

    @Slot()
    def _show_batch(self) -> None:
        self.batch.source.list_again()
        self.stack.setCurrentWidget(self.batch)

    def _how(self) -> dict[str, tuple[Sampling, str]]:
        """How each pane is asked. Raises StudioError."""
        return {
            pane.key: (self.sampling.sampling(pane.key), self.sampling.system_prompt(pane.key)) for pane in self.panes
        }

    @Slot(bool)
    def _separate(self, separate: bool) -> None:
        self.panes.set_separate(separate)
        self.composer.setVisible(not separate)

    @Slot()
    def _tell(self) -> None:
        """Say what the worker does, and offer what can be done."""
        answering, idle = self.worker.phase is Phase.ANSWERING, self.talk.is_idle
        self.top.tell(self.worker, died=self.memory.died, idle=idle, used=self._was_used(), full=self.panes.is_full)
        self.composer.set_answering(answering)
        for pane in self.panes:
            pane.composer.set_answering(answering)
            pane.set_idle(idle)
        self.sampling.set_panes([(pane.key, pane.name) for pane in self.panes])
        self.votes.refresh(idle=idle)

    def _was_used(self) -> bool:
        return any(pane.turns for pane in self.panes)
