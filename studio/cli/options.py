"""Command-line flags that several verbs share, and flags made from declared settings."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from studio.core.errors import Cancelled, StudioError
from studio.core.fields import Setting, settings_of
from studio.storage.project import DATABASE, Project


def add_project(parser: argparse.ArgumentParser) -> None:
    """The flag that names the project."""
    parser.add_argument(
        "--project", type=Path, default=Path(), metavar="FOLDER", help="the project (default: this folder)"
    )


def open_project(folder: Path) -> Project:
    """Open a project beside a window that may have it open. Raises StudioError."""
    return Project.open(folder, lock=False)


def open_or_create_project(folder: Path) -> Project:
    """Open a project, or make one where there is none yet. Raises StudioError."""
    if (folder.expanduser() / DATABASE).is_file():
        return open_project(folder)
    project = Project.create(folder)
    project.close()  # gives up the window's lock: a window may open it meanwhile
    return project


def agree(question: str, yes: bool) -> None:
    """Go on when the answer is yes. Raises StudioError where nobody can be asked, and Cancelled for a no."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise StudioError(question, "Say --yes to agree.")
    print(f"{question} [y/N] ", end="", flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise Cancelled


def add_settings(parser: argparse.ArgumentParser, title: str, *declared: type[Any]) -> None:
    """One flag for each setting that any of the classes declares. A flag that is not given stays None."""
    group = parser.add_argument_group(title)
    found: dict[str, list[Setting]] = {}
    for known in (known for one in declared for known in settings_of(one)):
        found.setdefault(known.name, []).append(known)
    for same in found.values():
        known = same[0]
        choices = list(known.choices) if known.choices else None
        defaults = " or ".join(dict.fromkeys(str(one.default) for one in same))
        help_text = f"{known.about} Default {defaults}{_unit(known)}.".replace("%", "%%")
        group.add_argument(
            _flag(known),
            type=_reader(known),
            choices=choices,
            default=None,
            help=help_text,
            metavar=known.kind.__name__.upper(),
        )


def given_settings(arguments: argparse.Namespace, declared: type[Any], *others: type[Any]) -> dict[str, Any]:
    """The settings of `declared` that were given as flags.

    Raises StudioError for a value out of range, and for a flag that only one of the `others` has.
    """
    given: dict[str, Any] = {}
    names = {known.name for known in settings_of(declared)}
    for known in (known for one in (declared, *others) for known in settings_of(one)):
        value = getattr(arguments, known.name)
        if value is None or known.name in given:
            continue
        if known.name not in names:
            raise StudioError(f"{_flag(known)} is not a setting of this method.", "Leave it out.")
        sentence = known.problem(value)
        if sentence:
            raise StudioError(f"{_flag(known)}: {sentence}", "Correct the value and try again.")
        given[known.name] = value
    return given


def _flag(known: Setting) -> str:
    return "--" + known.name.replace("_", "-")


def _unit(known: Setting) -> str:
    return f" {known.unit}" if known.unit else ""


def _reader(known: Setting) -> Any:
    return _truth if known.kind is bool else known.kind


def _truth(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise argparse.ArgumentTypeError(f"“{text}” is neither true nor false")
    return text.lower() == "true"
