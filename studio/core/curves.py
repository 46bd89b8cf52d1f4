"""Curves: a run's metrics over its steps, as its events tell them, with what happened along the way.

Steps that are run again replace what was logged before; a line that comes late is put where it belongs. A long run has
a million steps, so the metrics that come with every step share one array of them. Drawing is the window's.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from studio.core.events import Event
from studio.core.metrics import METRIC_NAMES

AXES = ("tokens", "elapsed")  # what a step comes with that plots can be drawn over; both never fall
_NAMES = frozenset((*METRIC_NAMES, *AXES))
_PLAIN = {float, int}
_LAST_STEP = 2**31 - 1  # what an array of C's int holds


def _no_steps() -> array[int]:
    return array("i")


def _no_values() -> array[float]:
    return array("d")


@dataclass(slots=True)
class Curve:
    """One metric over steps; `steps` always rises. Values may be nan or infinite.

    edits: how often something else happened than a point being appended.
    """

    steps: array[int] = field(default_factory=_no_steps)
    values: array[float] = field(default_factory=_no_values)
    edits: int = 0

    def __len__(self) -> int:
        return len(self.values)

    def add(self, step: int, value: float) -> None:
        """Put a point where it belongs. The last word on a step counts."""
        if not self.steps or step > self.steps[-1]:
            self.steps.append(step)
            self.values.append(value)
            return
        self.edits += 1
        at = bisect_left(self.steps, step)
        if self.steps[at] == step:
            self.values[at] = value
        else:
            self.steps.insert(at, step)
            self.values.insert(at, value)

    def forget_after(self, step: float) -> None:
        """Drop the points after `step`."""
        keep = bisect_right(self.steps, step)
        if keep < len(self.steps):
            del self.steps[keep:]
        if keep < len(self.values):  # the steps may be shared, and cut already
            del self.values[keep:]
            self.edits += 1


def _no_curves() -> defaultdict[str, Curve]:
    return defaultdict(Curve)


@dataclass(slots=True)
class Curves:
    """All curves of one run, fed event by event in the order of the file. `revision` changes with each point.

    by_name: a metric that was never measured has an empty curve, made when it is asked for: a project has many runs.
    checkpoints, resumes, retries: the steps at which one was saved, at which an attempt went on, and at which memory
    ran out.
    """

    by_name: defaultdict[str, Curve] = field(default_factory=_no_curves)
    checkpoints: list[int] = field(default_factory=list[int])
    resumes: list[int] = field(default_factory=list[int])
    retries: list[int] = field(default_factory=list[int])
    revision: int = 0
    _steps: array[int] = field(default_factory=_no_steps)  # of the curves in _together
    _together: frozenset[str] = frozenset()
    _parted: bool = False
    _alike: tuple[str, ...] | None = None  # the names in a step that measures all of them and no more
    _order: tuple[str, ...] = ()  # of them, and how to append to each
    _append: list[Callable[[float], None]] = field(default_factory=list[Callable[[float], None]])
    _begins: bool = False  # an attempt began, and hasn't said yet from which step it goes on

    def feed(self, event: Event) -> None:
        """Take one event into account."""
        kind = event.kind
        if kind == "step" and self._feed_alike(event.values):
            return
        if kind == "started":
            self._begins = True
            return
        number = event.number("step")
        if number is None or not 0 <= number <= _LAST_STEP:
            return
        step = int(number)
        if kind in ("step", "evaluation"):
            if self._begins:
                self._go_on_from(step - 1)
            self._add(step, event, each_step=kind == "step")
        elif kind == "resumed":
            self._go_on_from(step)
            self.resumes.append(step)
        elif kind == "checkpoint":
            if step not in self.checkpoints[-1:]:
                self.checkpoints.append(step)
        elif kind == "retry":
            self.retries.append(step)
        else:
            return
        self.revision += 1

    def _feed_alike(self, values: Mapping[str, Any]) -> bool:
        """Take a step that measures the same as the one before, as nearly all do; whether it was one."""
        if self._begins or not self._steps or tuple(values) != self._alike:
            return False
        step, row = values["step"], [values[name] for name in self._order]
        if type(step) is not int or not self._steps[-1] < step <= _LAST_STEP or not {*map(type, row)} <= _PLAIN:
            return False
        self._steps.append(step)
        for append, value in zip(self._append, row, strict=True):
            append(value)
        self.revision += 1
        return True

    def _go_on_from(self, step: int) -> None:
        """Forget what is run again."""
        self._begins = False
        for curve in self.by_name.values():
            curve.forget_after(step)
        self.checkpoints = [saved for saved in self.checkpoints if saved <= step]

    def _add(self, step: int, event: Event, *, each_step: bool) -> None:
        found: dict[str, float] = {}
        for name, value in event.values.items():
            if name in _NAMES:
                number = value if type(value) is float else event.number(name)
                if number is not None:
                    found[name] = number
        together = self._together
        if each_step and not together and not self._parted:
            together = self._together = frozenset(name for name in found if not self.by_name[name])
            self._order = tuple(together)
            self._append = [self.by_name[name].values.append for name in together]
            for name in together:
                self.by_name[name].steps = self._steps
        if each_step and together and (not self._steps or step > self._steps[-1]) and together <= found.keys():
            self._steps.append(step)
            self._alike = tuple(event.values) if found.keys() == together else None
            for name in together:
                self.by_name[name].values.append(found.pop(name))
        elif not together.isdisjoint(found):
            self._part()
        for name, value in found.items():
            self.by_name[name].add(step, value)

    def _part(self) -> None:
        """Give each curve steps of its own, since they are no longer the same."""
        for name in self._together:
            curve = self.by_name[name]
            curve.steps = curve.steps[: len(curve)]
        self._together, self._parted, self._alike = frozenset(), True, None
