"""Seeded choices that also count how much chance they used.

Every sentence of the starter comes from one of these draws. The sum of their surprise, in nats, is an upper
bound on the entropy of the text written, so a model's held-out loss can be set beside it.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


class Dice:
    """A seeded source of choices; `nats` is the surprise of all draws so far."""

    def __init__(self, seed: int | str) -> None:
        self._random = random.Random(str(seed))
        self.nats = 0.0

    def pick(self, choices: Sequence[T]) -> T:
        self.nats += math.log(len(choices))
        return choices[int(self._random.random() * len(choices))]

    def number(self, low: int, high: int) -> int:
        """A whole number from `low` to `high`, both included."""
        return self.pick(range(low, high + 1))

    def chance(self, probability: float) -> bool:
        hit = self._random.random() < probability
        self.nats -= math.log(probability if hit else 1.0 - probability)
        return hit

    def weighted(self, choices: Sequence[tuple[T, float]]) -> T:
        total = sum(weight for _, weight in choices)
        mark = self._random.random() * total
        place = 0
        while place + 1 < len(choices) and mark >= choices[place][1]:
            mark -= choices[place][1]
            place += 1
        choice, weight = choices[place]
        self.nats -= math.log(weight / total)
        return choice

    def some(self, choices: Sequence[T], count: int) -> list[T]:
        """`count` different choices, in random order."""
        left = list(choices)
        taken: list[T] = []
        for _ in range(count):
            chosen = self.pick(range(len(left)))
            taken.append(left.pop(chosen))
        return taken

    def unshown(self, draw: Callable[[], T]) -> T:
        """A draw that the text will not show (a wrong answer, say), so its surprise is not counted."""
        before = self.nats
        drawn = draw()
        self.nats = before
        return drawn

    def shuffled(self, choices: Sequence[T]) -> list[T]:
        return self.some(choices, len(choices))
