"""plumbline train: train what a recipe asks for, with a progress bar.

Ctrl+C once finishes the step, saves and ends; twice ends at once. A window that has the project open shows the run too.
"""

from __future__ import annotations

import argparse
import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import NoReturn

from tqdm import tqdm

from studio.cli.options import add_project, add_settings, given_settings, open_project
from studio.cli.reward_figures import evaluation_line, step_figures
from studio.cli.rewarding import add_rewards, ask_consent, rewards_given, with_rewards
from studio.core.errors import StudioError, did_you_mean
from studio.core.events import Event
from studio.core.fields import settings_of
from studio.core.methods import METHODS, TrainSettings
from studio.core.queue import time_from
from studio.core.recipes import Recipe
from studio.core.runs import Outcome, RunState, RunStory
from studio.processes.training import Attempt, StopLadder, kill_tree, outcome, start_run
from studio.storage.project import Project
from studio.storage.queue import QueueFile
from studio.storage.recipes import ready_recipe
from studio.storage.runs import EventReader, RunFolder, list_runs
from studio.storage.templates import template_from

_POLL = 0.1  # seconds
_WORDS = ("base_model", "adapter", "dataset", "template", "name")  # of a recipe, each with a flag


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments."""
    parser.add_argument("recipe", type=Path, nargs="?", help="a recipe file, as “Copy as command” writes it")
    add_project(parser)
    parser.add_argument(
        "--queue", action="store_true", help="put the run into the project's queue, not to start it now"
    )
    parser.add_argument("--at", metavar="TIME", help="the same, not before 23:30, tonight, or a day with its time")
    parser.add_argument("--resume", metavar="RUN", help="go on with a run of the project from its last checkpoint")
    parser.add_argument("--method", choices=list(METHODS), help="how to train (default: the recipe's, or sft)")
    parser.add_argument("--base-model", metavar="FOLDER", help="the base model's folder")
    parser.add_argument("--adapter", metavar="FOLDER", help="an adapter on that model to go on from")
    parser.add_argument("--dataset", metavar="NAME", help="a dataset of the project, by name or id")
    parser.add_argument("--template", help="“model” for the model's own, a prompt template's name, or a .jinja file")
    parser.add_argument("--name", help="what to call the run")
    add_rewards(parser)
    add_settings(parser, "settings (each overrides the recipe's)", *_all_settings())


def run(arguments: argparse.Namespace) -> int:
    """Start or resume a run and follow it to its end. Raises StudioError."""
    project = open_project(arguments.project)
    if arguments.resume:
        if arguments.recipe or _given(arguments):
            raise StudioError("--resume goes on with a run as it is.", "Leave out the recipe and the other flags.")
        folder = run_of(project, arguments.resume)
        ask_consent(arguments, folder.recipe().rewards)
    else:
        recipe = ready_recipe(project, _recipe(arguments, project))
        ask_consent(arguments, recipe.rewards)
        folder = RunFolder.create(project.runs, recipe)
    if arguments.queue or arguments.at:
        moment = time_from(arguments.at, datetime.now()) if arguments.at else 0.0
        queue = QueueFile(project.folder).add(folder, moment)
        print(f"Run {folder.id}\n{queue.sentence_for(folder.id, datetime.now())}")
        print("It goes on while a window has the project open, or “plumbline queue run”.")
        return 0
    print(f"Run {folder.id}")
    ended = follow(folder)
    QueueFile(project.folder).remove(folder)
    print(f"{ended.sentence} {ended.hint}")
    return 0 if ended.state in (RunState.FINISHED, RunState.STOPPED, RunState.PAUSED) else 1


def _given(arguments: argparse.Namespace) -> bool:
    settings = {known.name for declared in _all_settings() for known in settings_of(declared)}
    given = any(getattr(arguments, name) is not None for name in ("method", *_WORDS, *settings))
    return given or rewards_given(arguments)


def _recipe(arguments: argparse.Namespace, project: Project) -> Recipe:
    file: Path | None = arguments.recipe
    words = {key: value for key in _WORDS if (value := getattr(arguments, key)) is not None}
    if "template" in words:
        words["template"] = template_from(project, words["template"])
    if file is None:
        recipe = Recipe(**{"base_model": "", "dataset": "", **words})
    else:
        try:
            text = file.read_text(encoding="utf-8-sig")
        except (OSError, ValueError) as error:
            raise StudioError(f"The recipe “{file}” can't be read ({error}).", "Check the path.") from error
        recipe = replace(Recipe.from_json(text, f"“{file.name}”"), **words)
    if arguments.method and arguments.method != recipe.method:
        recipe = replace(recipe, method=arguments.method, settings=METHODS[arguments.method].settings())
    recipe = replace(recipe, rewards=with_rewards(arguments, recipe.rewards, project.runs))
    given = given_settings(arguments, recipe.how.settings, *_all_settings())
    return replace(recipe, settings=replace(recipe.settings, **given))


def _all_settings() -> list[type[TrainSettings]]:
    return [method.settings for method in METHODS.values()]


def follow(
    folder: RunFolder,
    *,
    title: str = "",
    watch: Callable[[RunStory], str] = lambda story: "",
    process: subprocess.Popen[bytes] | None = None,
) -> Outcome:
    """Start a run's worker and show its progress until it ends. Raises StudioError when it can't be started.

    title: stands before the bar, with the phase. watch: told how the run goes, gives words that stand after the bar.
    process: the worker, when it was started already.
    """
    reader, story = EventReader(folder.events), RunStory()
    while events := reader.read():  # what earlier attempts said
        for event in events:
            story.feed(event)
    ladder: StopLadder | None = None
    with (
        _counted_interrupts() as pressed,
        tqdm(desc=title or "Loading", unit="step", file=sys.stderr, disable=None, dynamic_ncols=True) as bar,
    ):
        attempt, handled = Attempt(folder, process or start_run(folder)), 0
        while True:
            ended = not attempt.goes_on()  # asked before reading, so that no last word is missed
            for event in reader.read():
                story.feed(event)
                _show(bar, event, story, title, watch)
            if ended:
                break
            if len(pressed) > handled:
                handled += 1
                ladder = _interrupt(folder, ladder)
            if ladder is not None:
                ladder.climb()
            time.sleep(_POLL)
    return outcome(folder, story, attempt.exit_code)


@contextlib.contextmanager
def _counted_interrupts() -> Generator[list[int]]:
    """Collects Ctrl+C instead of raising it, so that at no moment the worker is left behind."""
    pressed: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _frame: pressed.append(number))
    try:
        yield pressed
    finally:
        signal.signal(signal.SIGINT, before)


def _interrupt(folder: RunFolder, ladder: StopLadder | None) -> StopLadder:
    if ladder is not None:
        kill_tree(folder.worker())
        return ladder
    tqdm.write("Finishing the step and saving. Ctrl+C again ends at once.", file=sys.stderr)
    ladder = StopLadder(folder, save=True)
    ladder.ask()
    return ladder


_PHASES = {
    "loading": "Loading",
    "encoding": "Tokenising",
    "reference": "Asking the reference",
    "training": "Training",
    "evaluating": "Evaluating",
    "sampling": "Writing samples",
    "saving": "Saving",
}


def _show(bar: tqdm[NoReturn], event: Event, story: RunStory, title: str, watch: Callable[[RunStory], str]) -> None:
    match event.kind:
        case "phase":
            phase = _PHASES.get(story.phase, story.phase)
            bar.set_description(f"{title}: {phase.lower()}" if title else phase)
        case "step":
            bar.total = story.total
            bar.update(story.step - bar.n)
            figures = {"loss": story.loss, "eval": story.eval_loss, "tok/s": story.tokens_per_second}
            plain = {name: f"{value:.4g}" for name, value in figures.items() if value is not None}
            told = [f"{name}={value}" for name, value in (step_figures(event) or plain).items()]
            bar.set_postfix_str(", ".join([*told, *filter(None, [watch(story)])]), refresh=False)
        case "evaluation":
            if told := evaluation_line(event):
                tqdm.write(told, file=sys.stderr)
        case "resumed":
            bar.initial = bar.n = story.step
        case "warning" | "retry":
            tqdm.write(f"{event.text('what')} {event.text('hint')}".strip(), file=sys.stderr)
        case _:
            pass


def run_of(project: Project, run_id: str) -> RunFolder:
    """The project's run of that id. Raises StudioError."""
    known = {run.id: run for run in list_runs(project.runs)}
    if run_id not in known:
        hint = did_you_mean(run_id, known) or (
            f"The newest is {next(iter(known))}." if known else "It has no runs yet."
        )
        raise StudioError(f"The project “{project.name}” has no run “{run_id}”.", hint)
    return known[run_id]
