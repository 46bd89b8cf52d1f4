"""plumbline export-model: write a model as an adapter, a whole model or GGUF, with a README, for other programs."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

from studio.cli.importing import Bar
from studio.cli.options import add_project, open_project
from studio.cli.training import run_of
from studio.core.errors import StudioError
from studio.core.exporting import ADAPTER, FORMS, GGUF, MERGED, ExportPlan, default_numbers
from studio.processes.asking import Asking
from studio.storage.evaluations import newest_of, table_of
from studio.storage.files import in_bytes, whole_path
from studio.storage.models import is_whole_model
from studio.storage.project import DATABASE
from studio.storage.settings import home


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments."""
    parser.add_argument("target", type=Path, help="the new folder to write")
    add_project(parser)
    parser.add_argument("--run", metavar="RUN", help="the run of the project whose result is taken away")
    parser.add_argument("--base", type=Path, metavar="FOLDER", help="a model's folder, instead of a run")
    parser.add_argument("--adapter", type=Path, metavar="FOLDER", help="with --base: an adapter trained on it")
    parser.add_argument("--form", choices=list(FORMS), help=f"default: {ADAPTER} where there is one, else {MERGED}")
    parser.add_argument("--numbers", default="", help=f"a number format, such as F16, BF16, F32; for {GGUF} also Q8_0")
    parser.add_argument("--shard", type=float, default=2.0, metavar="GB", help="a weights file has at most so much (2)")


def run(arguments: argparse.Namespace) -> int:
    """Write the folder. Raises StudioError."""
    base, adapter, project = _chosen(arguments)
    form = arguments.form or (ADAPTER if adapter else MERGED)
    plan = ExportPlan(
        str(base),
        str(whole_path(arguments.target)),
        form,
        str(adapter or ""),
        arguments.numbers or default_numbers(form),
        arguments.shard,
        str(project or ""),
        _evaluation(project, adapter or base),
    )
    plan.check()
    log = home() / "logs" / "export.log"
    with Asking("export", log) as worker, Bar("Writing", "tensors") as report:
        reply = worker.ask({"do": "export", "plan": asdict(plan)}, "exported", report)
    for name, size in reply["files"]:
        print(f"{in_bytes(size):>10}  {name}")
    for note in reply["notes"]:
        print(f"Note: {note}")
    print(f"Written: {reply['folder']}")
    return 0


def _evaluation(project: Path | None, folder: Path) -> tuple[tuple[str, ...], ...]:
    known = newest_of(open_project(project), folder) if project else None
    return tuple(map(tuple, table_of(known))) if known else ()


def _chosen(arguments: argparse.Namespace) -> tuple[Path, Path | None, Path | None]:
    """The base, the adapter if any, and the project that knows them if any. Raises StudioError."""
    if arguments.base is not None:
        there = (arguments.project.expanduser() / DATABASE).is_file()
        adapter = whole_path(arguments.adapter) if arguments.adapter else None
        return whole_path(arguments.base), adapter, whole_path(arguments.project) if there else None
    if not arguments.run:
        raise StudioError("No model is named.", "Name a run of the project with --run, or a folder with --base.")
    project = open_project(arguments.project)
    chosen = run_of(project, arguments.run)
    folder = chosen.tuned_folder()
    if folder is None:
        raise StudioError(
            f"The run “{chosen.id}” has made nothing that writes text.", "Choose another run, or let it finish."
        )
    if is_whole_model(folder):
        return folder, None, project.folder
    return Path(chosen.recipe().base_model), folder, project.folder
