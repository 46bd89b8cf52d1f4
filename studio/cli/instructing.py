"""plumbline instruct: turn labelled rows (sentiment, inference, questions on a text) into instructions."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from studio.cli.importing import Bar
from studio.cli.options import add_project, open_project
from studio.core.errors import StudioError
from studio.core.tasks import EVERY, MOST_SHOTS, NATURAL, ONE, PLAIN, TASKS, Making, making_of, task_named
from studio.storage.datasets import find_dataset
from studio.storage.files import write_whole
from studio.storage.task_writing import columns_in, make_instructions, preview_instructions, usual, with_words

_SHOWN = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments."""
    parser.add_argument("dataset", help="its name or id")
    add_project(parser)
    parser.add_argument("--name", default="", help="what to call the new dataset")
    parser.add_argument("--task", choices=[task.name for task in TASKS], help="default: as its columns say")
    parser.add_argument("--recipe", type=Path, metavar="FILE", help="how to make them, as --save writes it")
    parser.add_argument("--take", choices=[ONE, EVERY], help="one phrasing a row, by chance, or every one")
    parser.add_argument("--shots", type=int, help=f"demonstrations before each row, up to {MOST_SHOTS}")
    parser.add_argument("--style", choices=[PLAIN, NATURAL], help="plain, or as in Natural Instructions")
    parser.add_argument("--seed", type=int, help="the same seed makes the same instructions")
    parser.add_argument("--save", type=Path, metavar="FILE", help="write how they are made, to be changed by hand")
    parser.add_argument("--show", action="store_true", help="show the first ones and make nothing")


def run(arguments: argparse.Namespace) -> int:
    """Make the dataset, or show what it would be. Raises StudioError."""
    project = open_project(arguments.project)
    info = find_dataset(project, arguments.dataset)
    if arguments.recipe is not None:
        making = _read(arguments.recipe)
    elif arguments.task:
        task = task_named(arguments.task)
        columns = task.columns_of(columns_in(project, info))
        if columns is None:
            wanted = ", ".join(one.name for one in task.fields)
            raise StudioError(
                f"“{info.name}” has no columns for “{task.label}”: it wants {wanted}.",
                "Leave --task out, or say which column is which in a --recipe.",
            )
        making = with_words(project, info, making_of(task, columns))
    else:
        making = usual(project, info)
    given = {name: getattr(arguments, name) for name in ("take", "shots", "style", "seed")}
    making = replace(making, **{name: value for name, value in given.items() if value is not None})
    if arguments.save is not None:
        write_whole(arguments.save, making.to_json() + "\n")
        print(f"How they are made is in {arguments.save}")
    written = preview_instructions(project, info, making, _SHOWN)
    if arguments.show or arguments.save is not None:
        for example in written.examples:
            print(f"{'-' * 60}\n{example.prompt}\n>>> {example.answer}")
        return 0
    with Bar("Making", "rows") as report:
        made, counted = make_instructions(project, info, making, arguments.name, report)
    if counted.skipped:
        print(f"{counted.skipped:,} rows give nothing: {counted.left_out[0]}")
    print(f"Made {made.size} as “{made.name}”")
    return 0


def _read(file: Path) -> Making:
    try:
        return Making.from_json(file.read_text(encoding="utf-8-sig"), f"“{file.name}”")
    except (OSError, UnicodeDecodeError) as error:
        raise StudioError(f"“{file}” can't be read ({error}).", "Check the path.") from error
