"""What a run used of the machine over time: processor, memory and graphics card, as its worker measured them.

Measuring is `storage.machine_use`; here is what its events add up to, thinned so that a week fits into a small picture.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from studio.core.events import Event

_MOST = 600  # moments kept; when there are more, every second one goes


@dataclass(frozen=True, slots=True)
class Gauge:
    """A figure of the machine. full: what its picture's top stands for; None where that is the highest value."""

    name: str
    label: str
    about: str
    unit: str
    full: float | None = None


GAUGES: tuple[Gauge, ...] = (
    Gauge("cpu", "Processor", "Of all cores, whoever uses them.", "%", 100.0),
    Gauge("memory", "Memory", "What the training process holds.", "bytes"),
    Gauge("gpu", "GPU", "Share of the time in which the graphics card computed.", "%", 100.0),
    Gauge("gpu_memory", "GPU memory", "In use on the card, by every program.", "bytes"),
    Gauge("temperature", "Temperature", "Of the card, or of the processor where there is none.", "°C"),
    Gauge("power", "Power", "What the card draws.", "W"),
)


@dataclass(slots=True)
class MachineUse:
    """Moments in order, fed with a run's events; each is (seconds since the epoch, figures by name)."""

    moments: list[tuple[float, Mapping[str, float]]] = field(default_factory=list[tuple[float, Mapping[str, float]]])
    revision: int = 0
    _stride: int = 1
    _seen: int = 0

    def feed(self, event: Event) -> None:
        """Take one event into account."""
        if event.kind != "machine":
            return
        found = {gauge.name: event.number(gauge.name) for gauge in GAUGES}
        figures = {name: value for name, value in found.items() if value is not None and math.isfinite(value)}
        self._seen += 1
        if not figures or (self._seen - 1) % self._stride:
            return
        self.moments.append((event.time, figures))
        self.revision += 1
        if len(self.moments) > _MOST:
            self.moments = self.moments[::2]
            self._stride *= 2

    def of(self, name: str) -> list[tuple[float, float]]:
        """One figure over time; empty where the machine doesn't tell it."""
        return [(time, figures[name]) for time, figures in self.moments if name in figures]
