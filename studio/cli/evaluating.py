"""plumbline evaluate: judge models by what they answer, and show all that was judged in the project as a table."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from studio.cli.importing import Bar
from studio.cli.options import add_project, add_settings, given_settings, open_or_create_project
from studio.cli.training import run_of
from studio.core.errors import StudioError
from studio.core.evaluation import COLUMNS, Evaluation, contests_of, figures
from studio.core.evaluation_plan import EvaluationPlan, Measures, Subject
from studio.core.rules import Rule
from studio.processes.asking import Asking
from studio.processes.evaluating import evaluate, let_judge
from studio.storage.datasets import find_dataset
from studio.storage.evaluations import list_evaluations, votes_between
from studio.storage.files import whole_path
from studio.storage.project import Project
from studio.storage.subjects import subject_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments."""
    add_project(parser)
    parser.add_argument(
        "--run", action="append", default=[], metavar="RUN", help="judge what this run made; may be given several times"
    )
    parser.add_argument("--base", type=Path, metavar="FOLDER", help="judge this base model, too")
    parser.add_argument("--dataset", default="", metavar="NAME", help="ask its prompts (default: the sample prompts)")
    parser.add_argument("--heldout-dataset", default="", metavar="NAME", help="measure perplexity on its examples")
    parser.add_argument("--reward-model", metavar="RUN", help="a reward run of the project that scores the answers")
    parser.add_argument("--rule", action="append", default=[], metavar="RULE", help="a rule such as ends, length=5..40")
    parser.add_argument("--judge", type=Path, metavar="FOLDER", help="a local model that compares all that were judged")
    add_settings(parser, "how much is asked", Measures)


def run(arguments: argparse.Namespace) -> int:
    """Judge what is named, then show the table. Raises StudioError."""
    project = open_or_create_project(arguments.project)
    subjects = [subject_of(run_of(project, name)) for name in arguments.run]
    if arguments.base is not None:
        base = whole_path(arguments.base)
        subjects.append(Subject(base.name, base))
    plan = EvaluationPlan(
        find_dataset(project, arguments.dataset).id if arguments.dataset else "",
        find_dataset(project, arguments.heldout_dataset).id if arguments.heldout_dataset else "",
        replace(Measures(), **given_settings(arguments, Measures)),
        tuple(Rule.from_text(text) for text in arguments.rule),
        _reward(project, arguments.reward_model),
    )
    judged: list[Evaluation] = []
    with Asking("evaluate", project.logs / "evaluate.log") as worker:
        for subject in subjects:
            with Bar(f"Judging {subject.name}", "steps") as report:
                known, notes = evaluate(worker, project, subject, plan, report)
            judged.append(known)
            for note in notes:
                print(f"Note on {subject.name}: {note}")
        if arguments.judge is not None:
            folder = whole_path(arguments.judge)
            judge = Subject(folder.name, folder)
            for place, first in enumerate(judged):
                for second in judged[place + 1 :]:
                    with Bar(f"{judge.name}: {first.name} or {second.name}", "prompts") as report:
                        let_judge(worker, project, first, second, judge, report)
    show(project, list_evaluations(project))
    return 0


def show(project: Project, known: list[Evaluation]) -> None:
    """The table of what was judged, and who won against whom."""
    if not known:
        print("Nothing was judged in this project yet. Name a run with --run, or a model with --base.")
        return
    measured = [name for name in COLUMNS if any(figures(one)[name].value is not None for one in known)]
    head = ["", *(COLUMNS[name][0] for name in measured), "on"]
    rows = [[one.name, *(figures(one)[name].text for name in measured), one.prompt_set] for one in known]
    widths = [max(len(row[place]) for row in (head, *rows)) for place in range(len(head))]
    for row in (head, *rows):
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    for place, first in enumerate(known):
        for second in known[place + 1 :]:
            found = {**contests_of(first, second), **votes_between(project, first.name, second.name)}
            for who, contest in found.items():
                print(f"{first.name} against {second.name}, by {who}: {contest}")


def _reward(project: Project, name: str | None) -> tuple[Path, Path] | None:
    if not name:
        return None
    chosen = run_of(project, name)
    if not chosen.is_sealed or chosen.talks:
        raise StudioError(f"The run “{name}” has made no reward model.", "Choose a finished reward run.")
    return chosen.result, Path(chosen.recipe().base_model)
