"""What the program carries with it: the starter model and the sample data, in a checkout and in a packaged program."""

from __future__ import annotations

import sys
from pathlib import Path

from studio.core.errors import StudioError


def carried(*parts: str) -> Path:
    """A file or folder that belongs to the program, such as carried("resources", "starter"). Raises StudioError."""
    root = Path(getattr(sys, "_MEIPASS", "") or Path(__file__).resolve().parents[2])
    path = root.joinpath(*parts)
    if not path.exists():
        raise StudioError(f"“{'/'.join(parts)}” is missing from the program in “{root}”.", "Install Plumbline again.")
    return path
