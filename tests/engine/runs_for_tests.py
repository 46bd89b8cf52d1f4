"""Making runs on tiny models, and reading what their workers said."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from studio.core.events import Event
from studio.core.messages import Example, Message
from studio.core.methods import METHODS
from studio.core.recipes import Recipe
from studio.core.records import Label, Pair, Passage, Prompt, Ranking, Rating
from studio.core.rewards import Rewards
from studio.core.rules import Rule
from studio.core.samples import SampledSettings
from studio.storage.datasets import add_dataset, find_dataset
from studio.storage.project import Project
from studio.storage.runs import EventReader, RunFolder
from tests.engine.conftest import sentences

# Small steps on a tiny model: fast, and every path is taken (accumulation, an odd last pass, several epochs).
QUICK: dict[str, Any] = {
    "epochs": 3.0,
    "learning_rate": 0.01,
    "max_length": 64,
    "batch_size": 2,
    "accumulate": 2,
    "lora_rank": 4,
    "lora_alpha": 8,
    "held_out": 0.1,
    "evaluations": 4,
    "checkpoint_minutes": 60.0,
}


def project_with(folder: Path, rows: int = 31) -> Project:
    """A project with one dataset of so many examples of unequal lengths."""
    project = Project.create(folder)
    project.close()
    examples = [
        Example((Message("user", prompt), Message("assistant", answer.strip() or "yes")))
        for prompt, answer in zip(sentences(1, rows), sentences(2, rows, 30), strict=True)
    ]
    add_dataset(project, "tiny", "made here", examples)
    return project


def add_kind(project: Project, kind: str, rows: int = 31) -> None:
    """One more dataset, of that kind and named after it."""
    prompts, answers, others = (sentences(seed, rows, longest) for seed, longest in ((1, 12), (2, 20), (3, 20)))
    records: list[Any] = []
    for place, (text, good, bad) in enumerate(zip(prompts, answers, others, strict=True)):
        prompt = (Message("user", text),)
        match kind:
            case "pairs":
                records.append(Pair(prompt, f"the {good}", f"a {bad}"))
            case "labels":
                records.append(Label(prompt, good or "yes", place % 3 > 0))
            case "ratings":
                records.append(Rating(prompt, good or "yes", float(place % 5)))
            case "rankings":
                records.append(Ranking(prompt, (f"the {good}", f"a {bad}", "no"), (1, 2, 2)))
            case "prompts":
                records.append(Prompt(prompt))
            case _:
                records.append(Passage(f"{text} {good} {bad}"))
    add_dataset(project, kind, "made here", records, kind=kind)


def run_in(
    project: Project,
    base: Path,
    method: str = "sft",
    dataset: str = "tiny",
    adapter: str = "",
    rewards: Rewards | None = None,
    **settings: Any,
) -> RunFolder:
    """A new run over one of the project's datasets. What learns from a reward is rewarded by rules unless told."""
    info = find_dataset(project, dataset)
    how = METHODS[method]
    quiet = {"samples": 0} if how.talks and issubclass(how.settings, SampledSettings) else {}
    values = how.settings(**{**QUICK, **quiet, **settings})
    if how.is_rewarded:
        rewards = rewards or Rewards(rules=(Rule("matches", "[aeiou]{2}"), Rule("length", low=2, high=6)))
    recipe = Recipe(
        str(base),
        info.id,
        method=method,
        dataset_hash=info.content_hash,
        adapter=adapter,
        settings=values,
        rewards=rewards or Rewards(),
    )
    return RunFolder.create(project.runs, recipe)


def events_of(run: RunFolder) -> list[Event]:
    """Everything that the run's workers said."""
    reader, found = EventReader(run.events), []
    while events := reader.read():
        found += events
    assert reader.skipped == 0
    return found


def losses_of(run: RunFolder) -> dict[int, float]:
    """Loss by step; a step that was run again counts as it was the last time."""
    return {int(e.values["step"]): float(e.number("loss") or 0) for e in events_of(run) if e.kind == "step"}


def last_of(run: RunFolder) -> Event:
    """The event that ended the run."""
    return events_of(run)[-1]


def start(run: RunFolder) -> subprocess.Popen[bytes]:
    """A real worker for the run."""
    run.clear_stop()
    log = run.log.open("ab")
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "studio", "--worker", "run", str(run.folder)]
    with log:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)


def wait_for_steps(run: RunFolder, process: subprocess.Popen[bytes], count: int) -> None:
    """Return once that many steps were said. Fails when the worker ends before."""
    until = time.monotonic() + 240
    while len([e for e in events_of(run) if e.kind == "step"]) < count:
        assert process.poll() is None, run.log_tail()
        assert time.monotonic() < until, run.log_tail()
        time.sleep(0.02)
