"""Two scores of a reward model in words: which answer wins, and how surely. Who scores is the judge worker."""

from __future__ import annotations

import math


def probability(score: float, other: float) -> float:
    """How likely the first answer is preferred to the other: sigma(score - other), after Bradley and Terry 1952."""
    difference = score - other
    if difference >= 0:
        return 1 / (1 + math.exp(-difference))
    return math.exp(difference) / (1 + math.exp(difference))


def verdict(first: float, second: float, kind: str) -> str:
    """Two scores in words. kind: of the dataset that the judge learned from; only comparisons make a probability."""
    told = f"A scores {first:.3f}, B scores {second:.3f}."
    if first == second:
        return f"{told} Neither wins."
    winner, ahead = ("A", first - second) if first > second else ("B", second - first)
    if kind == "ratings":
        return f"{told} {winner} wins by {ahead:.3f} (1 is one standard deviation of the ratings that it learned from)."
    sure = probability(max(first, second), min(first, second))
    return f"{told} {winner} wins: by this judge it is preferred with a probability of {sure:.1%}."
