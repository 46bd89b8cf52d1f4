"""The conversation that is shown, and those that the project keeps: begun, kept, opened again, sent to Data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import QObject, Signal, Slot

from studio.core.chat_sessions import ChatSession, PaneState
from studio.core.errors import StudioError
from studio.gui.language import tr
from studio.gui.pages.chat.panes_row import PanesRow
from studio.gui.pages.chat.sampling_panel import SamplingPanel
from studio.gui.pages.chat.session_keeper import SessionKeeper
from studio.gui.pages.chat.sessions_panel import SessionsPanel
from studio.gui.pages.chat.talk import Talk
from studio.gui.pages.chat.worker import ChatWorker
from studio.jobs.background import BackgroundTask, end_tasks, wait_for_tasks
from studio.storage.chats import load_chat, send_to_data
from studio.storage.datasets import DatasetInfo
from studio.storage.project import Project


class Conversations(QObject):
    """opened(): another conversation is in the panes, perhaps with other models. said(str). failed(object)."""

    opened = Signal()
    said = Signal(str)
    failed = Signal(object)

    def __init__(
        self, project: Project, worker: ChatWorker, panes: PanesRow, sampling: SamplingPanel, talk: Talk
    ) -> None:
        super().__init__(worker)
        self._project, self._worker, self._panes = project, worker, panes
        self._sampling, self._talk = sampling, talk
        self.keeper = SessionKeeper(project, self._session, self)
        self.keeper.failed.connect(self.failed)
        self.panel = SessionsPanel(project)
        self.panel.open_requested.connect(self.open)
        self.panel.deleted.connect(self._forget)
        self.panel.failed.connect(self.failed)
        self.panel.said.connect(self.said)
        self.keeper.kept.connect(self.panel.set_current)
        talk.settled.connect(self.keeper.keep_soon)
        talk.data_requested.connect(self._send_to_data)

    def begin_anew(self) -> None:
        """Leave the conversation that is shown; it is kept."""
        self._leave(0)
        self.panel.set_current(0)

    def close_down(self) -> None:
        """Keep what was said, and let go of threads."""
        self.keeper.flush()
        self.panel.close_down()
        end_tasks(self)

    @Slot(int)
    def open(self, identity: int) -> None:
        """Show a conversation that was kept, with its models and its settings."""
        self.keeper.flush()
        try:
            session = load_chat(self._project, identity)
        except StudioError as error:
            self.failed.emit(error)
            return
        self._leave(identity)
        voices = [pane.voice for pane in session.panes if pane.voice is not None]
        if voices and len(voices) == len(session.panes):
            self._panes.show_voices(voices)
        kept: dict[str, tuple[Mapping[str, Any], str]] = {}
        for pane, state in zip(self._panes, session.panes, strict=False):
            pane.set_model(state.name or pane.name)
            pane.take(state.dialogue)
            kept[pane.key] = (state.sampling, state.system)
        self._sampling.take_kept(kept)
        self.panel.set_current(identity)
        self.opened.emit()

    def _leave(self, identity: int) -> None:
        self._worker.stop()
        self._talk.give_up("stopped")
        self.keeper.turn_to(identity)
        self._talk.begin_anew()

    def _session(self) -> ChatSession:
        """What is shown, to be kept."""
        panes: list[PaneState] = []
        for pane in self._panes:
            sampling, system = self._sampling.as_kept(pane.key)
            panes.append(PaneState(pane.voice, pane.dialogue, pane.name, sampling, system))
        return ChatSession(panes)

    @Slot(list)
    def _forget(self, identities: list[int]) -> None:
        if self.keeper.identity in identities:
            self.keeper.drop()
            self._talk.begin_anew()

    @Slot(str)
    def _send_to_data(self, key: str) -> None:
        place = [pane.key for pane in self._panes].index(key)
        session = ChatSession.from_json(self._session().to_json())  # a copy: the dialogue goes on
        project = self._project
        wait_for_tasks(self)  # they are added one after the other
        BackgroundTask.begin(self, lambda _: send_to_data(project, session, [place]), self._tell_sent, self.failed)

    @Slot(object)
    def _tell_sent(self, info: DatasetInfo) -> None:
        self.said.emit(
            tr("Sent: the dataset “{name}” under Data has {rows:,} conversations now.", name=info.name, rows=info.rows)
        )
