"""Runs on disk as a worker would have left them, for tests of pages: no process is started."""

from __future__ import annotations

from pathlib import Path

from studio.core.events import Event
from studio.core.recipes import Recipe
from studio.storage.project import Project
from studio.storage.runs import EventWriter, RunFolder


def finished_run(project: Project, recipe: Recipe, number: int = 0, steps: int = 5) -> RunFolder:
    """A run that came to its end; the higher its number, the later it was made."""
    run = RunFolder.create(project.runs, recipe)
    named = RunFolder(run.folder.with_name(f"20260101-{number:06}-{recipe.method}-{number:04x}"))
    run.folder.rename(named.folder)
    writer = EventWriter(named.events)
    writer.write(Event("started", 1.0, {"device": "processor", "torch": "2.0", "precision": "fp32"}))
    for step in range(1, steps + 1):
        values = {
            "step": step,
            "total": steps,
            "loss": 1.0 / step + number,
            "elapsed": float(step),
            "tokens": step * 10,
        }
        writer.write(Event("step", 1.0 + step, values))
    writer.write(Event("evaluation", 9.0, {"step": steps, "eval_loss": 0.5 + number}))
    writer.write(Event("finished", 10.0, {"step": steps, "adapter": "adapter"}))
    writer.close()
    return named


def file_in(folder: Path, name: str) -> str:
    """The path of a file in a folder, as a dialog gives it."""
    return str(folder / name)
