"""Packages that few need and that have no types: imported by name when they are used.

A packaged program without torch leaves the large ones to its runtime; until that is set up they are missing.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from studio.core.errors import StudioError


def package(name: str) -> Any:
    """The package or module of that name. Raises StudioError when it isn't there."""
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        raise StudioError(
            f"This needs the package “{name.partition('.')[0]}”, which comes when training is set up.",
            "Set up training on the start page, then try again.",
            str(error),
        ) from error
