"""Recipes as files: written into a project with the line that trains one in a terminal, and read from anywhere."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

from studio.core.errors import StudioError
from studio.core.recipes import Recipe
from studio.storage.files import reading_trouble, write_whole
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


def read_recipe(file: Path) -> Recipe:
    """The recipe in a file, whoever wrote it. Raises StudioError."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise reading_trouble(error, file) from error
    except ValueError as error:
        raise StudioError(
            f"“{file.name}” is not a text file, so it holds no recipe.", "Choose a .json file."
        ) from error
    return Recipe.from_json(text, f"“{file.name}”")


def _text_of(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return ""
