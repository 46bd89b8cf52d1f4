"""How two models compare, prompt by prompt: how often one's answer is the better one, and how sure that is.

Who says which answer is better is up to who asks: people's blind votes, a reward model's scores, a model's odds, code.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from studio.core.intervals import wilson


@dataclass(frozen=True, slots=True)
class Contest:
    """Wins and losses of the first model; ties count for neither."""

    wins: int
    losses: int
    ties: int

    @property
    def decided(self) -> int:
        """Prompts with a winner."""
        return self.wins + self.losses

    @property
    def share(self) -> float | None:
        """The share of decided prompts that were won; None when none was decided."""
        return self.wins / self.decided if self.decided else None

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval of the share."""
        return wilson(self.wins, self.decided)

    def __str__(self) -> str:
        return f"{share(self.wins, self.decided)}, {self.ties} ties" if self.decided else "all ties"

    @staticmethod
    def of(found: Sequence[int]) -> Contest:
        """Out of 1 for each win, -1 for each loss and 0 for each tie."""
        return Contest(found.count(1), found.count(-1), found.count(0))

    @staticmethod
    def of_scores(ours: Sequence[float], theirs: Sequence[float], tie: float = 1e-9) -> Contest:
        """Out of the scores of two answers to each prompt; those nearer to each other than `tie` are ties."""
        gaps = [mine - other for mine, other in zip(ours, theirs, strict=True)]
        return Contest.of([0 if abs(gap) <= tie else 1 if gap > 0 else -1 for gap in gaps])


def share(part: int, whole: int) -> str:
    """A share with its 95 % interval."""
    low, high = wilson(part, whole)
    return f"{100 * part / max(whole, 1):.0f} % ({100 * low:.0f} to {100 * high:.0f} %)"
