"""A trial of an installation: the starter model trains two steps in a folder of its own. What an import could not tell
(a card without kernels, a driver too old, a missing library) shows here."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from studio.core.errors import Cancelled, StudioError
from studio.core.methods import SftSettings
from studio.core.recipes import Recipe
from studio.core.runs import RunState
from studio.processes.training import kill_tree, outcome, start_run
from studio.storage.interchange import import_file
from studio.storage.progress import Cancel, never
from studio.storage.project import Project
from studio.storage.recipes import ready_recipe
from studio.storage.resources import carried
from studio.storage.runs import RunFolder

STEPS = 2
_POLL = 0.1  # seconds
_LONGEST = 600.0  # seconds; a first start from a slow disk behind a virus scanner takes minutes


@dataclass(frozen=True, slots=True)
class Trial:
    """How it went. device: what computed, as the worker names it."""

    device: str
    loss: float
    seconds: float


def train_two_steps(worker: Sequence[str], cancelled: Cancel = never) -> Trial:
    """Train with the worker that these words start. Raises StudioError when it fails, Cancelled when asked to end."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="plumbline-trial-", ignore_cleanup_errors=True) as folder:
        run = _prepared(Path(folder))
        process = start_run(run, [*worker, "--worker", "run", str(run.folder)])
        while process.poll() is None:
            late = time.monotonic() - began > _LONGEST
            if cancelled() or late:
                kill_tree(run.worker())
                process.wait()
                if late:
                    raise StudioError(f"The trial training did not end within {_LONGEST / 60:.0f} minutes.")
                raise Cancelled
            time.sleep(_POLL)
        story = run.story()
        ended = outcome(run, story, process.returncode)
        if ended.state is not RunState.FINISHED or story.step != STEPS or story.loss is None:
            raise StudioError(f"The trial training failed: {ended.sentence}", ended.hint, run.log_tail())
        return Trial(story.device, story.loss, time.monotonic() - began)


def _prepared(folder: Path) -> RunFolder:
    rows = [{"instruction": f"Count to {n}.", "output": " ".join(map(str, range(1, n + 1)))} for n in range(2, 10)]
    file = folder / "trial.json"
    file.write_text(json.dumps(rows), encoding="utf-8")
    project = Project.create(folder / "project")
    project.close()  # a lock that is held can't be deleted on Windows, and nobody else comes here
    import_file(project, file)
    settings = SftSettings(max_steps=STEPS, batch_size=2, accumulate=1, checkpoint_minutes=0.0, evaluations=1)
    recipe = Recipe(str(carried("resources", "starter")), "trial", "trial", settings=settings)
    return RunFolder.create(project.runs, ready_recipe(project, recipe))
