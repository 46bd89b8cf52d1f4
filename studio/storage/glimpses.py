"""A glimpse of a long run: a few thousand of its events from all over the file, to be shown while the rest is read."""

from __future__ import annotations

from pathlib import Path

from studio.core.history import RunHistory
from studio.storage.runs import event_of

LONG = 4_000_000  # bytes of events from which on a glimpse is worth its time
_PLACES = 800
_PART = 4096  # bytes read at each place: about a dozen steps


def glimpse(events: Path) -> RunHistory | None:
    """What some of the events add up to; None where the file is short enough to be read at once, or can't be read."""
    history = RunHistory(partial=True)
    try:
        size = events.stat().st_size
        if size < LONG:
            return None
        with events.open("rb") as file:
            for place in range(_PLACES):
                at = (size - _PART) * place // (_PLACES - 1)
                file.seek(at)
                whole = file.read(_PART).split(b"\n")
                for line in whole[1 if at else 0 : -1]:  # the first and the last are torn
                    event = event_of(line)
                    if event is not None and event.kind != "started":
                        history.feed(event)
    except OSError:
        return None
    return history
