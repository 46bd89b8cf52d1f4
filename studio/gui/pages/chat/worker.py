"""The chat worker as the page sees it: started on first use, told what to load, asked, stopped, closed.

It knows the protocol of `core.conversation` and nothing of widgets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal, Slot

from studio.core.conversation import Sampling, Voice
from studio.core.errors import StudioError
from studio.jobs.service import WorkerService

Messages = Sequence[Mapping[str, Any]]


_GRACE = 1.0  # seconds; then its memory is taken


class Phase(StrEnum):
    """What the worker is doing."""

    CLOSED = "closed"
    STARTING = "starting"
    LOADING = "loading"
    READY = "ready"
    ANSWERING = "answering"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a pane is asked. held: the beginning of its answer, which it goes on with. voice: whose model answers; the
    pane's own when it is empty."""

    messages: Messages
    sampling: Sampling
    held: str = ""
    voice: str = ""


@dataclass(frozen=True, slots=True)
class Look:
    """Something that was asked of a pane's model beside answers."""

    kind: str
    pane: str
    number: int


@dataclass(frozen=True, slots=True)
class Loaded:
    """What is in memory, as the worker says it: name and context of each pane's voice; the least context of all.

    in_turns: not all at once, since they don't fit into memory together.
    """

    names: Mapping[str, str]
    contexts: Mapping[str, int]
    context: int
    device: str
    precision: str
    in_turns: bool


class ChatWorker(QObject):
    """Owns the process while there is one.

    phase_changed(). loaded(Loaded). begun(pane, reply: dict). text_arrived(pane, text). done(pane, reply: dict).
    looked(Look, reply: dict): the reply to something that was looked at. failed(StudioError): a load or an answer
    failed; the worker goes on. look_failed(Look, StudioError): a look did. died(StudioError): the process is gone.
    """

    phase_changed = Signal()
    loaded = Signal(object)
    begun = Signal(str, dict)
    text_arrived = Signal(str, str)
    done = Signal(str, dict)
    looked = Signal(object, dict)
    failed = Signal(object)
    look_failed = Signal(object, object)
    died = Signal(object)

    def __init__(self, log: Path, parent: QObject | None = None, command: Sequence[str] | None = None) -> None:
        super().__init__(parent)
        self._log, self._command = log, command
        self._service: WorkerService | None = None
        self._load: dict[str, Any] = {}
        self._loads = 0  # that were asked for and not answered; only the last one counts
        self._answer = 0
        self._last_look = 0  # numbered downwards from 0, so that no look has an answer's number
        self._looks: dict[int, Look] = {}  # that were asked for and not told
        self._open: set[str] = set()  # panes whose answers are being written
        self.phase = Phase.CLOSED
        self.what = ""  # is being loaded
        self.model: Loaded | None = None

    def load(self, voices: Mapping[str, Voice], *, on_processor: bool = False) -> None:
        """Start the worker if there is none, and load a voice for each pane; on_processor: not on the card that there
        may be. Raises StudioError when it can't be started."""
        wanted = {pane: voice.as_dict() for pane, voice in voices.items()}
        self._load = {"do": "load", "voices": wanted, "device": "cpu" if on_processor else ""}
        self.model, self.what = None, next(iter(voices.values())).base.name
        if self.phase is Phase.STARTING:
            return  # it is sent when the worker is ready
        if self._service is not None:
            self._send_load()
            return
        service = WorkerService("chat", self._log, self, self._command)
        service.reply_arrived.connect(self._take_reply)
        service.ended.connect(self._take_end)
        service.finished.connect(service.deleteLater)
        self._service = service
        self._be(Phase.STARTING)
        service.start()

    def ask(self, asked: Mapping[str, Asked]) -> None:
        """Ask the panes."""
        self._answer += 1
        self._open = set(asked)
        panes = {
            pane: {
                "voice": one.voice or pane,
                "messages": one.messages,
                "sampling": asdict(one.sampling),
                "held": one.held,
            }
            for pane, one in asked.items()
        }
        self._send({"do": "answer", "id": self._answer, "panes": panes})
        self._be(Phase.ANSWERING)

    def look(self, kind: str, pane: str, messages: Messages, **more: Any) -> Look:
        """Have a pane's model look at something: “read” an answer, tell the “next” token, “count” tokens, or “score”
        answers; `looked` brings it. Of what only the latest counts, the former is forgotten."""
        self._last_look -= 1
        look = Look(kind, pane, self._last_look)
        if kind in ("next", "count"):
            self._looks = {
                number: other for number, other in self._looks.items() if (other.kind, other.pane) != (kind, pane)
            }
        self._looks[look.number] = look
        self._send({"do": kind, "id": look.number, "voice": pane, "messages": messages, **more})
        return look

    def stop(self) -> None:
        """End the answers where they are."""
        if self.phase is Phase.ANSWERING:
            self._send({"do": "stop"})

    def close(self) -> None:
        """End the process, which gives its memory back."""
        service, self._service = self._service, None
        self.model, self._open, self._loads, self._looks = None, set(), 0, {}
        if service is not None:
            service.close(_GRACE)
        self._be(Phase.CLOSED)

    def close_down(self) -> None:
        """End the process and wait for the threads that read it."""
        self.close()
        for service in self.findChildren(WorkerService):
            service.wait()

    def _send(self, request: Mapping[str, Any]) -> None:
        # A worker that is gone is told by its end, which follows.
        if self._service is not None:
            self._service.send(request)

    def _send_load(self) -> None:
        self._loads += 1
        self._send(self._load)
        self._be(Phase.LOADING)

    def _no_more_loads(self) -> bool:
        """Count an answer to a load; whether it was to the last one."""
        self._loads = max(0, self._loads - 1)
        return self._loads == 0

    def _is_look(self, reply: Mapping[str, Any]) -> bool:
        """Whether a reply is to a look, and not to an answer."""
        number = reply.get("id")
        return isinstance(number, int) and number < 0

    def _counts(self, failure: Mapping[str, Any]) -> bool:
        """Whether a failure is about what is wanted now, and not about a former load or answer."""
        if failure.get("id") is not None:
            return failure["id"] == self._answer and self.phase is Phase.ANSWERING
        return self.phase is not Phase.LOADING or self._no_more_loads()

    def _be(self, phase: Phase) -> None:
        self.phase = phase
        self.phase_changed.emit()

    @Slot(dict)
    def _take_reply(self, reply: dict[str, Any]) -> None:
        if self.sender() is not self._service:
            return  # of a worker that was closed
        match reply:
            case {"reply": "ready"}:
                self._send_load()
            case {"reply": "loading", "what": what}:
                self.what = str(what)
                self._be(Phase.LOADING)
            case {"reply": "loaded", "voices": dict(voices)} if self._no_more_loads():
                self.model = _loaded(voices, reply)
                self._be(Phase.READY)
                self.loaded.emit(self.model)
            case {"id": number} if self._is_look(reply):
                look = self._looks.pop(number, None)
                if look is not None:
                    failed = reply["reply"] == "failed"
                    self.look_failed.emit(look, _error(reply)) if failed else self.looked.emit(look, reply)
            case {"reply": "failed"} if self._counts(reply):
                self._open = set()
                self._be(Phase.READY)
                self.failed.emit(_error(reply))
            case {"id": number, "pane": str(pane)} if number == self._answer and pane in self._open:
                self._take_answer(pane, reply)
            case _:
                pass

    def _take_answer(self, pane: str, reply: dict[str, Any]) -> None:
        match reply["reply"]:
            case "begun":
                self.begun.emit(pane, reply)
            case "text":
                self.text_arrived.emit(pane, str(reply.get("text") or ""))
            case "done":
                self._open.discard(pane)
                self.done.emit(pane, reply)
                if not self._open and self.phase is Phase.ANSWERING:
                    self._be(Phase.READY)
            case _:
                pass

    @Slot(object)
    def _take_end(self, error: StudioError | None) -> None:
        if self.sender() is not self._service:
            return
        self._service, self.model, self._open, self._loads, self._looks = None, None, set(), 0, {}
        self._be(Phase.CLOSED)
        self.died.emit(error or StudioError("The model process ended.", "Start it again."))


def _loaded(voices: Mapping[str, Mapping[str, Any]], reply: Mapping[str, Any]) -> Loaded:
    contexts = {pane: int(told.get("context") or 0) for pane, told in voices.items()}
    return Loaded(
        {pane: str(told.get("name") or "") for pane, told in voices.items()},
        contexts,
        min((context for context in contexts.values() if context), default=0),
        str(reply.get("device") or ""),
        next((str(told.get("precision") or "") for told in voices.values()), ""),
        bool(reply.get("in_turns")),
    )


def _error(reply: Mapping[str, Any]) -> StudioError:
    return StudioError(*(str(reply.get(key) or "") for key in ("what", "hint", "details")))
