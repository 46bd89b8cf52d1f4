"""Training: one attempt at a run, from its folder to its last event.

What happens in it until it is finished is `engine.attempt`. Every way in which it can end is an event, so that nobody
has to read a log: finished, stopped, paused, or failed with a sentence; or it is told by the exit code.
"""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

from filelock import FileLock, Timeout

from studio.core.errors import StudioError
from studio.core.recovery import out_of_memory
from studio.core.runs import EXIT_DISK_FULL, EXIT_FAILED, EXIT_SAID, EXIT_UNWRITABLE
from studio.engine.attempt import Attempt, say_end, settings_in_force
from studio.engine.checkpoints import sweep
from studio.engine.failures import as_sentence, explain, is_disk_full, is_out_of_memory, log
from studio.engine.journal import Journal, StopBell, Stopped
from studio.engine.machine_watch import MachineWatch
from studio.storage.recovery import take_smaller_passes
from studio.storage.runs import RunFolder
from studio.storage.settings import load_settings
from studio.storage.tensorboard import TensorboardWriter
from studio.storage.workers import worker_of

EXIT_AGAIN = -1  # not for the world outside: memory ran out, and a fresh process is to go on


def train(folder: Path) -> int:
    """Make one attempt at the run in `folder`. Returns an exit code of `core.runs`, or EXIT_AGAIN when the next attempt
    is to be made at once, by another process; StudioError when there is no run."""
    run = RunFolder(folder.absolute())
    if not run.folder.is_dir():
        raise StudioError(f"There is no run in “{run.folder}”.", "It may have been deleted.")
    lock = FileLock(run.lock)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        # Not an event: the journal belongs to the worker that holds the lock.
        log(f"The run “{run.id}” is being trained already by another process.")
        return EXIT_FAILED
    with lock:
        bell = StopBell(run)
        bell.listen()
        try:
            heard = run.heard
            _record_this_process(run, heard)
            journal = Journal(run.events, _tensorboard(run))
        except (OSError, StudioError) as trouble:
            return _unsaid(run, trouble)
        try:
            with MachineWatch(journal):
                Attempt(run, journal, bell).make(partial(_record_this_process, run, heard))
        except Stopped as stopped:
            last = run.last_checkpoint()
            say_end(journal, stopped.request, last.step if last else 0, 0, saved=last is not None)
        except BaseException as error:
            return _fail(run, journal, error)
        finally:
            journal.close()
        return EXIT_SAID


def _tensorboard(run: RunFolder) -> TensorboardWriter | None:
    """What writes the curves for TensorBoard, if the settings say so; what goes wrong there ends no run."""
    try:
        return TensorboardWriter(run) if load_settings().tensorboard else None
    except StudioError as trouble:
        log(trouble.sentence)
        return None


def _record_this_process(run: RunFolder, heard: int) -> None:
    """Who started it has written the same, unless that program died before it could."""
    worker = worker_of(os.getpid(), heard)
    if worker is not None and worker != run.worker():
        run.set_worker(worker)


def _fail(run: RunFolder, journal: Journal, error: BaseException) -> int:
    """Go on in smaller passes when memory ran out; else say why the attempt ends, if need be by the exit code."""
    try:
        if is_out_of_memory(error):
            log(explain(error))
            retry = take_smaller_passes(run)
            if retry is not None:
                journal.pass_on(retry)
                return EXIT_AGAIN
            error = out_of_memory(settings_in_force(run), explain(error))
        said = as_sentence(error, run.folder)
        log(f"{said.details}\n{said.sentence}")
        sweep(run)  # half a checkpoint takes the room that the sentence needs
        journal.reopen()
        journal.say("failed", what=said.what, hint=said.hint, details=said.details)
    except (OSError, StudioError) as trouble:
        return _unsaid(run, trouble)
    return EXIT_FAILED


def _unsaid(run: RunFolder, trouble: OSError | StudioError) -> int:
    """The exit code that says why nothing could be written; the log's last line says it more exactly, if it can."""
    cause = trouble.__cause__ if isinstance(trouble, StudioError) and trouble.__cause__ else trouble
    log(str(trouble))
    return EXIT_DISK_FULL if is_disk_full(cause, run.folder) else EXIT_UNWRITABLE
