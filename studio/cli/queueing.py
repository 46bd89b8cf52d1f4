"""plumbline queue: the runs that wait for their turn: show them, put them in order, hold them, or let them run here."""

from __future__ import annotations

import argparse
import time
from datetime import datetime

from studio.cli.options import add_project, open_project
from studio.cli.training import follow, run_of
from studio.core.errors import StudioError
from studio.core.queue import Queue
from studio.core.runs import RunState
from studio.processes.queue import take_turn
from studio.storage.project import Project
from studio.storage.queue import QueueFile

_LOOK_EVERY = 1.0  # seconds
_WHAT = {
    "show": "what waits, the next run first",
    "run": "start one run after another here, until none waits",
    "add": "put a run at the end",
    "remove": "take a run out; it stays in the project",
    "up": "let a run come one place earlier",
    "down": "let a run come one place later",
    "hold": "start nothing until “go-on”",
    "go-on": "start runs again",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments."""
    told = "; ".join(f"{word}: {about}" for word, about in _WHAT.items())
    parser.add_argument("what", nargs="?", choices=list(_WHAT), default="show", metavar="WHAT", help=told)
    parser.add_argument("run", nargs="?", help="the run for add, remove, up and down")
    add_project(parser)


def run(arguments: argparse.Namespace) -> int:
    """Do it. Raises StudioError."""
    project = open_project(arguments.project)
    file = QueueFile(project.folder)
    match arguments.what:
        case "run":
            return _run(project, file)
        case "show":
            _show(file.read())
        case "hold" | "go-on":
            _show(file.change(lambda queue: queue.on_hold("you asked for it." if arguments.what == "hold" else "")))
        case _:
            _show(_change(project, file, arguments.what, arguments.run))
    return 0


def _change(project: Project, file: QueueFile, what: str, named: str | None) -> Queue:
    if not named:
        raise StudioError(f"Which run is meant by “{what}”?", "Name it, as “plumbline queue” lists it.")
    run = run_of(project, named)
    if what == "add":
        return file.add(run)
    if what == "remove":
        return file.remove(run)
    by = -1 if what == "up" else 1
    return file.change(lambda queue: queue.moved(run.id, max(0, (queue.place_of(run.id) or 0) + by)))


def _show(queue: Queue) -> None:
    now = datetime.now()
    for entry in queue.waiting:
        print(f"{entry.run}  {queue.sentence_for(entry.run, now)}")
    if not queue.waiting:
        print("Nothing waits in the queue.")


def _run(project: Project, file: QueueFile) -> int:
    """Take turns until nothing waits. Ctrl+C between runs ends at once, and during one saves it and ends."""
    while (queue := file.read()).waiting:
        if queue.held:
            raise StudioError(f"The queue is on hold: {queue.held}", "Let it go on with “plumbline queue go-on”.")
        turn = take_turn(project)
        if turn is None:
            time.sleep(_LOOK_EVERY)
            continue
        print(f"Run {turn.run.id}")
        ended = follow(turn.run, process=turn.process)
        print(f"{ended.sentence} {ended.hint}")
        if ended.state in (RunState.STOPPED, RunState.PAUSED):
            return 0
    print("Nothing waits in the queue.")
    return 0
