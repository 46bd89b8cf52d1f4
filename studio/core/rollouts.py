"""Rollouts: answers that a model wrote while it learned from a reward, collected from a run's events step by step.

Of each step the worker says a few; of a long run the newest are kept. Showing them is the window's.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from studio.core.events import Event

KEPT_STEPS = 500  # with a few answers each, and their texts cut: a few megabytes


@dataclass(frozen=True, slots=True)
class Rollout:
    """One answer. kl: nats from the reference, over the whole answer. tokens: its length. ended: came to its end."""

    step: int
    prompt: str
    answer: str
    score: float
    kl: float
    tokens: int
    ended: bool


@dataclass(slots=True)
class Rollouts:
    """The answers of a run's steps, fed event by event in the order of the file. `revision` changes with each step."""

    by_step: dict[int, tuple[Rollout, ...]] = field(default_factory=dict[int, "tuple[Rollout, ...]"])
    revision: int = 0

    def feed(self, event: Event) -> None:
        """Take one event into account. A step that is run again replaces what stood there."""
        if event.kind not in ("rollout", "resumed"):
            return
        step = int(event.number("step") or 0)
        if event.kind == "resumed":
            self.by_step = {known: rows for known, rows in self.by_step.items() if known <= step}
        else:
            rows = event.values.get("rows")
            found = [_row(step, row) for row in cast("list[Any]", rows)] if isinstance(rows, list) else []
            self.by_step.pop(step, None)
            self.by_step[step] = tuple(row for row in found if row is not None)
            while len(self.by_step) > KEPT_STEPS:
                del self.by_step[next(iter(self.by_step))]
        self.revision += 1

    @property
    def steps(self) -> list[int]:
        """The steps that there are answers of, the newest first."""
        return sorted(self.by_step, reverse=True)

    def of(self, step: int) -> tuple[Rollout, ...]:
        """A step's answers; none for a step that isn't there."""
        return self.by_step.get(step, ())


def _row(step: int, given: Any) -> Rollout | None:
    """An answer out of parsed JSON; None for something else, which is never fatal."""
    if not isinstance(given, dict):
        return None
    values = cast("Mapping[str, Any]", given)
    told = Event("rollout", 0.0, values)

    def number(name: str) -> float:
        value = told.number(name)
        return math.nan if value is None else value

    tokens = number("tokens")
    return Rollout(
        step,
        told.text("prompt"),
        told.text("answer"),
        number("score"),
        number("kl"),
        int(tokens) if math.isfinite(tokens) else 0,
        values.get("ended") is True,
    )
