"""The queue: which runs wait for their turn, in what order, from when on, and whether the queue goes on at all.

Pure arithmetic and words; the file it is kept in is `storage.queue`, taking turns is `processes.queue`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from studio.core.errors import StudioError

TONIGHT = "23:00"


@dataclass(frozen=True, slots=True)
class Waiting:
    """A run that waits. not_before: seconds since the epoch, 0 for at once. worker: its last worker when it was put
    here, by which is known whether somebody has started it since."""

    run: str
    worker: str = ""
    not_before: float = 0.0


@dataclass(frozen=True, slots=True)
class Queue:
    """Runs that wait, the next one first. held: why nothing is started; empty when the queue goes on."""

    waiting: tuple[Waiting, ...] = ()
    held: str = ""

    def __contains__(self, run: str) -> bool:
        return any(entry.run == run for entry in self.waiting)

    def place_of(self, run: str) -> int | None:
        """Where a run stands, from 0; None when it doesn't wait."""
        return next((place for place, entry in enumerate(self.waiting) if entry.run == run), None)

    def entry(self, run: str) -> Waiting | None:
        """A run's entry."""
        return next((entry for entry in self.waiting if entry.run == run), None)

    def with_run(self, run: str, worker: str, not_before: float = 0.0) -> Queue:
        """The queue with a run at its end, or with a run's time changed where it stands."""
        if run in self:
            entries = (replace(e, not_before=not_before) if e.run == run else e for e in self.waiting)
            return replace(self, waiting=tuple(entries))
        return replace(self, waiting=(*self.waiting, Waiting(run, worker, not_before)))

    def without(self, run: str) -> Queue:
        """The queue without a run."""
        return replace(self, waiting=tuple(entry for entry in self.waiting if entry.run != run))

    def moved(self, run: str, place: int) -> Queue:
        """The queue with a run at another place, from 0; beyond its ends is at them."""
        entry = self.entry(run)
        if entry is None:
            return self
        others = list(self.without(run).waiting)
        others.insert(max(0, min(place, len(others))), entry)
        return replace(self, waiting=tuple(others))

    def on_hold(self, why: str) -> Queue:
        """The queue held for a reason, or going on when that is empty."""
        return replace(self, held=why)

    def only(self, workers: Mapping[str, str]) -> Queue:
        """The queue without runs that are gone or were started since. workers: the last worker of each run there is."""
        kept = (entry for entry in self.waiting if workers.get(entry.run) == entry.worker)
        return replace(self, waiting=tuple(kept))

    def next_at(self, now: float) -> Waiting | None:
        """The first run whose time has come; one that waits for its time holds up nobody behind it."""
        return None if self.held else next((entry for entry in self.waiting if entry.not_before <= now), None)

    def sentence_for(self, run: str, now: datetime) -> str:
        """Where a run stands, in words."""
        place, entry = self.place_of(run), self.entry(run)
        if place is None or entry is None:
            return ""
        turn = "next" if place == 0 else f"number {place + 1:,}"
        told = f"It is {turn} in the queue."
        if entry.not_before > now.timestamp():
            told = f"It starts {when_words(entry.not_before, now)}, or when what runs then has ended."
        return f"{told} The queue is on hold: {self.held}" if self.held else told


def time_from(text: str, now: datetime) -> float:
    """The next moment of a time of day ("23:30"), or of a day and time ("2027-01-31 06:00"). Raises StudioError."""
    text = text.strip().lower()
    text = TONIGHT if text == "tonight" else text
    if re.fullmatch(r"\d{1,2}:\d{2}", text):
        hour, minute = map(int, text.split(":"))
        if hour < 24 and minute < 60:
            moment = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
            return (moment if moment > now else moment + timedelta(days=1)).timestamp()
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise StudioError(
            f"“{text}” is not a time.", "Write 23:30, tonight, or a day and a time such as 2027-01-31 06:00."
        ) from None
    if moment.astimezone() <= now.astimezone():
        raise StudioError(f"{text} has passed.", "Choose a later time.")
    return moment.timestamp()


def when_words(moment: float, now: datetime) -> str:
    """A moment to come, as a person says it: "at 23:00", "tomorrow at 06:00", "on 31 Jan at 06:00"."""
    then = datetime.fromtimestamp(moment)
    days = (then.date() - now.date()).days
    day = "" if days == 0 else "tomorrow " if days == 1 else f"on {then.day} {then:%b} "
    return f"{day}at {then:%H:%M}"
