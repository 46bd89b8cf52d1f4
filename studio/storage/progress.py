"""Progress of long work in storage: how it reports, and how it learns that it should end. Threads are the caller's."""

from __future__ import annotations

from collections.abc import Callable

Report = Callable[[int, int, str], None]
Cancel = Callable[[], bool]


def quiet(done: int, total: int, note: str) -> None:
    """Tell nobody."""


def never() -> bool:
    """Go on to the end."""
    return False
