"""What a benchmark must reach, and a line for each that says whether it does."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bar:
    """A figure that must not be below `bound`; with `at_most`, not above it. beside: the same figure by another clock,
    for whoever judges how much other programs disturbed this one."""

    what: str
    measured: float
    bound: float
    at_most: bool = False
    beside: float | None = None

    @property
    def holds(self) -> bool:
        return self.measured <= self.bound if self.at_most else self.measured >= self.bound

    def __str__(self) -> str:
        beside = f" ({self.beside:.2f}x by processor time)" if self.beside is not None else ""
        asked = f"{'at most' if self.at_most else 'at least'} {self.bound:g}x"
        return f"{'holds' if self.holds else 'FAILS'}  {self.what}: {self.measured:.2f}x{beside}, {asked}"


def all_hold(bars: list[Bar]) -> bool:
    """Print a line for each, and say whether all hold."""
    for bar in bars:
        print(bar, flush=True)
    return all(bar.holds for bar in bars)
