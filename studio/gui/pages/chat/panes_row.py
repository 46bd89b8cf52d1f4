"""The panes side by side, one to four of them, each with a model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QWidget

from studio.core.conversation import Voice
from studio.gui.pages.chat.pane import ChatPane
from studio.gui.pages.chat.speakers import Judge, Speaker

KEYS = ("left", "right", "third", "fourth")


class PanesRow(QWidget):
    """Keeps the panes by their keys, from left to right.

    Signals: as of `ChatPane`, its `changed` as branch_changed(str); judge_chosen(str): of its reading;
    message_sent(str, str): the key and what was written in a pane's own composer; stop_requested(); changed() when
    panes came or went.
    """

    voice_chosen = Signal(str, object)
    close_requested = Signal(str)
    look_requested = Signal(str)
    turn_action = Signal(str, str)
    branch_changed = Signal(str)
    message_sent = Signal(str, str)
    stop_requested = Signal()
    judge_chosen = Signal(str)
    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._panes: dict[str, ChatPane] = {}
        self._speakers: Sequence[Speaker] = ()
        self._judges: Sequence[Judge] = ()
        self._separate = False
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(16)

    def __getitem__(self, key: str) -> ChatPane:
        return self._panes[key]

    def __contains__(self, key: str) -> bool:
        return key in self._panes

    def __iter__(self) -> Iterator[ChatPane]:
        return iter(list(self._panes.values()))

    def __len__(self) -> int:
        return len(self._panes)

    @property
    def is_full(self) -> bool:
        """No further pane has room."""
        return len(self._panes) == len(KEYS)

    def voices(self) -> Mapping[str, Voice]:
        """The model of each pane."""
        return {pane.key: pane.voice for pane in self if pane.voice is not None}

    def show_voices(self, voices: Sequence[Voice]) -> None:
        """Have one pane for each of these; conversations of panes that stay go on."""
        for key in list(self._panes)[len(voices) :]:
            self._remove(key)
        for number, voice in enumerate(voices):
            if number < len(self._panes):
                list(self._panes.values())[number].give_to(voice)
            else:
                self._add(voice)
        self._tell()

    def add(self, voice: Voice) -> ChatPane:
        """A further pane at the right."""
        pane = self._add(voice)
        self._tell()
        return pane

    def close_pane(self, key: str) -> None:
        """Take a pane away, its conversation with it."""
        self._remove(key)
        self._tell()

    def offer(self, speakers: Sequence[Speaker], judges: Sequence[Judge] = ()) -> None:
        """The models to choose from, and the reward models that score answers, in every pane."""
        self._speakers, self._judges = speakers, judges
        self._tell()

    def set_separate(self, separate: bool) -> None:
        """Whether each pane has a composer of its own."""
        self._separate = separate
        for pane in self:
            pane.composer.setVisible(separate)

    @Slot(str)
    def _send(self, text: str) -> None:
        self.message_sent.emit(str(self.sender().property("pane")), text)

    def _add(self, voice: Voice) -> ChatPane:
        key = next(key for key in KEYS if key not in self._panes)
        pane = self._panes[key] = ChatPane(key, voice)
        for mine, its in (
            (self.voice_chosen, pane.voice_chosen),
            (self.close_requested, pane.close_requested),
            (self.look_requested, pane.look_requested),
            (self.turn_action, pane.turn_action),
            (self.branch_changed, pane.changed),
            (self.judge_chosen, pane.judge_chosen),
            (self.stop_requested, pane.composer.stop_requested),
        ):
            its.connect(mine)
        pane.composer.setProperty("pane", key)
        pane.composer.message_sent.connect(self._send)
        pane.composer.setVisible(self._separate)
        self._row.addWidget(pane, 1)
        return pane

    def _remove(self, key: str) -> None:
        pane = self._panes.pop(key)
        self._row.removeWidget(pane)
        pane.hide()
        pane.deleteLater()

    def _tell(self) -> None:
        for pane in self:
            pane.offer(self._speakers, alone=len(self._panes) == 1)
            pane.reading.offer_judges([(judge.label, judge) for judge in self._judges])
        self.changed.emit()
