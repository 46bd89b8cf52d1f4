"""Token budgets: passes of unequally many examples, as many of similar length as fit into so many tokens.

What goes together changes from epoch to epoch among examples of equal length only, so that all epochs have equally many
passes and a resumed run meets the same ones. A step is so many passes as ever, and its loss the mean over its tokens.
For fine-tuning alone: TRL's losses of preferences are means over a pass, so in passes of unequally many pairs a pair
would count more the fewer others it is with.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from torch.utils.data import Sampler


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
