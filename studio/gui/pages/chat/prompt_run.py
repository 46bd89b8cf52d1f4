"""Prompts asked one after the other, each of some panes' models at once; the answers come as they are complete."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from PySide6.QtCore import QObject, Signal, Slot

from studio.core.conversation import Sampling
from studio.core.errors import StudioError
from studio.gui.pages.chat.worker import Asked, ChatWorker, Phase

_MARK = "#"  # begins the names under which a run asks, so that they are no pane's


@dataclass(slots=True)
class Task:
    """One prompt. voices: whose models answer, by the panes. answers, models: by the panes too. problem: why there are
    no answers."""

    prompt: str
    voices: Sequence[str]
    answers: dict[str, str] = field(default_factory=dict[str, str])
    models: dict[str, str] = field(default_factory=dict[str, str])
    done: bool = False
    problem: str = ""


class PromptRun(QObject):
    """answered(int): a task is complete. ended(): all are, or it was stopped. failed(): the worker is gone, or its
    models; then it has stopped too, and `go_on` tries again. Why is said by the page."""

    answered = Signal(int)
    ended = Signal()
    failed = Signal()

    def __init__(self, worker: ChatWorker, parent: QObject) -> None:
        super().__init__(parent)
        self._worker = worker
        self.tasks: list[Task] = []
        self._how: Mapping[str, tuple[Sampling, str]] = {}
        self._at: int | None = None  # the task that is being answered
        self._waiting: set[str] = set()
        self.active = False
        worker.begun.connect(self._begin)
        worker.text_arrived.connect(self._add)
        worker.done.connect(self._finish)
        worker.failed.connect(self._skip)
        worker.phase_changed.connect(self._look)

    def begin(self, tasks: Sequence[Task], how: Mapping[str, tuple[Sampling, str]]) -> None:
        """Ask these. how: of each pane, how the next token is chosen and the system prompt."""
        self.tasks, self._how, self._at, self.active = list(tasks), how, None, True
        self._ask_next()

    def stop(self) -> None:
        """Ask no more; what is complete stays."""
        if self.active:
            self.active = False
            if self._at is not None:
                self._worker.stop()
            self._at = None
            self.ended.emit()

    def go_on(self) -> None:
        """Ask what has no answer yet, after a failure or a stop."""
        if not self.active and any(not task.done for task in self.tasks):
            self.active = True
            self._ask_next()

    @property
    def complete(self) -> int:
        """How many tasks are."""
        return sum(task.done for task in self.tasks)

    @Slot()
    def _look(self) -> None:
        if self.active and (self._at is None or self._worker.phase is Phase.CLOSED):
            self._ask_next()

    def _ask_next(self) -> None:
        if self._worker.phase is Phase.CLOSED:
            self._fail()
            return
        if self._worker.phase is not Phase.READY or self._worker.model is None:
            return  # `phase_changed` comes
        number = next((place for place, task in enumerate(self.tasks) if not task.done), None)
        if number is None:
            self.active = False
            self.ended.emit()
            return
        task = self.tasks[number]
        asked: dict[str, Asked] = {}
        for voice in dict.fromkeys(task.voices):
            sampling, system = self._how[voice]
            messages: list[dict[str, Any]] = [{"role": "system", "content": system}] if system else []
            messages.append({"role": "user", "content": task.prompt})
            asked[f"{_MARK}{number}:{voice}"] = Asked(messages, sampling, voice=voice)
            task.answers[voice] = ""
        self._at, self._waiting = number, set(asked)
        self._worker.ask(asked)

    def _task_of(self, name: str) -> tuple[Task | None, str]:
        if not name.startswith(_MARK) or self._at is None or name not in self._waiting:
            return None, ""
        return self.tasks[self._at], name.partition(":")[2]

    @Slot(str, dict)
    def _begin(self, name: str, reply: dict[str, Any]) -> None:
        task, voice = self._task_of(name)
        if task is not None:
            task.models[voice] = str(reply.get("model") or "")

    @Slot(str, str)
    def _add(self, name: str, text: str) -> None:
        task, voice = self._task_of(name)
        if task is not None:
            task.answers[voice] += text

    @Slot(str, dict)
    def _finish(self, name: str, _reply: dict[str, Any]) -> None:
        task, _ = self._task_of(name)
        if task is None or self._at is None:
            return
        self._waiting.discard(name)
        if not self._waiting:
            number, self._at = self._at, None
            task.done = True
            self.answered.emit(number)
            # The next is asked when the worker says that it is ready.

    @Slot(object)
    def _skip(self, error: StudioError) -> None:
        """A prompt that can't be answered, one that is too long for instance; or models that can't be loaded."""
        if self.active and self._at is None:
            self._fail()
        elif self.active and self._at is not None:
            number, self._at = self._at, None
            self.tasks[number].done, self.tasks[number].problem = True, error.what
            self.answered.emit(number)
            self._ask_next()

    def _fail(self) -> None:
        self.active, self._at = False, None
        self.failed.emit()
