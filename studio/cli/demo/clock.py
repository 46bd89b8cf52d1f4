"""How much of the demo is left: each part is expected to take so long, and the pace so far corrects what is left."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping


class Clock:
    """Counts the parts of a demo down. parts: the seconds that each is expected to take, in order."""

    def __init__(self, parts: Mapping[str, float], now: Callable[[], float] = time.monotonic) -> None:
        self._expected, self._now = dict(parts), now
        self._began = now()
        self._done: set[str] = set()

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return self._now() - self._began

    def finish(self, part: str) -> None:
        """A part is over."""
        self._done.add(part)

    def left(self, part: str = "", share: float = 0.0) -> float:
        """Seconds until the end, while `share` of a part is done."""
        done = sum(self._expected[name] for name in self._done) + self._expected.get(part, 0.0) * share
        total = sum(self._expected.values())
        # Until a twentieth is done, its own pace says little: it is trusted in the measure that there is of it.
        trust = min(1.0, done / (0.05 * total)) if total else 0.0
        pace = trust * self.seconds / done + (1.0 - trust) if done else 1.0
        return max(0.0, (total - done) * pace)

    def words(self, part: str = "", share: float = 0.0) -> str:
        """The same for a person."""
        left = self.left(part, share)
        return f"{left:.0f} s left in all" if left < 90 else f"{left / 60:.0f} min left in all"
