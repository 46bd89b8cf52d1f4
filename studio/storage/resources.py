"""What the program carries with it: the starter model and the sample data, in a checkout and in a packaged program."""

from __future__ import annotations

import sys
from pathlib import Path

from studio.core.errors import StudioError


def carried(*parts: str) -> Path:
    """A file or folder that belongs to the program, such as carried("resources", "starter"). Raises StudioError."""
    here = Path(__file__).resolve()
    # The sources that a runtime's worker runs lie in a folder of the packaged program: then it is one step further up.
    packaged = getattr(sys, "_MEIPASS", "")
    roots = [Path(packaged)] if packaged else [here.parents[2], here.parents[3]]
    for root in roots:
        if (path := root.joinpath(*parts)).exists():
            return path
    raise StudioError(f"“{'/'.join(parts)}” is missing from the program in “{roots[0]}”.", "Install Plumbline again.")
