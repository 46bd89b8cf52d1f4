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

from studio.core.conversation import BASE, TUNED, Sampling
from studio.core.errors import StudioError
from studio.core.templates import MODELS_OWN
from studio.jobs.service import WorkerService

LEFT, RIGHT = "left", "right"
PANES: Mapping[str, str] = {LEFT: BASE, RIGHT: TUNED}


class Phase(StrEnum):
    """What the worker is doing."""

    CLOSED = "closed"
    STARTING = "starting"
    LOADING = "loading"
    READY = "ready"
    ANSWERING = "answering"


@dataclass(frozen=True, slots=True)
class Loaded:
    """What is in memory, as the worker says it."""

    base: str
    adapter: str
    context: int
    device: str
    precision: str


class ChatWorker(QObject):
    """Owns the process while there is one.

    phase_changed(). loaded(Loaded). begun(pane, model). text_arrived(pane, text). done(pane, reply: dict).
    failed(StudioError): a load or an answer failed; the worker goes on. died(StudioError): the process is gone.
    """

    phase_changed = Signal()
    loaded = Signal(object)
    begun = Signal(str, str)
    text_arrived = Signal(str, str)
    done = Signal(str, dict)
    failed = Signal(object)
    died = Signal(object)

    def __init__(self, log: Path, parent: QObject | None = None, command: Sequence[str] | None = None) -> None:
        super().__init__(parent)
        self._log, self._command = log, command
        self._service: WorkerService | None = None
        self._load: dict[str, Any] = {}
        self._loads = 0  # that were asked for and not answered; only the last one counts
        self._answer = 0
        self._open: set[str] = set()  # panes whose answers are being written
        self.phase = Phase.CLOSED
        self.what = ""  # is being loaded
        self.model: Loaded | None = None

    def load(self, base: str, adapter: Path) -> None:
        """Start the worker if there is none, and load a model. Raises StudioError when it can't be started."""
        self._load = {"do": "load", "base": base, "adapter": str(adapter), "template": MODELS_OWN}
        self.model, self.what = None, Path(base).name
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

    def ask(self, messages: Mapping[str, Sequence[Mapping[str, str]]], sampling: Sampling) -> None:
        """Ask both models. `messages` holds a conversation for each pane."""
        self._answer += 1
        self._open = set(PANES)
        request = {"do": "answer", "id": self._answer, "panes": PANES, "messages": messages}
        self._send({**request, "sampling": asdict(sampling)})
        self._be(Phase.ANSWERING)

    def stop(self) -> None:
        """End the answers where they are."""
        if self.phase is Phase.ANSWERING:
            self._send({"do": "stop"})

    def close(self) -> None:
        """End the process, which gives its memory back."""
        service, self._service = self._service, None
        self.model, self._open, self._loads = None, set(), 0
        if service is not None:
            service.close()
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
            case {"reply": "loaded"} if self._no_more_loads():
                words = {key: str(reply.get(key) or "") for key in ("base", "adapter", "device", "precision")}
                self.model = Loaded(**words, context=int(reply.get("context") or 0))
                self._be(Phase.READY)
                self.loaded.emit(self.model)
            case {"reply": "failed"} if self._counts(reply):
                self._open = set()
                self._be(Phase.READY)
                words = (str(reply.get(key) or "") for key in ("what", "hint", "details"))
                self.failed.emit(StudioError(*words))
            case {"id": number, "pane": str(pane)} if number == self._answer and pane in self._open:
                self._take_answer(pane, reply)
            case _:
                pass

    def _take_answer(self, pane: str, reply: dict[str, Any]) -> None:
        match reply["reply"]:
            case "begun":
                self.begun.emit(pane, str(reply.get("model") or ""))
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
        self._service, self.model, self._open, self._loads = None, None, set(), 0
        self._be(Phase.CLOSED)
        self.died.emit(error or StudioError("The model process ended.", "Start it again."))
