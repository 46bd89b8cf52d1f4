"""plumbline mix: one dataset out of several, each with its weight, in exact numbers."""

from __future__ import annotations

import argparse

from studio.cli.importing import Bar
from studio.cli.options import add_project, open_project
from studio.core.errors import StudioError
from studio.storage.datasets import find_dataset
from studio.storage.mixing import Part, mix_datasets
from studio.storage.origins import in_words, origin_of
from studio.storage.project import Project


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments."""
    parser.add_argument("datasets", nargs="+", metavar="NAME[=WEIGHT]", help="datasets of one kind: chat=3 safety=1")
    add_project(parser)
    parser.add_argument("--name", default="", help="what to call the mix")
    parser.add_argument("--total", type=int, default=0, help="how many rows (default: as many as fit without repeats)")
    parser.add_argument("--seed", type=int, default=42, help="decides which rows, and their order")


def run(arguments: argparse.Namespace) -> int:
    """Make the mix. Raises StudioError."""
    project = open_project(arguments.project)
    if arguments.total < 0:
        raise StudioError(f"{arguments.total} rows can't be made.", "Leave --total out, or name a number above 0.")
    parts = [_part(project, word) for word in arguments.datasets]
    with Bar("Mixing", "rows") as report:
        info = mix_datasets(project, parts, arguments.total, seed=arguments.seed, name=arguments.name, report=report)
    print(f"Made {info.size} as “{info.name}”. {in_words(origin_of(project, info) or {})}")
    return 0


def _part(project: Project, word: str) -> Part:
    name, mark, weight = word.rpartition("=")
    try:
        known = float(weight) if mark else 1.0
    except ValueError:
        name, known = word, 1.0  # a name may hold “=” itself
    return Part(find_dataset(project, name if mark and name else word), known)
