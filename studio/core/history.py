"""The history of a run: everything that its events add up to, read once and then kept up to date event by event."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from studio.core.curves import Curves
from studio.core.events import Event
from studio.core.machine_use import MachineUse
from studio.core.rollouts import Rollouts
from studio.core.runs import RunStory
from studio.core.samples import SampleBook

_OF_EACH_STEP = ("step", "progress")  # nothing but numbers: most lines of a long run


@dataclass(slots=True)
class RunHistory:
    """Fed with a run's events in the order of the file. partial: made of a few of them, until all are read."""

    story: RunStory = field(default_factory=RunStory)
    curves: Curves = field(default_factory=Curves)
    rollouts: Rollouts = field(default_factory=Rollouts)
    samples: SampleBook = field(default_factory=SampleBook)
    machine: MachineUse = field(default_factory=MachineUse)
    partial: bool = False

    def feed_all(self, events: Sequence[Event]) -> None:
        """Take many events into account."""
        self.story.feed_all(events)
        for event in events:
            self._keep(event)

    def feed(self, event: Event) -> None:
        """Take one event into account."""
        self.story.feed(event)
        self._keep(event)

    def _keep(self, event: Event) -> None:
        self.curves.feed(event)
        if event.kind not in _OF_EACH_STEP:
            self.rollouts.feed(event)
            self.samples.feed(event)
            self.machine.feed(event)
