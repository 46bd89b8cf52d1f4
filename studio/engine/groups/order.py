"""Which prompts a run answers, in which order. The same seed gives the same order, wherever a run is resumed."""

from __future__ import annotations

import random
from collections.abc import Iterator

from torch.utils.data import Sampler

from studio.core.methods import GroupSettings


class Order(Sampler[int]):
    """Which prompts a run answers, from its first step to its last: all of them in turn, each lap in an order of its
    own. Each is repeated for its answers, and a step's prompts for its passes, as TRL's loop wants them."""

    def __init__(self, prompts: int, settings: GroupSettings, steps: int) -> None:
        self._prompts, self._settings, self._steps = prompts, settings, steps

    def __len__(self) -> int:
        return self._steps * self._settings.accumulate * self._settings.episodes

    def __iter__(self) -> Iterator[int]:
        laps = self._laps()
        for _ in range(self._steps):
            chosen = [next(laps) for _ in range(self._settings.prompts_a_step)]
            for _ in range(self._settings.accumulate):
                for place in chosen:
                    yield from [place] * self._settings.answers_each

    def _laps(self) -> Iterator[int]:
        lap = 0
        while True:
            order = list(range(self._prompts))
            random.Random(f"{self._settings.seed}/{lap}").shuffle(order)
            yield from order
            lap += 1
