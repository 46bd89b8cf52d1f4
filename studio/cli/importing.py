"""plumbline import: put a file of examples into a project, or a dataset of the Hugging Face Hub."""

from __future__ import annotations

import argparse
import shlex
import sys
import tempfile
from pathlib import Path

from tqdm import tqdm

from studio.cli.options import add_project, agree, open_or_create_project
from studio.core.errors import StudioError, did_you_mean
from studio.core.hub import dataset_name, host_of
from studio.core.layouts import Layout, proposals
from studio.core.shapes import SHAPES, shape_named
from studio.processes.hub import HubClient, hub_client
from studio.storage.hub_places import endpoint
from studio.storage.interchange import UnknownShape, import_file, preview_file, write_problems
from studio.storage.progress import Report

_SHOWN = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments."""
    parser.add_argument(
        "file", type=Path, nargs="?", help="JSON, JSON lines, CSV, TSV, Parquet, Arrow or text; also .gz, .zst"
    )
    parser.add_argument(
        "--hub", metavar="NAME", help="instead of a file: a dataset of the Hugging Face Hub, owner/name"
    )
    parser.add_argument("--config", default="", help="with --hub: which configuration (default: the first)")
    parser.add_argument("--split", default="", help="with --hub: which split (default: train, or the first)")
    parser.add_argument("--yes", action="store_true", help="don't ask before the network is used")
    add_project(parser)
    parser.add_argument("--name", default="", help="what to call the dataset (default: the file's name)")
    parser.add_argument(
        "--shape", choices=[shape.label for shape in SHAPES], help="how to read the rows (default: as recognised)"
    )
    parser.add_argument(
        "--column",
        action="append",
        default=[],
        metavar="FIELD=COLUMN",
        help="which column is which, where they have other names: --column prompt=Question --column completion=Answer",
    )
    parser.add_argument("--bad-rows", type=Path, metavar="FILE", help="write the rows that can't be used to a table")
    parser.add_argument("--skip-broken", action="store_true", help="import the other rows when some can't be used")


def run(arguments: argparse.Namespace) -> int:
    """Preview the file, or what comes from the Hub, then import it. Raises StudioError."""
    if (arguments.file is None) == (arguments.hub is None):
        raise StudioError("What is to be imported?", "Name one file, or a dataset with --hub owner/name.")
    if arguments.hub is None:
        return _import(arguments, arguments.file)
    name = dataset_name(arguments.hub)
    agree(f"Fetch “{name}” from {host_of(endpoint())}?", arguments.yes)
    with tempfile.TemporaryDirectory(prefix="plumbline-") as folder, hub_client() as hub:
        file = _fetch(hub, name, arguments, Path(folder))
        arguments.name = arguments.name or name.split("/")[-1]
        return _import(arguments, file)


def _fetch(hub: HubClient, name: str, arguments: argparse.Namespace, folder: Path) -> Path:
    """A split of a dataset of the Hub as a file."""
    configs, config, splits = hub.splits(name, arguments.config)
    names = [split for split, _ in splits]
    split = arguments.split or ("train" if "train" in names else names[0])
    if split not in names:
        raise StudioError(
            f"“{name}” has no split “{split}”.", did_you_mean(split, names) or f"It has {', '.join(names)}."
        )
    others = f" ({len(configs)} configurations: {', '.join(configs[:8])})" if len(configs) > 1 else ""
    print(f"{name}: configuration “{config}”{others}, split “{split}” of {', '.join(names)}")
    with Bar("Downloading", "rows") as report:
        return hub.fetch(name, config, split, folder, lambda done, total: report(done, total, ""))


def _import(arguments: argparse.Namespace, file: Path) -> int:
    layout = _layout(arguments)
    try:
        with Bar("Reading") as report:
            preview = preview_file(file, report, layout=layout)
    except UnknownShape as error:
        raise StudioError(error.what, _proposed(error.columns) or error.hint) from error
    about = f" ({preview.layout.about})" if preview.layout.about else ""
    print(f"{file.name}: {preview.summary}{about}")
    for note in preview.notes:
        print(f"  {note}")
    for problem in preview.problems[:_SHOWN]:
        print(f"  line {problem.line}: {problem.reason}", file=sys.stderr)
    if preview.broken > _SHOWN:
        print(f"  and {preview.broken - _SHOWN:,} more", file=sys.stderr)
    if arguments.bad_rows is not None and preview.broken:
        count = write_problems(file, arguments.bad_rows, preview.layout)
        print(f"  all {count:,} written to {arguments.bad_rows}", file=sys.stderr)
    if preview.broken and not arguments.skip_broken:
        rows = f"{preview.broken:,} row{'s' * (preview.broken != 1)}"
        raise StudioError(
            f"{rows} of “{file.name}” can't be used, so nothing was imported.",
            f"Correct the file, or add --skip-broken to import the other {preview.rows:,}.",
        )
    project = open_or_create_project(arguments.project)
    with Bar("Importing") as report:
        info = import_file(project, file, arguments.name, report, layout=preview.layout)
    print(f"Imported {info.size} as “{info.name}” into {project.folder}")
    return 0


def _proposed(columns: list[str]) -> str:
    """The flags that would read a file of these columns, if any shape comes near."""
    found = next(iter(proposals(columns)), None)
    if found is None:
        return ""
    flags = " ".join(f"--column {shlex.quote(f'{field}={column}')}" for field, column in found.columns)
    return f"Perhaps: --shape {shlex.quote(found.shape)} {flags}"


def _layout(arguments: argparse.Namespace) -> Layout | None:
    """The layout that the flags ask for; None to recognise it. Raises StudioError."""
    pairs = [tuple(word.split("=", 1)) for word in arguments.column]
    if not pairs:
        return Layout(arguments.shape) if arguments.shape else None
    if not arguments.shape:
        raise StudioError("--column says which column is which of a shape.", "Add --shape, such as --shape Alpaca.")
    known = [field.name for field in shape_named(arguments.shape).fields]
    for pair in pairs:
        if len(pair) != 2 or pair[0] not in known:
            raise StudioError(
                f"“{'='.join(pair)}” names no column of the shape {arguments.shape}.",
                f"Write FIELD=COLUMN; its fields are {', '.join(known)}.",
            )
    return Layout(arguments.shape, tuple((field, column) for field, column in pairs))


class Bar:
    """A progress bar, as a context that gives the report function."""

    def __init__(self, label: str, unit: str = "B") -> None:
        self._bar = tqdm(desc=label, unit=unit, unit_scale=True, leave=False, file=sys.stderr, disable=None)

    def __enter__(self) -> Report:
        return self._report

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def _report(self, done: int, total: int, note: str) -> None:
        self._bar.total = total
        self._bar.update(done - self._bar.n)
