"""plumbline export: write a dataset to a file that other programs read."""

from __future__ import annotations

import argparse
from pathlib import Path

from studio.cli.importing import Bar
from studio.cli.options import add_project, open_project
from studio.core.forms import FORMS
from studio.storage.datasets import find_dataset
from studio.storage.export import export_dataset


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments."""
    parser.add_argument("dataset", help="its name or id")
    parser.add_argument("file", type=Path, help="where to write it; .jsonl, .csv or .parquet says how")
    add_project(parser)
    forms = ", ".join(f"{form.name} for {form.kind}" for form in FORMS)
    parser.add_argument("--form", default="", help=f"{forms} (default: the one that keeps everything)")


def run(arguments: argparse.Namespace) -> int:
    """Write the file. Raises StudioError."""
    project = open_project(arguments.project)
    info = find_dataset(project, arguments.dataset)
    with Bar("Exporting", "rows") as report:
        count = export_dataset(project, info, arguments.file, arguments.form, report)
    print(f"Exported {info.kind.count(count)} of “{info.name}” to {arguments.file}")
    return 0
