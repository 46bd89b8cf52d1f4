"""Consent: which Python files, the user's own or a model's, may run, by the hash of what they hold.

It is kept beside the program's settings, never in a project: a project or recipe from someone else can't bring consent
with it. Running such a file is the engine's, and it refuses one whose hash is another.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Protocol, cast

from studio.core.errors import StudioError
from studio.core.recipes import Recipe
from studio.core.rewards import Function
from studio.storage.files import whole_path, write_whole
from studio.storage.settings import home

LARGEST = 1 << 20  # bytes of a file that someone could still read before agreeing
RISK = (
    "This code runs on your computer with your rights: it can read, change and delete your files and use the network. "
    "Agree only if you know what it does. You are asked again whenever the file changes."
)


def read_code(path: Path) -> tuple[Function, str]:
    """A Python file as a reward, and its text to be read before anybody agrees. Raises StudioError."""
    path = whole_path(path)
    try:
        data = path.read_bytes()
        text = data.decode("utf-8-sig")
    except (OSError, ValueError) as error:
        raise StudioError(f"“{path}” can't be read ({error}).", "Choose a Python file in UTF-8.") from error
    if len(data) > LARGEST:
        raise StudioError(f"“{path.name}” is too long to be read first.", "Choose a file of less than 1 MB.")
    try:
        compile(text, str(path), "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        raise StudioError(f"“{path.name}” is not Python ({error}).", "Correct the file, or choose another.") from error
    return Function(str(path), hashlib.sha256(data).hexdigest()), text


def is_allowed(sha256: str) -> bool:
    """Whether the user agreed to run what has this hash."""
    return sha256 in _allowed()


class Code(Protocol):
    """Something that could run: where it lies, and the hash of what it holds."""

    @property
    def path(self) -> str: ...

    @property
    def sha256(self) -> str: ...


def allow(code: Code) -> None:
    """Remember that the user agreed to run what a file, or a model's files, hold now. Raises StudioError."""
    allowed = {**_allowed(), code.sha256: code.path}
    write_whole(_file(), json.dumps(allowed, indent=2, ensure_ascii=False) + "\n")


def check_consent(recipe: Recipe) -> None:
    """Refuse a recipe whose function nobody here agreed to, or whose file was changed. Raises StudioError."""
    function = recipe.rewards.function
    if function is None:
        return
    now, _ = read_code(Path(function.path))
    if now.sha256 != function.sha256:
        raise StudioError(
            f"“{function.path}” has changed since it was chosen as a reward.",
            "Look at it, choose it again and agree to run it.",
        )
    if not is_allowed(function.sha256):
        raise StudioError(
            f"This recipe runs the code in “{function.path}”, and you have not agreed to that on this computer.",
            f"Read the file first. {RISK}",
        )


def _file() -> Path:
    return home() / "allowed_code.json"


def _allowed() -> dict[str, str]:
    """Path by hash; nothing when the file is missing or damaged."""
    try:
        parsed = json.loads(_file().read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return cast("dict[str, Any]", parsed) if isinstance(parsed, dict) else {}
