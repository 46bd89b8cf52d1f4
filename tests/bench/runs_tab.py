"""How the Runs tab bears a long run and a long history.

    python -m tests.bench.runs_tab [STEPS] [RUNS]     # 0 leaves one of the two out

A DPO run of a million steps, with six curves and what they can be drawn over, is opened in a real window that shows
another run: how long until a picture of it is there (made of lines from all over the file), and until all of it is; how
many times a second it can be moved; how late the event loop is while steps arrive ten times a second; and what all that
adds to the memory of a window with no run. Then a project with a thousand runs, with all files that runs leave behind:
how long after the page is there until all of them are listed, and how long it takes to find them on the disk alone. The
last line is a JSON object.
"""

from __future__ import annotations

import json
import math
import os
import random
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import psutil
from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import QApplication

from studio.core.events import Event
from studio.core.messages import Example, Message
from studio.core.methods import METHODS
from studio.core.recipes import Recipe
from studio.gui import theme
from studio.gui.app import Studio
from studio.gui.collector import Collector
from studio.gui.memory import give_back_large_blocks
from studio.gui.preferences import Preferences
from studio.jobs.run_threads import RunFinder
from studio.storage.datasets import add_dataset
from studio.storage.project import Project
from studio.storage.runs import MANIFEST, RunFolder
from studio.storage.workers import WorkerProcess
from tests.bench.event_loop import Heart, figures

STEPS, RUNS = 1_000_000, 1_000
Found = dict[str, object]
_PANS = 60
_LIVE_SECONDS = 10.0
_FRAME = 0.1  # seconds between the batches of a live run


def step_event(step: int, total: int, noise: random.Random) -> Event:
    """A step as DPO's worker says it."""
    done = step / total
    values = {
        "step": step,
        "total": total,
        "epoch": done,
        "elapsed": step * 0.5,
        "tokens": step * 512,
        "loss": 0.7 - 0.3 * done + noise.gauss(0, 0.05),
        "accuracy": min(1.0, 0.5 + 0.4 * done + noise.gauss(0, 0.1)),
        "margin": 2 * done + noise.gauss(0, 0.3),
        "chosen": -done + noise.gauss(0, 0.2),
        "rejected": -3 * done + noise.gauss(0, 0.2),
        "kl": 5 * done + noise.gauss(0, 0.5),
    }
    return Event("step", float(step), values)


def write_long_run(folder: RunFolder, steps: int) -> None:
    """A run that came to its end after so many steps, with a hundred evaluations."""
    noise = random.Random(1)
    with folder.events.open("w", encoding="utf-8") as out:
        out.write(Event("started", 0.0, {"device": "processor"}).to_line())
        out.write(Event("phase", 0.0, {"phase": "training"}).to_line())
        for step in range(1, steps + 1):
            out.write(step_event(step, steps, noise).to_line())
            if step % max(1, steps // 100) == 0:
                out.write(
                    Event("evaluation", float(step), {"step": step, "eval_loss": 0.6, "eval_accuracy": 0.8}).to_line()
                )
        out.write(Event("finished", float(steps), {"step": steps, "adapter": "adapter"}).to_line())


def write_short_run(folder: RunFolder) -> None:
    """A run of a hundred steps, with what it leaves behind."""
    noise = random.Random(2)
    lines = [Event("started", 0.0, {"device": "processor"}).to_line()]
    lines += [step_event(step, 100, noise).to_line() for step in range(1, 101)]
    folder.events.write_text("".join([*lines, Event("finished", 100.0, {"step": 100, "adapter": "adapter"}).to_line()]))
    folder.set_worker(WorkerProcess(2**22 + 1, 1.0))  # no system gives a process such a number
    folder.log.write_text("A line that a library printed.\n" * 200)
    for place in (folder.checkpoints / "checkpoint-50", folder.checkpoints / "checkpoint-100", folder.adapter):
        place.mkdir(parents=True)
        for name in ("adapter_model.safetensors", "adapter_config.json"):
            (place / name).write_text("x" * 100)
        sizes = {"adapter_model.safetensors": 100, "adapter_config.json": 100}
        (place / MANIFEST).write_text(json.dumps({"files": sizes}))


def until(app: QApplication, seconds: float, ready) -> float:
    """Seconds that it took."""
    start = time.perf_counter()
    while not ready():
        if time.perf_counter() - start > seconds:
            raise SystemExit("waited in vain")
        app.processEvents()
        time.sleep(0.001)
    return time.perf_counter() - start


def settled(app: QApplication, seconds: float) -> None:
    end = time.perf_counter() + seconds
    until(app, seconds + 1, lambda: time.perf_counter() > end)


def memory() -> float:
    return psutil.Process().memory_info().rss / 1e6


def pans_a_second(app: QApplication, plots) -> float:
    """How often all plots are moved and painted in a second, as when one of them is dragged."""
    _, last = plots.large._view.viewRange()[0]
    plots.large.range_shown.emit(last * 0.4, last * 0.6)
    settled(app, 0.5)
    start = time.perf_counter()
    for turn in range(_PANS):
        shift = last * 0.2 * math.sin(turn / 5)
        plots.large.range_shown.emit(last * 0.4 + shift, last * 0.6 + shift)
        app.processEvents()
    return _PANS / (time.perf_counter() - start)


def live(app: QApplication, page, runs, run_id: str, total: int) -> dict[str, float]:
    """How late the event loop is while a run of that length goes on: ten steps ten times a second."""
    record, noise, heart = runs.record(run_id), random.Random(3), Heart()
    delays: list[float] = []
    end = time.perf_counter() + _LIVE_SECONDS
    while time.perf_counter() < end:
        for _ in range(10):
            total += 1
            record.history.feed(step_event(total, total + 1000, noise))
        runs.run_changed.emit(run_id)
        delays += heart.measure(app, _FRAME)[1:]
    return figures(delays)


def make_long(project: Project, recipe: Recipe, steps: int) -> tuple[RunFolder, RunFolder]:
    """A long run, and a short one that is newer, so that it is shown first."""
    long = RunFolder.create(project.runs, recipe)
    write_long_run(long, steps)
    named = long.folder.with_name("20260101-000000-dpo-0000")
    long.folder.rename(named)
    short = RunFolder.create(project.runs, recipe)
    write_short_run(short)
    return RunFolder(named), short


def make_many(project: Project, recipe: Recipe, count: int) -> None:
    """So many short runs."""
    for number in range(count):
        made = RunFolder.create(project.runs, recipe)
        named = made.folder.with_name(f"20260101-{number:06}-dpo-{number:04x}")
        made.folder.rename(named)
        write_short_run(RunFolder(named))


def try_long(app: QApplication, studio: Studio, folder: Path, run: RunFolder, short: RunFolder, steps: int) -> Found:
    """Open the long run, move it, and let it go on."""
    found: Found = {"file_MB": round(run.events.stat().st_size / 1e6, 1)}
    before = memory()
    studio.open_folder(str(folder))
    runs = studio.runs
    assert runs is not None
    until(app, 20, lambda: len(runs.records()) == 2)
    start = time.perf_counter()
    studio.show_page("runs")
    page = studio.pages["runs"]
    page.open_run(short.id)
    until(app, 60, lambda: page.view.plots is not None and len(page.view.plots.large.first.trace) == 100)
    page.grab()
    found["page_made_s"] = round(time.perf_counter() - start, 2)
    settled(app, 1)
    record = runs.record(run.id)
    start = time.perf_counter()
    page.open_run(run.id)
    until(app, 60, lambda: len(page.view.plots.large.first.trace) > 200)
    page.grab()
    found["first_picture_s"] = round(time.perf_counter() - start, 2)
    until(app, 300, lambda: not record.history.partial)
    until(app, 60, lambda: len(page.view.plots.large.first.trace) == steps)
    page.grab()
    found["whole_picture_s"] = round(time.perf_counter() - start, 2)
    settled(app, 1)
    found["memory_added_MB"] = round(memory() - before, 1)
    found["pans_per_s"] = round(pans_a_second(app, page.view.plots), 1)
    page.view.plots.show_all()
    settled(app, 1)
    found["live"] = live(app, page, runs, run.id, steps)
    return found


def try_many(app: QApplication, studio: Studio, folder: Path, count: int) -> Found:
    """Find all runs, and list them in the window."""
    found: Found = {}
    for word in ("found_first_s", "found_again_s"):
        start = time.perf_counter()
        finder = RunFinder(folder / "runs")
        finder.look()
        found[word] = round(time.perf_counter() - start, 3)
    studio.open_folder(str(folder))
    studio.show_page("runs")
    page = studio.pages["runs"]
    start = time.perf_counter()
    until(app, 120, lambda: page.model.rowCount() == count)
    page.grab()
    found["all_listed_s"] = round(time.perf_counter() - start, 3)
    return found


def main() -> None:
    steps = int(sys.argv[1]) if len(sys.argv) > 1 else STEPS
    count = int(sys.argv[2]) if len(sys.argv) > 2 else RUNS
    found: Found = {"bench": "runs_tab", "steps": steps, "runs": count}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        os.environ["PLUMBLINE_HOME"] = str(Path(name) / "home")
        empty, long, many = (Project.create(Path(name) / word) for word in ("empty", "long", "many"))
        turns = (Message("user", "a"), Message("assistant", "b"))
        info = add_dataset(long, "data", "data.json", [Example(turns)])
        settings = METHODS["dpo"].settings()
        recipe = Recipe("/models/base", info.id, name="long", method="dpo", settings=settings, dataset_hash="f" * 64)
        run, short = make_long(long, recipe, steps)
        make_many(many, recipe, count)
        for project in (empty, long, many):
            project.close()
        give_back_large_blocks()
        app = QApplication([])
        Collector(app)
        studio = Studio(Preferences())
        theme.apply(app, "light")
        studio.window.show()
        studio.open_folder(str(empty.folder))
        studio.show_page("runs")
        settled(app, 2)
        if steps:
            found |= try_long(app, studio, long.folder, run, short, steps)
        if count:
            found |= try_many(app, studio, many.folder, count)
        studio.window.close()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
