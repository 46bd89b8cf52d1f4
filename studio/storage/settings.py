"""Where the program's own files are, and its settings as JSON there. Damage never stops a start: defaults take over.

`PLUMBLINE_HOME` names another folder for them. A packaged program that has a folder “Plumbline data” beside it keeps
everything in there instead (portable mode), for a stick that goes from one computer to another.
"""

from __future__ import annotations

import dataclasses
import getpass
import json
import os
import sys
from pathlib import Path
from typing import Any, cast

import platformdirs

from studio.core.fields import settings_of
from studio.core.settings import FORMAT, AppSettings
from studio.storage.files import disk_trouble, write_whole

_PATHS = ("recent_projects", "recent_models")


def home() -> Path:
    """The folder of settings and crash reports."""
    chosen = os.environ.get("PLUMBLINE_HOME")
    if chosen:
        return Path(chosen)
    beside = portable_home()
    if beside is not None and beside.is_dir():
        return beside
    return Path(platformdirs.user_config_dir("Plumbline", appauthor=False))


def portable_home() -> Path | None:
    """Where everything would be in portable mode: beside a packaged program; None for one that is run from source."""
    if not getattr(sys, "frozen", False):
        return None
    # An AppImage is mounted elsewhere while it runs, and a macOS application is a folder around the program.
    program = Path(os.environ.get("APPIMAGE") or sys.executable)
    bundle = next((parent for parent in program.parents if parent.suffix == ".app"), program)
    return bundle.parent / "Plumbline data"


def is_portable() -> bool:
    """Whether settings and projects are kept beside the program."""
    return portable_home() is not None and home() == portable_home()


def can_be_portable() -> bool:
    """Whether that can be chosen: not where the program lies in a folder of the system's."""
    folder = portable_home()
    return folder is not None and not is_portable() and os.access(folder.parent, os.W_OK)


def make_portable(settings: AppSettings) -> None:
    """Keep settings and new projects beside the program from now on. Raises StudioError."""
    folder = portable_home()
    assert folder is not None, "only for a packaged program"
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise disk_trouble(error, folder) from error
    save_settings(dataclasses.replace(settings, place=""))


def projects_home(place: str = "") -> Path:
    """Where new projects are suggested: the place that the settings name, else the usual one."""
    if place:
        return Path(place)
    if os.environ.get("PLUMBLINE_HOME") or is_portable():
        return home() / "projects"
    return Path(platformdirs.user_documents_dir()) / "Plumbline"


def is_first_start() -> bool:
    """Whether nothing was ever set or opened here."""
    return not (home() / "settings.json").exists()


def labeller_name() -> str:
    """The name under which verdicts are kept: the chosen one, else the user's on this computer."""
    try:
        return load_settings().labeller.strip() or getpass.getuser()
    except (OSError, KeyError, ImportError):  # a user without a name
        return "me"


def load_settings() -> AppSettings:
    """The settings; whatever is missing, unknown or cannot be used takes its default."""
    try:
        parsed = json.loads((home() / "settings.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return AppSettings()
    if not isinstance(parsed, dict) or cast("dict[str, Any]", parsed).get("format") != FORMAT:
        return AppSettings()
    values = cast("dict[str, Any]", parsed)
    ready: dict[str, Any] = {}
    for known in settings_of(AppSettings):
        if known.name in values and not known.problem(values[known.name]):
            ready[known.name] = values[known.name]
    for name in _PATHS:
        if isinstance(values.get(name), list):
            ready[name] = tuple(path for path in values[name] if isinstance(path, str))
    if isinstance(values.get("window"), str):
        ready["window"] = values["window"]
    return AppSettings(**ready)


def save_settings(settings: AppSettings) -> None:
    """Keep the settings. Raises StudioError."""
    values = {"format": FORMAT, **dataclasses.asdict(settings)}
    write_whole(home() / "settings.json", json.dumps(values, indent=2, ensure_ascii=False) + "\n")
