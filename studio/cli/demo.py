"""plumbline demo: align the starter model, base -> SFT -> reward model -> DPO, and show what changed.

Everything is real and offline: the sample data is imported into a new project, workers train, and every stage answers
prompts that training never saw. The gold judge, which trains nothing, says who follows and whose answers are better.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import textwrap
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from studio.cli.chatting import Conversation, talkers_of
from studio.cli.training import follow
from studio.core.conversation import BASE, TUNED, Sampling
from studio.core.errors import StudioError
from studio.core.gold_judge import judge, winner
from studio.core.intervals import wilson
from studio.core.methods import DpoSettings, RewardSettings, SftSettings, TrainSettings
from studio.core.recipes import Recipe
from studio.core.runs import RunState
from studio.processes.launch import has_screen, window_command
from studio.storage.interchange import import_file
from studio.storage.models import add_model
from studio.storage.project import Project
from studio.storage.recipes import ready_recipe
from studio.storage.resources import carried
from studio.storage.runs import RunFolder
from studio.storage.settings import projects_home

# A very small model bears, and needs, larger steps than the defaults.
_SFT = SftSettings(learning_rate=2e-3, epochs=3.0, batch_size=16, accumulate=1, max_length=256, evaluations=4)
_REWARD = RewardSettings(learning_rate=1e-3, epochs=1.0, batch_size=16, accumulate=1, max_length=256, evaluations=4)
_DPO = DpoSettings(learning_rate=5e-4, epochs=1.0, batch_size=16, accumulate=1, max_length=256, evaluations=4)
_QUICK = {"max_steps": 12, "evaluations": 1}
_GREEDY = Sampling(temperature=0.0, max_new_tokens=96)
_ASKED = 100
_ASKED_QUICK = 10
_SHOWN = 5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments."""
    parser.add_argument("--project", type=Path, metavar="FOLDER", help="where the demo's project goes (a new folder)")
    parser.add_argument("--quick", action="store_true", help="a smoke run of about a minute, too short to learn much")
    parser.add_argument("--no-window", action="store_true", help="do not open the window at the end")


@dataclass(slots=True)
class Stage:
    """One stage: what it is called, how long it trained, its answers, and what the gold judge says of them."""

    name: str
    seconds: float = 0.0
    answers: list[str] = field(default_factory=list[str])
    follows: list[bool] = field(default_factory=list[bool])
    ended: int = 0


def run(arguments: argparse.Namespace) -> int:
    """Make the project, train, compare, and open the window where there is a screen. Raises StudioError."""
    began = time.monotonic()
    project = Project.create(arguments.project or _new_folder(projects_home() / "Plumbline demo"))
    print(f"Project {project.folder}")
    base = str(add_model(project, carried("resources", "starter")).folder)
    instructions = import_file(project, carried("sample_data", "instructions.json"), "instructions")
    preferences = import_file(project, carried("sample_data", "preferences.jsonl"), "preferences")
    print(f"Imported {instructions.size} and {preferences.size}")

    def train(label: str, method: str, dataset: str, settings: TrainSettings, adapter: str = "") -> RunFolder:
        wanted = replace(settings, **_QUICK) if arguments.quick else settings
        recipe = Recipe(base, dataset, label, method=method, adapter=adapter, settings=wanted)
        folder = RunFolder.create(project.runs, ready_recipe(project, recipe))
        ended = follow(folder, label=label)
        if ended.state is not RunState.FINISHED:
            raise StudioError(ended.sentence, ended.hint, ended.details)
        return folder

    sft = train("Follow instructions (SFT)", "sft", instructions.id, _SFT)
    reward = train("Judge answers (reward model)", "reward", preferences.id, _REWARD)
    dpo = train("Prefer better answers (DPO)", "dpo", preferences.id, _DPO, str(sft.adapter))

    asked = _held_out(_ASKED_QUICK if arguments.quick else _ASKED)
    log = project.logs / "demo-chat.log"
    stages = [
        _ask("base", None, sft, asked, log),
        _ask("SFT", sft, sft, asked, log),
        _ask("DPO", dpo, dpo, asked, log),
    ]
    _show_answers(stages, asked)
    _show_table(stages, asked, reward)
    print(f"\nDone in {time.monotonic() - began:.0f} s. The project is in {project.folder}")
    project.close()
    if not arguments.no_window and has_screen():
        subprocess.Popen(window_command(str(project.folder)), start_new_session=True)
    else:
        print(f'Look around in it with: plumbline "{project.folder}"')
    return 0


def _held_out(count: int) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(carried("sample_data", "heldout.json").read_text(encoding="utf-8"))
    return rows[:: max(1, len(rows) // count)][:count]  # spread over all task families


def _ask(name: str, trained: RunFolder | None, loaded: RunFolder, asked: list[dict[str, Any]], log: Path) -> Stage:
    """Answers of a run's result, or of its base alone when `trained` is None."""
    stage = Stage(name, trained.story().elapsed if trained else 0.0)
    talkers = replace(talkers_of(loaded), asked=(TUNED if trained else BASE,))
    with Conversation(talkers, log) as conversation:
        for row in tqdm(asked, desc=f"Asking {name}", unit="prompt", file=sys.stderr, disable=None):
            conversation.forget()
            (pane,) = conversation.ask(row["prompt"], _GREEDY).values()
            stage.answers.append(pane.answer)
            stage.follows.append(judge(row["check"], pane.answer).follows)
            stage.ended += pane.ending == "end of turn"
    return stage


def _show_answers(stages: list[Stage], asked: list[dict[str, Any]]) -> None:
    step = max(1, len(asked) // _SHOWN)
    for number in range(0, step * _SHOWN, step):
        first, *others = asked[number]["prompt"].splitlines()
        print("\n> " + "\n  ".join([first, *others]))
        for stage in stages:
            mark = "✓" if stage.follows[number] else "✗"
            text = " ⏎ ".join(stage.answers[number].splitlines()) or "(nothing)"
            print(f"  {mark} {stage.name:<5} {textwrap.shorten(text, 150, placeholder=' …')}")


def _show_table(stages: list[Stage], asked: list[dict[str, Any]], reward: RunFolder) -> None:
    sft = stages[1]
    print(f"\n{'':<6} {'follows (95 % interval)':<26} {'better than SFT':<34} {'ends its turn':<14} trained in")
    for stage in stages:
        count = len(asked)
        follows = _share(sum(stage.follows), count)
        ends, seconds = f"{100 * stage.ended / count:.0f} %", f"{stage.seconds:.0f} s" if stage.seconds else "-"
        print(f"{stage.name:<6} {follows:<26} {_wins(stage, sft, asked):<34} {ends:<14} {seconds}")
    print(f"Reward model: {_judged(reward)}")


def _wins(stage: Stage, other: Stage, asked: list[dict[str, Any]]) -> str:
    """How often the gold judge finds a stage's answer better; ties are told apart."""
    if stage is other:
        return "-"
    answers = zip(asked, stage.answers, other.answers, strict=True)
    outcomes = [winner(row["check"], mine, theirs) for row, mine, theirs in answers]
    wins, losses = outcomes.count(1), outcomes.count(-1)
    return f"{_share(wins, wins + losses)}, {outcomes.count(0)} ties" if wins + losses else "all ties"


def _judged(reward: RunFolder) -> str:
    accuracy = [event.number("eval_accuracy") for event in reward.all_events() if event.kind == "evaluation"]
    known = [value for value in accuracy if value is not None]
    told = f"right about {100 * known[-1]:.0f} % of held-out pairs" if known else "no held-out pairs"
    return f"{told}, trained in {reward.story().elapsed:.0f} s"


def _share(part: int, whole: int) -> str:
    low, high = wilson(part, whole)
    return f"{100 * part / whole:.0f} % ({100 * low:.0f} to {100 * high:.0f} %)"


def _new_folder(wanted: Path) -> Path:
    number, folder = 1, wanted
    while folder.exists():
        number += 1
        folder = wanted.with_name(f"{wanted.name} {number}")
    return folder
