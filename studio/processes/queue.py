"""Taking turns: starts the next run of a project's queue when none is being trained, whoever else does the same.

A queue moves while a program looks after it: a window with the project open, or `plumbline queue run`. Any number of
them may; each turn is taken under the queue's lock. A program that dies between starting a run and taking it out does
no harm: whoever looks next sees that the run has had another worker since it was put there.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from studio.core.errors import StudioError
from studio.core.queue import Queue
from studio.processes.training import is_alive, start_run
from studio.storage.project import Project
from studio.storage.queue import QueueFile, last_worker
from studio.storage.runs import RunFolder, list_runs

Command = Callable[[RunFolder], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Turn:
    """A run of the queue that was started, with its worker."""

    run: RunFolder
    process: subprocess.Popen[bytes]


def take_turn(project: Project, command: Command | None = None) -> Turn | None:
    """Start the next run of the queue if it is time and nothing else trains. Raises StudioError when the queue's file
    can't be written; a worker that can't be started holds the queue, with the reason."""
    file = QueueFile(project.folder)
    if not file.read().waiting:
        return None
    taken: list[Turn] = []

    def change(queue: Queue) -> Queue:
        runs = {run.id: run for run in list_runs(project.runs)}
        queue = queue.only({run_id: last_worker(run) for run_id, run in runs.items()})
        ready = queue.next_at(time.time())
        if ready is None or any(is_alive(run.worker()) for run in runs.values()):
            return queue
        run = runs[ready.run]
        try:
            taken.append(Turn(run, start_run(run, command(run) if command else None)))
        except StudioError as error:
            return replace(queue, held=error.sentence)
        return queue.without(run.id)

    file.change(change)
    return taken[0] if taken else None
