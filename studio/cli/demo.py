"""plumbline demo: teach the starter model to follow instructions, and show what changed.

Everything is real and offline: the sample data is imported into a new project, a worker trains an adapter, and the base
and the tuned model answer prompts that training never saw. The gold judge, which trains nothing, counts who follows.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import textwrap
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tqdm import tqdm

from studio.cli.chatting import Conversation, talkers_of
from studio.cli.training import follow
from studio.core.conversation import Sampling
from studio.core.errors import StudioError
from studio.core.gold_judge import judge
from studio.core.intervals import wilson
from studio.core.methods import SftSettings
from studio.core.recipes import Recipe
from studio.core.runs import RunState
from studio.processes.launch import window_command
from studio.storage.interchange import import_file
from studio.storage.project import Project
from studio.storage.recipes import ready_recipe
from studio.storage.resources import carried
from studio.storage.runs import RunFolder
from studio.storage.settings import projects_home

_SETTINGS = SftSettings(learning_rate=2e-3, epochs=1.0, batch_size=16, accumulate=1, max_length=256, evaluations=4)
_QUICK = SftSettings(learning_rate=2e-3, max_steps=20, batch_size=16, accumulate=1, max_length=256, evaluations=1)
_GREEDY = Sampling(temperature=0.0, max_new_tokens=96)
_ASKED = 100
_ASKED_QUICK = 10
_SHOWN = 5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments."""
    parser.add_argument("--project", type=Path, metavar="FOLDER", help="where the demo's project goes (a new folder)")
    parser.add_argument(
        "--quick", action="store_true", help="a smoke run of well under a minute, too short to learn much"
    )
    parser.add_argument("--no-window", action="store_true", help="do not open the window at the end")


def run(arguments: argparse.Namespace) -> int:
    """Make the project, train, compare, and open the window where there is a screen. Raises StudioError."""
    began = time.monotonic()
    folder = arguments.project or _new_folder(projects_home() / "Plumbline demo")
    project = Project.create(folder)
    print(f"Project {project.folder}")
    info = import_file(project, carried("sample_data", "instructions.json"), "instructions")
    print(f"Imported {info.rows:,} examples as “{info.name}”")

    settings = _QUICK if arguments.quick else _SETTINGS
    recipe = Recipe(str(carried("resources", "starter")), info.id, "Follow instructions", settings=settings)
    trained = RunFolder.create(project.runs, ready_recipe(project, recipe))
    training = time.monotonic()
    ended = follow(trained)
    if ended.state is not RunState.FINISHED:
        raise StudioError(ended.sentence, ended.hint, ended.details)
    training = time.monotonic() - training

    asked = _held_out(_ASKED_QUICK if arguments.quick else _ASKED)
    stages = _ask_all(trained, project.logs / "demo-chat.log", asked)
    _show_answers(stages, asked)
    _show_table(stages, training)
    print(f"\nDone in {time.monotonic() - began:.0f} s. The project is in {project.folder}")
    project.close()
    if not arguments.no_window and _has_screen():
        subprocess.Popen(window_command(str(project.folder)), start_new_session=True)
    else:
        print(f'Look around in it with: plumbline "{project.folder}"')
    return 0


@dataclass(slots=True)
class Stage:
    """One model's answers to the held-out prompts, as the gold judge heard them."""

    model: str = ""
    answers: list[str] = field(default_factory=list[str])
    follows: list[bool] = field(default_factory=list[bool])
    ended: int = 0


def _held_out(count: int) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(carried("sample_data", "heldout.json").read_text(encoding="utf-8"))
    return rows[:: max(1, len(rows) // count)][:count]  # spread over all task families


def _ask_all(trained: RunFolder, log: Path, asked: list[dict[str, Any]]) -> dict[str, Stage]:
    stages: dict[str, Stage] = {}
    with Conversation(talkers_of(trained), log) as conversation:
        for row in tqdm(asked, desc="Comparing", unit="prompt", file=sys.stderr, disable=None):
            conversation.forget()
            for name, pane in conversation.ask(row["prompt"], _GREEDY).items():
                stage = stages.setdefault(name, Stage(pane.model))
                stage.answers.append(pane.answer)
                stage.follows.append(judge(row["check"], pane.answer).follows)
                stage.ended += pane.ending == "end of turn"
    return stages


def _show_answers(stages: dict[str, Stage], asked: list[dict[str, Any]]) -> None:
    width = max(len(stage.model) for stage in stages.values())
    step = max(1, len(asked) // _SHOWN)
    for number in range(0, step * _SHOWN, step):
        print(f"\n> {asked[number]['prompt']}".replace("\n", "\n  ").replace("\n  >", "\n>"))
        for stage in stages.values():
            mark = "✓" if stage.follows[number] else "✗"
            text = " ⏎ ".join(stage.answers[number].splitlines()) or "(nothing)"
            shown = textwrap.shorten(text, 150, placeholder=" …")
            print(f"  {mark} {stage.model:<{width}}  {shown}")


def _show_table(stages: dict[str, Stage], training: float) -> None:
    width = max(len(stage.model) for stage in stages.values())
    print(f"\n{'':<{width}}  follows (95 % interval)   ends its turn   trained in")
    for number, stage in enumerate(stages.values()):
        count, good = len(stage.follows), sum(stage.follows)
        low, high = wilson(good, count)
        seconds = f"{training:.0f} s" if number else "-"
        ends = f"{100 * stage.ended / count:.0f} %"
        follows = f"{100 * good / count:.0f} % ({100 * low:.0f} to {100 * high:.0f} %)"
        print(f"{stage.model:<{width}}  {follows:<25} {ends:<15} {seconds}")


def _new_folder(wanted: Path) -> Path:
    number, folder = 1, wanted
    while folder.exists():
        number += 1
        folder = wanted.with_name(f"{wanted.name} {number}")
    return folder


def _has_screen() -> bool:
    return sys.platform in ("win32", "darwin") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
