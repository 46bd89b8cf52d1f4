"""Where the program's own files are, and its settings as JSON there. Damage never stops a start: defaults take over.

`PLUMBLINE_HOME` names another folder for them (tests, and a program carried on a stick).
"""

from __future__ import annotations

import dataclasses
import getpass
import json
import os
from pathlib import Path
from typing import Any, cast

import platformdirs

from studio.core.fields import settings_of
from studio.core.settings import FORMAT, AppSettings
from studio.storage.files import write_whole

_PATHS = ("recent_projects", "recent_models")


def home() -> Path:
    """The folder of settings and crash reports."""
    chosen = os.environ.get("PLUMBLINE_HOME")
    return Path(chosen) if chosen else Path(platformdirs.user_config_dir("Plumbline", appauthor=False))


def projects_home() -> Path:
    """Where new projects are suggested."""
    chosen = os.environ.get("PLUMBLINE_HOME")
    return Path(chosen) / "projects" if chosen else Path(platformdirs.user_documents_dir()) / "Plumbline"


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
