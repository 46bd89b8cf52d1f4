"""Runs: the states a run can be in, and what its events add up to. A run's files are `storage.runs`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from studio.core.events import ENDINGS, Event

# Exit codes of a training worker. Any other code, or a signal, is a crash.
EXIT_SAID = 0  # the last event says how it ended
EXIT_FAILED = 3  # a `failed` event says why
EXIT_DISK_FULL = 4  # there was no room left even to say so
EXIT_UNWRITABLE = 5  # the run's folder can't be written for another reason, so nothing could be said


# Phases in which steps are made; before them a run is starting.
WORKING = ("training", "evaluating", "sampling", "saving")


class RunState(StrEnum):
    """Where a run stands."""

    WAITING = "waiting"
    STARTING = "starting"
    RUNNING = "running"
    FINISHED = "finished"
    STOPPED = "stopped"
    PAUSED = "paused"
    FAILED = "failed"
    INTERRUPTED = "interrupted"

    @property
    def is_over(self) -> bool:
        """No worker is at it; that of a waiting one is still to come."""
        return self not in (RunState.STARTING, RunState.RUNNING)


@dataclass(slots=True)
class RunStory:
    """What the events of a run add up to, fed one by one in the order of the file. Curves are `core.metrics`."""

    attempt: int = 0
    phase: str = ""
    phase_done: int = 0
    phase_total: int = 0
    step: int = 0
    total: int = 0
    epoch: float = 0.0
    elapsed: float = 0.0
    eta: float | None = None
    loss: float | None = None
    eval_loss: float | None = None
    tokens_per_second: float | None = None
    memory_used: float | None = None
    memory_peak: float | None = None
    device: str = ""
    precision: str = ""
    checkpoint_step: int | None = None
    evaluation: Event | None = None  # the last one
    environment: dict[str, str] = field(default_factory=dict[str, str])  # what the last worker said of itself
    ending: Event | None = None
    warnings: list[Event] = field(default_factory=list[Event])

    def feed(self, event: Event) -> None:
        """Take one event into account."""
        match event.kind:
            case "started":
                self.attempt += 1
                self.ending = None
                self.phase, self.phase_done, self.phase_total, self.eta = "loading", 0, 0, None
                self.device, self.precision = event.text("device"), event.text("precision")
                self.environment = {name: str(value) for name, value in event.values.items() if value is not None}
            case "phase":
                self.phase, self.phase_done, self.phase_total = event.text("phase"), 0, 0
            case "progress":
                self.phase_done = int(event.number("done") or 0)
                self.phase_total = int(event.number("total") or 0)
            case "step":
                self._step(event)
            case "evaluation":
                self.eval_loss, self.evaluation = event.number("eval_loss"), event
            case "checkpoint":
                self.checkpoint_step = int(event.number("step") or 0)
            case "resumed":
                self.step = int(event.number("step") or 0)
            case "warning" | "retry":
                self.warnings.append(event)
            case _ if event.kind in ENDINGS:
                self.ending = event
                self.phase, self.eta = "", None
            case _:
                pass

    def feed_all(self, events: Iterable[Event]) -> None:
        """Take many events into account. Of steps in a row only the last one tells how the run stands."""
        last: Event | None = None
        for event in events:
            if event.kind == "step":
                last = event
                continue
            if last is not None:
                self._step(last)
                last = None
            self.feed(event)
        if last is not None:
            self._step(last)

    def _step(self, event: Event) -> None:
        self.step = int(event.number("step") or 0)
        self.total = int(event.number("total") or self.total)
        self.epoch = event.number("epoch") or self.epoch
        self.elapsed = event.number("elapsed") or self.elapsed
        self.eta = event.number("eta")
        self.loss = event.number("loss")
        self.tokens_per_second = event.number("tokens_per_second")
        self.memory_used = event.number("memory_used") or self.memory_used
        self.memory_peak = event.number("memory_peak") or self.memory_peak

    def state(self, *, worker_alive: bool) -> RunState:
        """Where the run stands, given whether its worker lives."""
        if self.ending is not None:
            return _ENDED[self.ending.kind]
        if not worker_alive:
            return RunState.INTERRUPTED
        # Of a long run only the end may have been read: steps, and no word of the phase before them.
        works = self.phase in WORKING if self.phase else self.step > 0
        return RunState.RUNNING if works else RunState.STARTING


NOT_STARTED = "It has not been started yet."

_ENDED = {
    "finished": RunState.FINISHED,
    "stopped": RunState.STOPPED,
    "paused": RunState.PAUSED,
    "failed": RunState.FAILED,
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended, for a person: one sentence, what to do next, and what else a worker said that failed."""

    state: RunState
    sentence: str
    hint: str = ""
    details: str = ""
    exit_code: int | None = None
    log_line: str = ""


def outcome_of(story: RunStory, *, exit_code: int | None, log_line: str, **known: Any) -> Outcome:
    """The outcome of a run whose worker is gone; see `_told` for what is known of it."""
    told = _told(story, exit_code=exit_code, log_line=log_line, **known)
    return replace(told, exit_code=exit_code, log_line=log_line)


def _told(
    story: RunStory,
    *,
    exit_code: int | None,
    log_line: str,
    can_resume: bool,
    next_step: str = "",
    asked: bool = False,
    gone: bool = False,
    out_of_memory: bool = False,
) -> Outcome:
    """The outcome of a run whose worker is gone.

    exit_code: the worker's, negative for a signal (as `subprocess` gives it), None when it is not known.
    log_line: the last meaningful line of the worker's log. can_resume: whether a complete checkpoint exists.
    next_step: what to do with the result of a finished run. asked: whether it was ended because the user wanted it to
    end. gone: whether the run's folder no longer exists. out_of_memory: whether the system killed a process for memory
    while the worker lived.
    """
    state = story.state(worker_alive=False)
    at = f"step {story.step:,} of {story.total:,}" if story.total else "the beginning"
    again = (
        "Press Resume to go on from the last checkpoint."
        if can_resume
        else "No checkpoint was saved yet; start it again."
    )
    if gone:
        return Outcome(
            RunState.FAILED,
            f"The run's folder is gone, so training ended at {at}.",
            "It was moved or deleted, or its disk unplugged. Put it back, or start a new run.",
        )
    if story.ending is not None:
        ending = story.ending
        if state is RunState.FINISHED:
            return Outcome(state, _finished(story, ending), next_step)
        if state is RunState.STOPPED:
            if ending.values.get("saved"):
                return Outcome(
                    state,
                    f"Stopped at {at}, as you asked; everything is saved.",
                    "Resume goes on exactly from here.",
                )
            return Outcome(
                state,
                f"Stopped at {at}, as you asked; the steps since the last checkpoint were discarded.",
                again,
            )
        return Outcome(state, ending.text("what"), ending.text("hint") or again, ending.text("details"))
    if exit_code == EXIT_DISK_FULL:
        return Outcome(
            RunState.FAILED,
            f"The disk is full, so training ended at {at}.",
            f"Free some space. {again}",
        )
    if exit_code == EXIT_UNWRITABLE:
        why = f": {log_line}" if log_line else "."
        return Outcome(
            RunState.FAILED,
            f"The run's folder can't be written, so training ended at {at}{why}",
            f"Check the folder's permissions and its disk. {again}",
        )
    if asked:
        return Outcome(RunState.STOPPED, f"Ended at {at}, as you asked, before it could save.", again)
    said = f" Its last words were: “{log_line}”." if log_line else ""
    if exit_code == -9 and out_of_memory:
        return Outcome(
            state,
            f"The system ended the training process at {at}, very likely because memory ran out.",
            f"Close other programs or train with fewer examples at a time. {again}",
        )
    if exit_code is not None and exit_code < 0:
        cause = _signals.get(-exit_code, f"by signal {-exit_code}")
        return Outcome(state, f"The training process was ended {cause} at {at}.{said}", again)
    code = "" if exit_code is None else f" with exit code {exit_code}"
    return Outcome(state, f"The training process ended without a word{code} at {at}.{said}", again)


def _finished(story: RunStory, ending: Event) -> str:
    """How a run finished: whether before its last step, and which step's weights are its result."""
    best, waited = ending.number("best"), ending.number("early")
    told = f"Finished after {story.step:,} step{'s' * (story.step != 1)}."
    if waited:
        told = (
            f"Ended early after {story.step:,} of {story.total:,} steps: {waited:,.0f} evaluations in a row were no "
            "better than the best before them."
        )
    if best:
        told += (
            " The result is that step, the best."
            if best == story.step
            else f" The result is step {best:,.0f}, the best."
        )
    return told


_signals = {
    9: "from outside (signal 9, often the system running out of memory)",
    15: "from outside (signal 15)",
    11: "by a crash in a library (signal 11)",
    6: "by a crash in a library (signal 6)",
    7: "by a memory error (signal 7, often a full disk)",
}
