"""How fast verdicts come, told as a person would: seconds a verdict, and how long the rest will take."""

from __future__ import annotations

import statistics
from collections import deque

from studio.gui.language import tr

_LAST = 30  # verdicts that decide the pace
_PAUSE = 120.0  # seconds after which somebody was away, which is no pace


class LabelPace:
    """Fed with the seconds that each verdict took."""

    def __init__(self) -> None:
        self._seconds: deque[float] = deque(maxlen=_LAST)

    def add(self, seconds: float) -> None:
        """One more verdict."""
        if seconds < _PAUSE:
            self._seconds.append(seconds)

    def words(self, left: int) -> str:
        """The pace, and what is left at it; empty before there is one."""
        if len(self._seconds) < 3:
            return ""
        each = statistics.median(self._seconds)
        minutes = each * left / 60
        rest = (
            tr("{minutes:.0f} min", minutes=max(1, minutes))
            if minutes < 90
            else tr("{hours:.1f} h", hours=minutes / 60)
        )
        if not left:
            return tr("{seconds:.1f} s each", seconds=each)
        return tr("{seconds:.1f} s each · {rest} left", seconds=each, rest=rest)
