"""“Copy as command”: a recipe written into the project, and the line that trains it in a terminal."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

from studio.core.recipes import Recipe
from studio.storage.files import write_whole
from studio.storage.project import Project


def write_recipe(project: Project, recipe: Recipe) -> Path:
    """Write a recipe file named after the run. Another recipe's file of that name is left alone. Raises StudioError."""
    words = re.sub(r"[^\w.-]+", "-", recipe.name, flags=re.UNICODE).strip("-.").lower()[:60] or "recipe"
    text, number = recipe.to_json(), 1
    file = project.recipes / f"{words}.json"
    while file.exists() and _text_of(file) != text:
        number += 1
        file = project.recipes / f"{words}-{number}.json"
    write_whole(file, text)
    return file


def command_line(project: Project, recipe_file: Path, platform: str = sys.platform) -> str:
    """The line for this system's terminal, with what holds spaces in quotes."""
    words = ["plumbline", "train", str(recipe_file), "--project", str(project.folder)]
    return subprocess.list2cmdline(words) if platform == "win32" else shlex.join(words)


def _text_of(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return ""
