"""A run is a folder, and the folder is the truth about it.

    runs/<id>/
      recipe.json      what was asked (core.recipes), written once before the worker starts
      process.json     {"pid": 123, "created": 1630.12, ...}: the worker, known by pid and start time (storage.workers)
      start.lock       held by a program while it starts the worker
      worker.lock      held by the worker while it lives
      events.jsonl     what the worker said (core.events), append-only; read by windows and the command line
      worker.log       everything that libraries printed
      stop.json        {"save": true, "pause": false}: a request to end; removed when a worker starts
      passes.json      {"batch_size": 1, "accumulate": 8}: in force instead of the recipe's since memory ran out
      checkpoints/checkpoint-<step>/   with manifest.json written last: a checkpoint without a valid one does not exist
      adapter/         the result, moved into place whole; or
      model/           the same when all weights were trained: a model folder of its own

Starting and stopping workers is `studio.processes`; what events add up to is `core.runs` and `core.metrics`.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import orjson

from studio.core import reward_report
from studio.core.errors import StudioError
from studio.core.events import Event
from studio.core.methods import TrainSettings
from studio.core.recipes import Recipe
from studio.core.recovery import Passes
from studio.core.runs import RunStory
from studio.storage.files import disk_trouble, object_in, tail_of, write_whole
from studio.storage.workers import WorkerProcess

MANIFEST = "manifest.json"
_EVENTS_TAILS = (2 * 1024, 64 * 1024)  # bytes; the second where the first holds no step


@dataclass(frozen=True, slots=True)
class StopRequest:
    """A wish that a run ends. save: whether to keep what was done. pause: whether it is to go on later."""

    save: bool
    pause: bool = False


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A complete checkpoint."""

    step: int
    folder: Path


class RunFolder:
    """One run on disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.events = folder / "events.jsonl"  # what the worker said
        self._recipe: Recipe | None = None

    @staticmethod
    def create(runs: Path, recipe: Recipe) -> RunFolder:
        """Make the folder of a new run, with its recipe. Raises StudioError."""
        stamp = datetime.now().strftime("%Y%m%d-%H%M%S")
        run = RunFolder(runs / f"{stamp}-{recipe.method}-{secrets.token_hex(2)}")
        try:
            run.folder.mkdir(parents=True)
        except OSError as error:
            raise disk_trouble(error, run.folder) from error
        try:
            write_whole(run.folder / "recipe.json", recipe.to_json())
            run.events.touch()
        except BaseException:
            shutil.rmtree(run.folder, ignore_errors=True)
            raise
        return run

    @property
    def id(self) -> str:
        """The folder's name."""
        return self.folder.name

    @property
    def log(self) -> Path:
        """What libraries printed."""
        return self.folder / "worker.log"

    @property
    def is_there(self) -> bool:
        """Whether the folder still holds a run: one that was deleted may be made again by who writes in it."""
        return os.path.isfile(self.folder / "recipe.json")

    @property
    def heard(self) -> int:
        """How many bytes of events there are."""
        try:
            return self.events.stat().st_size
        except OSError:
            return 0

    @property
    def start_lock(self) -> Path:
        """Held by a program while it starts the worker."""
        return self.folder / "start.lock"

    @property
    def lock(self) -> Path:
        """Held by the worker while it lives."""
        return self.folder / "worker.lock"

    @property
    def checkpoints(self) -> Path:
        """Where checkpoints are."""
        return self.folder / "checkpoints"

    @property
    def adapter(self) -> Path:
        """The finished adapter; absent until the run is finished, and when all weights are trained."""
        return self.folder / "adapter"

    @property
    def model(self) -> Path:
        """The finished model of a run that trained all weights."""
        return self.folder / "model"

    @property
    def result(self) -> Path:
        """What came out, an adapter or a whole model; absent until the run is finished."""
        return self.model if os.path.isdir(self.model) else self.adapter

    def recipe(self) -> Recipe:
        """What was asked of this run. Raises StudioError when the file is gone or damaged."""
        if self._recipe is not None:  # it is written once and never changes
            return self._recipe
        file = self.folder / "recipe.json"
        try:
            text = file.read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise StudioError(
                f"The recipe of run “{self.id}” can't be read ({error}).",
                "Delete the run, or restore its folder.",
            ) from error
        self._recipe = Recipe.from_json(text, f"The recipe of run “{self.id}”")
        return self._recipe

    def worker(self) -> WorkerProcess | None:
        """The worker that was last started, whether it lives or not."""
        values = object_in(self.folder / "process.json")
        match values:
            case {"pid": int(pid), "created": int() | float() as created}:
                before, kills = values.get("heard_before"), values.get("memory_kills")
                return WorkerProcess(
                    pid,
                    float(created),
                    before if isinstance(before, int) else 0,
                    kills if isinstance(kills, int) else -1,
                )
            case _:
                return None

    def set_worker(self, worker: WorkerProcess) -> None:
        """Record the worker that was started."""
        write_whole(self.folder / "process.json", json.dumps(asdict(worker)) + "\n")

    def request_stop(self, *, save: bool, pause: bool = False) -> None:
        """Ask the worker to end after its step, with or without saving, for good or to go on later."""
        write_whole(self.folder / "stop.json", json.dumps({"save": save, "pause": pause}) + "\n")

    def stop_requested(self) -> StopRequest | None:
        """What the worker was asked; None when nobody wants it to end."""
        file = self.folder / "stop.json"
        if not os.path.exists(file):
            return None
        values = object_in(file)
        return StopRequest(bool(values.get("save", True)), bool(values.get("pause", False)))

    def passes(self, settings: TrainSettings) -> Passes:
        """How a step is divided: as the recipe's settings say, or in smaller passes since memory ran out."""
        match {"parts": 1, "most": 0, **object_in(self.folder / "passes.json")}:
            case {"batch_size": int(size), "accumulate": int(times), "parts": int(parts), "most": int(most)} if (
                size * times == settings.effective_batch and parts > 0
            ):
                return Passes(size, times, parts, most)
            case _:
                return Passes(settings.batch_size, settings.accumulate)

    def set_passes(self, passes: Passes) -> None:
        """Divide steps like this from the next attempt on; the recipe stays as it was."""
        write_whole(self.folder / "passes.json", json.dumps(asdict(passes)) + "\n")

    def clear_stop(self) -> None:
        """Forget a request to end."""
        (self.folder / "stop.json").unlink(missing_ok=True)

    def complete_checkpoints(self) -> list[Checkpoint]:
        """Checkpoints whose files are all there with the sizes that their manifest names, by step."""
        return list(self._checkpoints_from_last())[::-1]

    def last_checkpoint(self) -> Checkpoint | None:
        """The newest complete checkpoint."""
        return next(self._checkpoints_from_last(), None)

    def _checkpoints_from_last(self) -> Iterator[Checkpoint]:
        steps: dict[int, Path] = {}
        for folder in _entries(self.checkpoints):
            prefix, _, number = folder.name.partition("-")
            if prefix == "checkpoint" and number.isdecimal():
                steps[int(number)] = folder
        for step in sorted(steps, reverse=True):
            if _is_complete(steps[step] / MANIFEST):
                yield Checkpoint(step, steps[step])

    @property
    def report(self) -> Path:
        """How well a reward model judges (core.reward_report); absent for other methods."""
        return self.folder / reward_report.FILE

    @property
    def talks(self) -> bool:
        """Whether its method makes what can be talked to; not so when its recipe can't be read."""
        try:
            return self.recipe().how.talks
        except StudioError:
            return False

    @property
    def is_sealed(self) -> bool:
        """Whether its result is finished and whole."""
        return os.path.isfile(self.result / MANIFEST)

    def tuned_folder(self) -> Path | None:
        """What can be talked to, an adapter or a whole model: the result, or else the newest complete checkpoint."""
        if not self.talks:
            return None
        if self.is_sealed:
            return self.result
        last = self.last_checkpoint()
        return last.folder if last else None

    def all_events(self) -> Iterator[Event]:
        """The events so far."""
        reader = EventReader(self.events)
        while events := reader.read():
            yield from events

    def story(self) -> RunStory:
        """What the events so far add up to."""
        return _story_of(self.all_events())

    def recent_story(self) -> RunStory:
        """What the last events add up to, without reading a long file whole: its state and last figures are right."""
        heard = self.heard
        for tail in _EVENTS_TAILS:
            recent = EventReader(self.events, first=max(0, heard - tail)).read()
            story = _story_of(recent)
            if story.total or tail >= heard or (recent and tail == _EVENTS_TAILS[-1]):
                return story
        return self.story()  # the last event is longer than that

    def log_tail(self) -> str:
        """The end of the worker's log, at most 64 kB of it."""
        return tail_of(self.log)

    def last_log_line(self) -> str:
        """The last line of the log that tells something: the error that ends a traceback, not its frames."""
        lines = [line.strip() for line in self.log_tail().splitlines()]
        told = [line for line in lines if line and not line.startswith(("File ", "~", "^", "Traceback"))]
        return told[-1][:300] if told else ""


def seal(folder: Path) -> None:
    """Write a folder's manifest: the mark that everything else in it is complete. Raises OSError or StudioError."""
    files = {
        file.relative_to(folder).as_posix(): file.stat().st_size
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file.name != MANIFEST
    }
    for name in files:
        with (folder / name).open("r+b") as file:  # Windows syncs only what was opened to write
            os.fsync(file.fileno())
    write_whole(folder / MANIFEST, json.dumps({"files": files}, indent=1) + "\n")


def list_runs(runs: Path) -> list[RunFolder]:
    """All runs of a project, newest first; what can't be looked at is left out."""
    found = [run for run in map(RunFolder, _entries(runs)) if run.is_there]
    return sorted(found, key=lambda run: run.id, reverse=True)


class EventWriter:
    """Appends events to a run's file, each whole line at once so that a reader never sees two mixed."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("ab", buffering=0)
        if path.stat().st_size and not _ends_with_newline(path):
            self._file.write(b"\n")  # a line torn by a crash must not swallow the next one

    def write(self, event: Event) -> None:
        """Append one event. Raises OSError."""
        line = event.to_line().encode("utf-8", "replace")
        while line:  # a disk takes a part when it has no room for all; the rest then tells why
            line = line[self._file.write(line) or 0 :]

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def event_of(line: bytes) -> Event | None:
    """The event in a line; None for a torn or unknown one. A run of a million steps is read in seconds, not minutes."""
    try:
        return Event.from_json(orjson.loads(line))
    except orjson.JSONDecodeError:  # it refuses a little that Python's own takes, such as NaN
        return Event.from_line(line)


class EventReader:
    """Reads the events that were appended since the last call. `skipped` counts torn and unknown lines."""

    def __init__(self, path: Path, *, first: int = 0, chunk: int = 256 * 1024) -> None:
        """`first` is the byte to begin at; a line that is cut there counts as torn."""
        self._path, self._chunk = path, chunk
        self.offset = first  # bytes read so far
        self._rest = b""
        self.skipped = 0

    def read(self) -> list[Event]:
        """New events, at most about one chunk of them; an empty list when there is nothing new (or no file yet)."""
        events: list[Event] = []
        while not events:
            try:
                with self._path.open("rb") as file:
                    file.seek(self.offset)
                    data = file.read(self._chunk)
            except OSError:
                return events
            if not data:
                return events
            self.offset += len(data)
            *lines, self._rest = (self._rest + data).split(b"\n")
            for line in lines:
                event = event_of(line) if line else None
                if event is not None:
                    events.append(event)
                elif line:
                    self.skipped += 1
        return events


def _story_of(events: Iterable[Event]) -> RunStory:
    story = RunStory()
    story.feed_all(events)
    return story


def _ends_with_newline(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"


def _entries(folder: Path) -> list[Path]:
    """What is in a folder; nothing when it isn't there, is being deleted or can't be looked at."""
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def _is_complete(manifest: Path) -> bool:
    files = object_in(manifest).get("files")
    if not isinstance(files, dict) or not files:
        return False
    for name, size in cast("dict[str, Any]", files).items():
        try:
            if (manifest.parent / name).stat().st_size != size:
                return False
        except OSError:
            return False
    return True
