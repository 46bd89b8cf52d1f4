"""The demo as a command: its arguments, its stages in order with what is left of it, and the table at the end."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NoReturn

from tqdm import tqdm

from studio.cli.answering import Answering
from studio.cli.demo.clock import Clock
from studio.cli.demo.measuring import Asked, Stage, contest, judged, of_hacking, read_prompts
from studio.cli.demo.report import FILE, shown, write_report
from studio.cli.demo.school import School, distance_of
from studio.core.contests import share
from studio.core.conversation import Sampling
from studio.core.lessons import LESSONS, REWARD, SFT, Lesson, judge_of
from studio.core.methods import METHODS
from studio.core.runs import RunStory
from studio.processes.launch import has_screen, window_command
from studio.storage.resources import carried
from studio.storage.runs import RunFolder
from studio.storage.settings import projects_home

AS_IN_CHAT = Sampling(max_new_tokens=96)  # what a user sees who changes nothing
BASE = "base"
_ASKED = 120
_ASKED_QUICK, _ROWS_QUICK = 10, 400
_SECONDS_ASKING = 8.0  # a stage, on two cores


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments."""
    parser.add_argument("--project", type=Path, metavar="FOLDER", help="where the demo's project goes (a new folder)")
    parser.add_argument("--quick", action="store_true", help="a smoke run of under a minute, too short to learn much")
    parser.add_argument(
        "--with-reward-hacking",
        action="store_true",
        help="a judge that is easy to trick, and PPO by it with and without its KL penalty; adds minutes",
    )
    parser.add_argument("--no-window", action="store_true", help="do not open the window at the end")


def run(arguments: argparse.Namespace) -> int:
    """Make the project, train, compare, report, and open the window where there is a screen. Raises StudioError."""
    folder = arguments.project or _new_folder(projects_home() / "Plumbline demo")
    wanted = [lesson for lesson in LESSONS if arguments.with_reward_hacking or not lesson.optional]
    lessons = [lesson.shortened() if arguments.quick else lesson for lesson in wanted]
    asked = read_prompts(carried("sample_data", "prompts_heldout.jsonl"))[: _ASKED_QUICK if arguments.quick else _ASKED]
    answering = [BASE, *(lesson.name for lesson in lessons if METHODS[lesson.method].talks)]
    clock = Clock(
        {
            **{lesson.name: lesson.seconds for lesson in lessons},
            **{f"asking {name}": _SECONDS_ASKING * len(asked) / _ASKED for name in answering},
        }
    )
    rows = _ROWS_QUICK if arguments.quick else None  # a smoke run should not read what it has no time to learn from
    school = School(folder, carried("resources", "starter"), carried("sample_data"), rows=rows)
    print(f"Project {school.project.folder}")
    for number, lesson in enumerate(lessons, start=1):
        _train(school, lesson, f"[{number}/{len(lessons)}] {lesson.label}", clock)
    stages = _ask_all(school, answering, asked, clock)
    head, rows = _table(stages, asked)
    _show_answers(stages, asked)
    _show_table(head, rows)
    judging = [f"Reward model: {_judged(school.runs[REWARD])}.", *of_hacking(stages)]
    done = f"Done in {clock.seconds:.0f} s."
    file = school.project.folder / FILE
    write_report(file, (head, rows), stages, asked, list(school.runs.values()), [*judging, done])
    print("\n".join(judging) + f"\n\n{done} The project is in {school.project.folder}\nThe report: {file}")
    school.project.close()
    if not arguments.no_window and has_screen():
        subprocess.Popen(window_command(str(school.project.folder)), start_new_session=True)
    else:
        print(f'Look around in it with: plumbline "{school.project.folder}"')
    return 0


def _train(school: School, lesson: Lesson, title: str, clock: Clock) -> None:
    print(f"{title}  ({clock.words(lesson.name)})", flush=True)

    def watch(story: RunStory) -> str:
        return clock.words(lesson.name, story.step / max(story.total, 1))

    school.train(lesson, title=lesson.name, watch=watch)
    clock.finish(lesson.name)


def _ask_all(school: School, names: Sequence[str], asked: Sequence[Asked], clock: Clock) -> list[Stage]:
    """Every stage's answers, with what the judge and the reward model say of them."""
    stages: list[Stage] = []
    print(f"Asking every stage {len(asked)} prompts that training never saw  ({clock.words()})", flush=True)
    with Answering(school.project.logs / "demo-answers.log") as worker:
        for name in names:
            with tqdm(desc=f"Asking {name}", total=len(asked), unit="prompt", file=sys.stderr, disable=None) as bar:
                prompts = [row["prompt"] for row in asked]
                answers = worker.answers(
                    school.base, school.adapter_of(name), prompts, AS_IN_CHAT, report=partial(_advance, bar)
                )
                bar.update(len(asked) - bar.n)
            stage = judged(name, asked, answers)
            told = [(prompt, answer.text) for prompt, answer in zip(prompts, answers, strict=True)]
            stage.rewards = worker.scores(school.base, school.runs[judge_of(name)].adapter, told)
            if name in school.runs:
                stage.seconds, stage.kl = school.runs[name].story().elapsed, distance_of(school.runs[name])
            stages.append(stage)
            clock.finish(f"asking {name}")
    return stages


def _advance(bar: tqdm[NoReturn], done: int, _total: int) -> None:
    bar.update(done - bar.n)


def _show_answers(stages: Sequence[Stage], asked: Sequence[Asked]) -> None:
    width = max(len(stage.name) for stage in stages)
    for number in shown(asked):
        print("\n> " + "\n  ".join(asked[number]["prompt"].splitlines()))
        for stage in stages:
            mark = "✓" if stage.verdicts[number].follows else "✗"
            text = " ⏎ ".join(stage.answers[number].text.splitlines()) or "(nothing)"
            print(f"  {mark} {stage.name:<{width}} {text}")


def _table(stages: Sequence[Stage], asked: Sequence[Asked]) -> tuple[list[str], list[list[str]]]:
    """The head and the rows of the table, as terminal and report show it."""
    sft = next(stage for stage in stages if stage.name == SFT)
    head = [
        "",
        "follows (95 % interval)",
        "better than SFT",
        "judge",
        "reward",
        "KL, nats",
        "ends its turn",
        "trained in",
    ]
    rows = [
        [
            stage.name,
            share(stage.follows, len(asked)),
            "-" if stage is sft else str(contest(asked, stage, sft)),
            f"{stage.gold:.1f}",
            "-" if stage.reward is None else f"{stage.reward:+.1f}",
            "-" if stage.kl is None else f"{stage.kl:.1f}",
            f"{100 * stage.ended / len(asked):.0f} %",
            f"{stage.seconds:.0f} s" if stage.seconds else "-",
        ]
        for stage in stages
    ]
    return head, rows


def _show_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    widths = [max(len(row[place]) for row in (head, *rows)) for place in range(len(head))]
    print()
    for row in (head, *rows):
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _judged(reward: RunFolder) -> str:
    accuracy = [event.number("eval_accuracy") for event in reward.all_events() if event.kind == "evaluation"]
    known = [value for value in accuracy if value is not None]
    told = f"right about {100 * known[-1]:.0f} % of held-out pairs" if known else "no held-out pairs"
    return f"{told} (one label in ten is wrong on purpose), trained in {reward.story().elapsed:.0f} s"


def _new_folder(wanted: Path) -> Path:
    number, folder = 1, wanted
    while folder.exists():
        number += 1
        folder = wanted.with_name(f"{wanted.name} {number}")
    return folder
