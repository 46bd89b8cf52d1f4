"""Token budgets: passes of unequally many examples, as many of similar length as fit into so many tokens.

What goes together changes from epoch to epoch among examples of equal length only, so that all epochs have equally many
passes and a resumed run meets the same ones. A step is so many passes as ever, and its loss the mean
over its tokens or, of preferences, its rows (`engine.step_mean`).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from torch.utils.data import Sampler

from studio.core.methods import TrainSettings


class Roomy(Protocol):
    """A row that knows how many tokens it takes of a budget, with what padding it brings itself."""

    @property
    def room(self) -> int:
        """So many."""
        ...


class TokenBudget(Sampler[list[int]]):
    """Batches of places in a dataset, the same for the same seed and epoch. An example longer than the budget is alone.

    Tokens are counted with the padding that examples of unequal length would need side by side.
    """

    def __init__(self, lengths: Sequence[int], tokens: int, seed: int) -> None:
        self._lengths, self._seed, self._epoch = lengths, seed, 0
        longest_first = sorted(lengths, reverse=True)
        self._sizes: list[int] = []
        done = 0
        while done < len(longest_first):
            size = max(1, tokens // longest_first[done])
            self._sizes.append(min(size, len(longest_first) - done))
            done += size

    def __len__(self) -> int:
        return len(self._sizes)

    @property
    def most(self) -> int:
        """Examples in the pass that has the most."""
        return max(self._sizes, default=0)

    def set_epoch(self, epoch: int) -> None:
        """The order is that of this pass over the data, from 0."""
        self._epoch = epoch

    def __iter__(self) -> Iterator[list[int]]:
        chance = random.Random(f"{self._seed} {self._epoch}")
        places = chance.sample(range(len(self._lengths)), len(self._lengths))
        places.sort(key=lambda place: self._lengths[place], reverse=True)  # stable: equal ones stay shuffled
        batches: list[list[int]] = []
        for size in self._sizes:
            batches.append(places[:size])
            del places[:size]
        longest, rest = batches[:1], batches[1:]
        chance.shuffle(rest)
        # The pass that needs most memory comes first: a run that doesn't fit fails at once and not in an hour.
        return iter([*longest, *rest])


@dataclass(frozen=True, slots=True)
class InParts:
    """Makes a pass in so many parts, or as many as it has rows, where its memory would not suffice for it as a whole.
    Its rows stay in one step, so the step learns the same."""

    collate: Callable[[list[Any]], dict[str, Any]]
    parts: int

    def __call__(self, rows: list[Any]) -> dict[str, Any]:
        if self.parts == 1:
            return self.collate(rows)
        size = -(-len(rows) // self.parts)
        return {"parts": [self.collate(rows[first : first + size]) for first in range(0, len(rows), size)]}


def parts_of(batch: Any) -> list[Any]:
    """The parts of a pass; it alone where it is whole."""
    return batch["parts"] if isinstance(batch, dict) and "parts" in batch else [batch]


def token_budget(settings: TrainSettings, rows: Sequence[Roomy]) -> TokenBudget | None:
    """Which rows go together, when the settings give a pass so many tokens instead of so many rows."""
    return TokenBudget([row.room for row in rows], settings.budget, settings.seed) if settings.budget else None
