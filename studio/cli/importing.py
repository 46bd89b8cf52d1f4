"""plumbline import: put a file of examples into a project."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tqdm import tqdm

from studio.cli.options import add_project, open_or_create_project
from studio.core.errors import StudioError
from studio.storage.interchange import import_file, preview_file
from studio.storage.progress import Report

_SHOWN = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments."""
    parser.add_argument("file", type=Path, help="Alpaca rows as a JSON list or as JSON lines")
    add_project(parser)
    parser.add_argument("--name", default="", help="what to call the dataset (default: the file's name)")
    parser.add_argument("--skip-broken", action="store_true", help="import the other rows when some can't be used")


def run(arguments: argparse.Namespace) -> int:
    """Preview the file, then import it. Raises StudioError."""
    file: Path = arguments.file
    with _Bar("Reading") as report:
        preview = preview_file(file, report)
    print(f"{file.name}: {preview.summary}")
    for problem in preview.problems[:_SHOWN]:
        print(f"  line {problem.line}: {problem.reason}", file=sys.stderr)
    if preview.broken > _SHOWN:
        print(f"  and {preview.broken - _SHOWN:,} more", file=sys.stderr)
    if preview.broken and not arguments.skip_broken:
        rows = f"{preview.broken:,} row{'s' * (preview.broken != 1)}"
        raise StudioError(
            f"{rows} of “{file.name}” can't be used, so nothing was imported.",
            f"Correct the file, or add --skip-broken to import the other {preview.rows:,}.",
        )
    project = open_or_create_project(arguments.project)
    with _Bar("Importing") as report:
        info = import_file(project, file, arguments.name, report)
    print(f"Imported {info.size} as “{info.name}” into {project.folder}")
    return 0


class _Bar:
    """A progress bar in characters read, as a context that gives the report function."""

    def __init__(self, label: str) -> None:
        self._bar = tqdm(desc=label, unit="B", unit_scale=True, leave=False, file=sys.stderr, disable=None)

    def __enter__(self) -> Report:
        return self._report

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def _report(self, done: int, total: int, note: str) -> None:
        self._bar.total = total
        self._bar.update(done - self._bar.n)
