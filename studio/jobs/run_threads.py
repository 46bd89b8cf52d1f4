"""The two threads behind `jobs.runs`: one finds runs on disk, one reads a single run to its end."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from PySide6.QtCore import QObject, QThread, Signal

from studio.core.errors import StudioError
from studio.core.history import RunHistory
from studio.core.recipes import Recipe
from studio.core.runs import Outcome, RunStory
from studio.processes.training import Attempt, is_alive, outcome
from studio.storage.glimpses import glimpse
from studio.storage.run_notes import RunNotes, read_notes
from studio.storage.runs import EventReader, RunFolder, list_runs

_LOOK_EVERY = 2000  # ms
_NAP = 100  # ms: how long a thread may take to see that it is asked to end
_SOME = 100  # runs told at once: the newest are listed while the older ones are still looked at
_BATCH = 500  # events handed to the window at once: folding them takes it a few ms at most


@dataclass(frozen=True, slots=True)
class FoundRun:
    """A run as the finder saw it. outcome: None while its worker lives. broken: why its recipe can't be read.

    size: bytes of events that there were.
    """

    folder: RunFolder
    recipe: Recipe | None
    broken: str
    story: RunStory
    outcome: Outcome | None
    size: int
    notes: RunNotes


class RunFinder(QThread):
    """Looks for runs every two seconds, whoever started them.

    runs_found(list of FoundRun): new ones, and ones whose events or worker changed since the last look.
    runs_gone(list of run ids). looked(): one look is over.
    """

    runs_found = Signal(list)
    runs_gone = Signal(list)
    looked = Signal()

    def __init__(self, runs: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._runs = runs
        self._seen: dict[str, tuple[int, bool]] = {}
        self._again: list[str] = []

    def look_again(self, run_id: str) -> None:
        """Tell of a run soon, whether it was seen before or not; may be called from any thread."""
        self._again.append(run_id)

    def run(self) -> None:
        """The thread's body."""
        while not self.isInterruptionRequested():
            self.look()
            for _ in range(_LOOK_EVERY // _NAP):
                if self.isInterruptionRequested():
                    return
                if self._again:
                    break
                self.msleep(_NAP)

    def look(self) -> None:
        """One look, as `run` takes them."""
        while self._again:
            self._seen.pop(self._again.pop(), None)
        present = {run.id: run for run in list_runs(self._runs)}
        found: list[FoundRun] = []
        for run_id, run in present.items():
            if self.isInterruptionRequested():
                return
            if len(found) >= _SOME:
                self.runs_found.emit(found)
                found = []
            alive = is_alive(run.worker())
            mark = (run.heard, alive)
            known = self._seen.get(run_id)
            if known is None or (known != mark and not (known[1] and alive)):  # a living one is followed by its watch
                found.append(_found(run, alive, mark[0]))
            self._seen[run_id] = mark
        gone = [run_id for run_id in self._seen if run_id not in present]
        for run_id in gone:
            del self._seen[run_id]
        if found:
            self.runs_found.emit(found)
        if gone:
            self.runs_gone.emit(gone)
        self.looked.emit()


class RunWatch(QThread):
    """Reads one run's events from the first to the last, and waits for its worker's end.

    glimpsed(history): of a long run, a RunHistory of some of its events. caught_up(history): the RunHistory of all that
    was there; from then on it is the receiver's. events_read(events): a list of Event that came since, in order.
    ended(outcome, size): an Outcome, and how many bytes of events there were.
    """

    glimpsed = Signal(object)
    caught_up = Signal(object)
    events_read = Signal(list)
    ended = Signal(object, int)

    def __init__(
        self,
        run: RunFolder,
        process: subprocess.Popen[bytes] | None,
        command: Sequence[str] | None = None,
        parent: QObject | None = None,
    ) -> None:
        """`process` is the worker when this program started it; its exit code is then known, and when it `began`."""
        super().__init__(parent)
        self.run_id = run.id
        self._run, self._attempt = run, Attempt(run, process, command)
        self.began = 0.0 if process is None else time.time()

    def run(self) -> None:
        """The thread's body."""
        first_look = glimpse(self._run.events)
        if first_look is not None:
            self.glimpsed.emit(first_look)
        reader, history = EventReader(self._run.events), RunHistory()
        while events := reader.read():
            history.feed_all(events)
            if self.isInterruptionRequested():
                return
        story = replace(history.story, warnings=list(history.story.warnings))
        self.caught_up.emit(history)
        del history
        while not self.isInterruptionRequested():
            # Asked before reading: what a worker wrote before it died is then never missed.
            alive = self._attempt.goes_on()
            events = reader.read()
            for event in events:
                story.feed(event)
            for first in range(0, len(events), _BATCH):
                if self.isInterruptionRequested():
                    return
                self.events_read.emit(events[first : first + _BATCH])
                self.msleep(1)  # leaves the window time between the batches of a long history
            if not alive and not events:
                self.ended.emit(outcome(self._run, story, self._attempt.exit_code), reader.offset)
                return
            if not events:
                self.msleep(_NAP)


def _found(run: RunFolder, alive: bool, size: int) -> FoundRun:
    recipe, broken = None, ""
    try:
        recipe = run.recipe()
    except StudioError as error:
        broken = error.sentence
    story = run.recent_story()
    ended = None if alive else outcome(run, story, None)
    return FoundRun(run, recipe, broken, story, ended, size, read_notes(run))
