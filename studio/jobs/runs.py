"""The runs of the open project: started, followed, stopped, and found again when another program started them.

The run folder is the truth (`storage.runs`); what is kept here can be read again from it at any time.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field

from PySide6.QtCore import QObject, QThread, QTimer, Signal, Slot

from studio.core.curves import Curves
from studio.core.errors import StudioError
from studio.core.events import Event
from studio.core.history import RunHistory
from studio.core.recipes import Recipe
from studio.core.runs import NOT_STARTED, Outcome, RunState, RunStory
from studio.jobs.background import drop_answers
from studio.jobs.queue import PAUSED, ProjectQueue
from studio.jobs.run_threads import FoundRun, RunFinder, RunWatch
from studio.processes.queue import Turn
from studio.processes.training import StopLadder, is_alive, start_run
from studio.storage.consent import check_consent
from studio.storage.project import Project
from studio.storage.recipes import ready_recipe
from studio.storage.run_notes import RunNotes, write_notes
from studio.storage.runs import RunFolder
from studio.storage.trash import Thrown, project_trash

_CLIMB_EVERY = 1000  # ms between looks at the stop ladders

Command = Callable[[RunFolder], list[str]]


@dataclass(slots=True)
class RunRecord:
    """What the window knows of a run. `broken` is a sentence when its recipe can't be read.

    Until the run is followed its `history` is its end alone; `outcome` is None while its worker lives. size: of its
    events.
    """

    folder: RunFolder
    recipe: Recipe | None = None
    history: RunHistory = field(default_factory=lambda: RunHistory(partial=True))
    state: RunState = RunState.STARTING
    outcome: Outcome | None = None
    broken: str = ""
    queued: bool = False
    size: int = 0
    notes: RunNotes = field(default_factory=RunNotes)

    @property
    def id(self) -> str:
        """The run's id, which is its folder's name."""
        return self.folder.id

    @property
    def story(self) -> RunStory:
        """How it stands."""
        return self.history.story

    @property
    def curves(self) -> Curves:
        """Its metrics over its steps; none until it is followed."""
        return self.history.curves

    @property
    def name(self) -> str:
        """What to call it."""
        return self.notes.name or (self.recipe.name if self.recipe else "") or self.id


class ProjectRuns(QObject):
    """All runs of a project. `command` replaces the real worker in tests.

    list_changed(): runs came or went. all_listed(): those that were there at first are known (`is_listed`).
    run_changed(run_id): its record has news. run_ended(run_id): its worker is gone.
    """

    list_changed = Signal()
    all_listed = Signal()
    run_changed = Signal(str)
    run_ended = Signal(str)

    def __init__(self, project: Project, parent: QObject | None = None, command: Command | None = None) -> None:
        super().__init__(parent)
        self._project, self._command = project, command
        self._records: dict[str, RunRecord] = {}
        self._watches: dict[str, RunWatch] = {}
        self._ladders: dict[str, StopLadder] = {}
        self.is_listed = False
        self._timer = QTimer(self)
        self._timer.setInterval(_CLIMB_EVERY)
        self._timer.timeout.connect(self._climb)
        self._finder = RunFinder(project.runs, self)
        self._finder.runs_found.connect(self._take_found)
        self._finder.runs_gone.connect(self._take_gone)
        self._finder.looked.connect(self._take_look)
        self.queue = ProjectQueue(project, command, self)
        self.queue.turn_taken.connect(self._take_turn)
        self.queue.changed.connect(self._take_queue)
        self._finder.start(QThread.Priority.LowPriority)

    def records(self) -> list[RunRecord]:
        """All runs, newest first."""
        return sorted(self._records.values(), key=lambda record: record.id, reverse=True)

    def record(self, run_id: str) -> RunRecord:
        """One run. Raises KeyError."""
        return self._records[run_id]

    def follow(self, run_id: str) -> None:
        """Read a run's whole history into its record, as `run_changed` tells. A living run is always followed."""
        record = self._records[run_id]
        if run_id not in self._watches and record.history.partial:
            self._watch(record)

    def start(self, recipe: Recipe) -> RunRecord:
        """Check a recipe, make its run folder and start its worker. Raises StudioError."""
        record = self._made(recipe)
        self._start_worker(record)
        return record

    def enqueue(self, recipe: Recipe, not_before: float = 0.0) -> RunRecord:
        """Check a recipe, make its run folder and put it into the queue, for a moment or for its turn. Raises
        StudioError."""
        record = self._made(recipe)
        record.state, record.outcome = RunState.WAITING, Outcome(RunState.WAITING, NOT_STARTED)
        self.queue.add(record.folder, not_before)
        return record

    @property
    def is_busy(self) -> bool:
        """Whether something is being trained."""
        return any(not record.state.is_over for record in self._records.values())

    def _made(self, recipe: Recipe) -> RunRecord:
        check_consent(recipe)
        recipe = ready_recipe(self._project, recipe)
        record = RunRecord(RunFolder.create(self._project.runs, recipe), recipe)
        self._records[record.id] = record
        self.list_changed.emit()
        return record

    def resume(self, run_id: str) -> None:
        """Start a run now, from its last checkpoint if there is one. Raises StudioError."""
        record = self._records[run_id]
        paused = record.state is RunState.PAUSED
        self._start_worker(record)
        self.queue.remove(run_id)
        if paused and self.queue.queue.held == PAUSED:
            self.queue.go_on()

    def stop(self, run_id: str, *, save: bool, pause: bool = False) -> None:
        """Ask a run to end, or to pause; should it not listen, the ladder ends it. Raises StudioError."""
        ladder = StopLadder(self._records[run_id].folder, save, pause)
        if pause and self.queue.queue.waiting:  # first, or the next one might take the memory at once
            self.queue.hold(PAUSED)
        ladder.ask()
        self._ladders[run_id] = ladder
        self._timer.start()
        self.run_changed.emit(run_id)

    def is_stopping(self, run_id: str) -> bool:
        """Whether the run was asked to end and has not yet."""
        return run_id in self._ladders

    def annotate(self, run_id: str, notes: RunNotes) -> None:
        """Keep another name, tags or note. Raises StudioError."""
        record = self._records[run_id]
        write_notes(record.folder, notes)
        record.notes = notes
        self.run_changed.emit(run_id)

    def delete(self, run_id: str) -> Thrown:
        """Move a run that is over to the project's trash; `restore` puts it back. Raises StudioError."""
        record = self._records[run_id]
        if is_alive(record.folder.worker()):
            raise StudioError(f"The run “{record.name}” is still training.", "Stop it first.")
        thrown = project_trash(self._project.folder).throw(record.folder.folder, f"The run “{record.name}”")
        self._forget(run_id)
        self.list_changed.emit()
        return thrown

    def restore(self, thrown: Thrown) -> None:
        """Put back a run that was deleted; it is listed soon. Raises StudioError."""
        project_trash(self._project.folder).put_back(thrown)
        self._finder.look_again(thrown.origin.name)

    def close(self) -> None:
        """Stop following and wait for the threads. Workers go on."""
        self._timer.stop()
        self.queue.close()
        threads: list[QThread] = [self._finder, *self.findChildren(RunWatch)]
        for thread in threads:
            thread.requestInterruption()
        for thread in threads:
            thread.wait()
        self._watches.clear()
        drop_answers(self)

    def _start_worker(self, record: RunRecord) -> None:
        self._watch(record, start_run(record.folder, self._command_for(record)))

    def _command_for(self, record: RunRecord) -> list[str] | None:
        return self._command(record.folder) if self._command else None

    def _watch(self, record: RunRecord, process: subprocess.Popen[bytes] | None = None) -> None:
        self._unwatch(record.id)
        record.history = RunHistory(RunStory() if process is not None else record.story, partial=True)
        if process is not None or record.outcome is None:
            record.state, record.outcome = RunState.STARTING, None
            if record.story.ending is None:  # else it is that of an attempt before
                record.state = record.story.state(worker_alive=True)
        watch = RunWatch(record.folder, process, self._command_for(record), self)
        watch.glimpsed.connect(self._take_glimpse)
        watch.caught_up.connect(self._take_history)
        watch.events_read.connect(self._take_events)
        watch.ended.connect(self._take_end)
        watch.finished.connect(watch.deleteLater)
        self._watches[record.id] = watch
        watch.start(QThread.Priority.LowPriority)
        self.run_changed.emit(record.id)

    def _unwatch(self, run_id: str) -> None:
        # Not waited for: it may be in the middle of a long file. What it still sends is ignored.
        watch = self._watches.pop(run_id, None)
        if watch is not None:
            watch.requestInterruption()

    def _forget(self, run_id: str) -> None:
        self._unwatch(run_id)
        self._records.pop(run_id, None)
        self._ladders.pop(run_id, None)

    def _sender(self) -> RunRecord | None:
        """The record of the watch whose signal is being handled; None when that watch was given up."""
        watch = self.sender()
        if isinstance(watch, RunWatch) and self._watches.get(watch.run_id) is watch:
            return self._records.get(watch.run_id)
        return None

    @Slot(object)
    def _take_glimpse(self, history: RunHistory) -> None:
        record = self._sender()
        if record is not None:
            record.history = history
            self.run_changed.emit(record.id)

    @Slot(object)
    def _take_history(self, history: RunHistory) -> None:
        record = self._sender()
        if record is not None:
            record.history = history
            self._tell_news(record)

    @Slot(list)
    def _take_events(self, events: list[Event]) -> None:
        record = self._sender()
        if record is not None:
            for event in events:
                record.history.feed(event)
            self._tell_news(record)

    def _tell_news(self, record: RunRecord) -> None:
        ending = record.story.ending
        if record.outcome is None and (ending is None or ending.time >= self._watches[record.id].began):
            record.state = record.story.state(worker_alive=True)  # else it is that of an attempt before
        self.run_changed.emit(record.id)

    @Slot(object, int)
    def _take_end(self, outcome: Outcome, size: int) -> None:
        record = self._sender()
        if record is None:
            return
        was_alive = record.outcome is None
        self._watches.pop(record.id)
        self._ladders.pop(record.id, None)
        record.outcome, record.state, record.size = outcome, outcome.state, size
        self.run_changed.emit(record.id)
        if was_alive:
            self.run_ended.emit(record.id)

    @Slot(object)
    def _take_turn(self, turn: Turn) -> None:
        """A run of the queue was started."""
        record = self._records.get(turn.run.id)
        if record is None:
            try:
                record = RunRecord(turn.run, turn.run.recipe())
            except StudioError as error:
                record = RunRecord(turn.run, broken=error.sentence)
            self._records[record.id] = record
            self.list_changed.emit()
        self._watch(record, turn.process)

    @Slot()
    def _take_queue(self) -> None:
        """Say anew where each run stands."""
        for record in self._records.values():
            queued = record.id in self.queue.queue
            if queued or record.queued:
                record.queued = queued
                self.run_changed.emit(record.id)

    @Slot(list)
    def _take_found(self, found: list[FoundRun]) -> None:
        for run in found:
            record = self._records.get(run.folder.id)
            new = record is None
            if record is None:
                record = self._records[run.folder.id] = RunRecord(run.folder)
            told = record.outcome is not None and run.outcome is not None and record.size == run.size
            if told or record.id in self._watches:
                continue  # its watch knows better: it has the curves, and how the worker ended
            record.recipe, record.broken, record.outcome, record.notes = run.recipe, run.broken, run.outcome, run.notes
            record.history, record.size = RunHistory(run.story, partial=True), run.size
            if run.outcome is None:
                self._watch(record)
            else:
                record.state = run.outcome.state
                record.queued = record.id in self.queue.queue
                if not new:  # else that it is listed says all
                    self.run_changed.emit(record.id)
        self.list_changed.emit()

    @Slot(list)
    def _take_gone(self, gone: list[str]) -> None:
        for run_id in gone:
            self._forget(run_id)
        self.list_changed.emit()

    @Slot()
    def _take_look(self) -> None:
        if not self.is_listed:
            self.is_listed = True
            self.all_listed.emit()

    @Slot()
    def _climb(self) -> None:
        for ladder in self._ladders.values():
            ladder.climb()
        if not self._ladders:
            self._timer.stop()
