"""A run's worker: started, found again by pid and start time, and stopped by a ladder that ends with the whole tree."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import psutil
from filelock import FileLock, Timeout

from studio.core.errors import StudioError
from studio.core.runs import NOT_STARTED, Outcome, RunState, RunStory, outcome_of
from studio.processes.launch import start_worker, worker_command
from studio.storage.consent import check_consent
from studio.storage.files import disk_trouble
from studio.storage.recovery import take_smaller_passes
from studio.storage.runs import EventWriter, RunFolder
from studio.storage.workers import WorkerProcess, memory_kills, worker_of

_STARTING = 10.0  # seconds that another program is given to start the same run
# How a process ends that was terminated or killed; on Windows psutil gives it SIGTERM's number. None: it is not known.
_ENDED_FROM_OUTSIDE = (None, -9, -15, 15)
GRACE = 60.0  # for finishing a step and saving
TERMINATE_GRACE = 10.0


def start_run(run: RunFolder, command: Sequence[str] | None = None) -> subprocess.Popen[bytes]:
    """Start (or go on with) a run. The worker resumes by itself from the newest complete checkpoint.

    Raises StudioError when its worker is alive already or cannot be started, and when it would run code that nobody
    agreed to.
    """
    check_consent(run.recipe())
    try:
        # Two programs that start it at the same moment must not both find that nobody trains it.
        with FileLock(run.start_lock, timeout=_STARTING):
            if is_alive(run.worker()):
                raise _trained_already(run)
            return _start(run, command or worker_command("run", str(run.folder)))
    except Timeout as error:
        raise _trained_already(run) from error
    except OSError as error:
        raise disk_trouble(error, run.folder) from error


def _start(run: RunFolder, command: Sequence[str]) -> subprocess.Popen[bytes]:
    run.clear_stop()
    heard = run.heard
    with run.log.open("ab") as log:
        process = start_worker(command, log=log, talks=False)
    try:
        worker = worker_of(process.pid, heard)
        if worker is not None:  # else it is gone already, and whoever watches it will say so
            run.set_worker(worker)
    except BaseException:
        process.kill()  # nobody could find it again
        process.wait()
        raise
    return process


def _trained_already(run: RunFolder) -> StudioError:
    return StudioError(f"The run “{run.id}” is being trained already.", "Open it in Runs to watch it.")


def is_alive(worker: WorkerProcess | None) -> bool:
    """Whether that very process still runs. A zombie is dead."""
    return worker is not None and worker.find() is not None


def kill_tree(worker: WorkerProcess | None) -> None:
    """Kill a worker and everything that it started."""
    process = worker.find() if worker else None
    if process is None:
        return
    family: list[psutil.Process] = [process]
    with contextlib.suppress(psutil.Error):
        family = [*process.children(recursive=True), process]
    for member in family:
        with contextlib.suppress(psutil.Error):
            member.kill()


@dataclass(slots=True)
class StopLadder:
    """Ends a worker step by step: the request it was given, then terminate, then kill. Call `climb` until it is dead.

    A request alone is given `GRACE` seconds, since saving a large model takes its time; nothing here waits.
    """

    run: RunFolder
    save: bool
    pause: bool = False
    grace: float = GRACE
    terminate_grace: float = TERMINATE_GRACE
    clock: Callable[[], float] = time.monotonic
    _asked: float | None = None
    _terminated: float | None = None

    def ask(self) -> None:
        """The first rung. Raises StudioError when the request can't be written."""
        self.run.request_stop(save=self.save, pause=self.pause)
        self._asked = self.clock()

    def climb(self) -> None:
        """Take the next rung when the last one has had its time."""
        now = self.clock()
        if self._asked is None or now - self._asked < self.grace:
            return
        worker = self.run.worker()
        process = worker.find() if worker else None
        if process is None:
            return
        if self._terminated is None:
            self._terminated = now
            with contextlib.suppress(psutil.Error):
                process.terminate()
        elif now - self._terminated >= self.terminate_grace:
            kill_tree(worker)


class Attempt:
    """A run's worker as the program sees it that watches: one that takes the place of another is watched too.

    process: the worker when this program started it, so that its exit code is known. A worker that the system killed
    because memory ran out is started again with smaller passes; `command` is then what starts it.
    """

    def __init__(
        self, run: RunFolder, process: subprocess.Popen[bytes] | None, command: Sequence[str] | None = None
    ) -> None:
        self._run, self._process, self._command = run, process, command

    def goes_on(self) -> bool:
        """Whether somebody is at it. Raises nothing: what can't be started again has ended."""
        if self._process is not None and self._process.poll() is None:
            return True
        if is_alive(self._run.worker()):
            self._process = None  # another one than ours
            return True
        if not was_killed_for_memory(self._run, self.exit_code):
            return False
        with contextlib.suppress(StudioError, OSError):
            if _say_smaller(self._run):
                self._process = start_run(self._run, self._command)
                return True
        return False

    @property
    def exit_code(self) -> int | None:
        """The worker's, once it is gone; None when this program is not its parent."""
        return self._process.returncode if self._process is not None else None


def was_killed_for_memory(run: RunFolder, exit_code: int | None) -> bool:
    """Whether the worker was very likely ended by the system because memory ran out: by the one signal that does it,
    while the kernel's count of such kills rose, and nobody had asked for its end."""
    if exit_code != -getattr(signal, "SIGKILL", 9):
        return False
    worker = run.worker()
    if worker is None or worker.memory_kills < 0:
        return False
    return run.stop_requested() is None and memory_kills() > worker.memory_kills


def _say_smaller(run: RunFolder) -> bool:
    with FileLock(run.lock, timeout=0):  # the journal belongs to whoever holds it
        said = take_smaller_passes(run)
        if said is not None:
            writer = EventWriter(run.events)
            writer.write(said)
            writer.close()
        return said is not None


def outcome(run: RunFolder, story: RunStory, exit_code: int | None) -> Outcome:
    """How a run whose worker is gone ended. exit_code: None when this process was not the worker's parent."""
    worker = run.worker()
    if worker is None and exit_code is None and run.heard == 0 and run.is_there:
        return Outcome(RunState.WAITING, NOT_STARTED, "Start it, or leave it in the queue.")
    if run.is_there and not run.events.is_file():
        return Outcome(
            RunState.FAILED,
            "The file events.jsonl of this run is gone, so it isn't known how it went.",
            "Put it back. What the run has saved can be used all the same.",
        )
    if worker is not None and run.heard <= worker.heard_before:
        story = replace(story, ending=None)  # that of an earlier attempt: this one never said a word
    told = story.ending is not None and story.ending.kind != "failed"
    finished = told and story.state(worker_alive=False) is RunState.FINISHED
    return outcome_of(  # of a thousand runs that are listed most finished, so their logs and checkpoints aren't read
        story,
        exit_code=exit_code,
        asked=exit_code in _ENDED_FROM_OUTSIDE and run.stop_requested() is not None,
        gone=not run.is_there,
        out_of_memory=was_killed_for_memory(run, exit_code),
        log_line="" if told else run.last_log_line(),
        can_resume=not finished and run.last_checkpoint() is not None,
        next_step=_next_step(run) if finished else "",
    )


def _next_step(run: RunFolder) -> str:
    if run.talks:
        return "Compare base and tuned in Chat."
    return "Its report says how well it judges." if run.report.is_file() else ""
