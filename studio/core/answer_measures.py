"""What can be told of an answer by looking at its words alone: how long it is, whether it repeats itself, whether it
refuses; and of many numbers together. Deterministic and without a model, so it is the same everywhere."""

from __future__ import annotations

import re
from collections.abc import Sequence

_RUN = 4  # words that come back in the same order are a repetition
_LOOKED_AT = 160  # characters: a refusal is said at the beginning
_REFUSES = re.compile(
    r"\b(?:i|we)\s*(?:'m|’m| am| are|'re|’re)?\s*(?:sorry|afraid)\b[^.!?]{0,80}\b(?:can|could|won|will|unable|not)|"
    r"\b(?:i|we)\s+(?:can(?:no|\s+no|['’])t|can\s+not|could\s*n['’]?o?t|will\s+not|won['’]t|do\s+not|don['’]t|must\s+not)\s+"
    r"(?:help|assist|provide|answer|do|comply|support|share|give|create|write|tell|engage|fulfil|participate|discuss|"
    r"offer|condone|encourage|recommend|say|explain)\b|"
    r"\b(?:i\s*(?:'m|’m| am)\s+(?:not able|unable|not going|not comfortable))\b|"
    r"\b(?:as an ai|i must (?:decline|refuse)|i (?:decline|refuse) to|not something i can|against my)\b",
    re.IGNORECASE,
)


def words(text: str) -> int:
    """How many words an answer has."""
    return len(text.split())


def repetition(text: str) -> float:
    """The share of an answer's runs of four words that were there before; 0 for an answer of fewer words."""
    said = text.lower().split()
    runs = [tuple(said[k : k + _RUN]) for k in range(len(said) - _RUN + 1)]
    return 1.0 - len(set(runs)) / len(runs) if runs else 0.0


def refuses(text: str) -> bool:
    """Whether an answer says at its beginning that it won't do what was asked. English alone is understood."""
    return bool(_REFUSES.search(" ".join(text.split())[:_LOOKED_AT]))


def mean(values: Sequence[float]) -> float | None:
    """The mean; None of nothing."""
    return sum(values) / len(values) if values else None


def spread(values: Sequence[float]) -> tuple[float, float, float] | None:
    """The 10th, 50th and 90th percentile, by the nearest value; None of nothing."""
    if not values:
        return None
    ordered = sorted(values)
    low, middle, high = (ordered[min(len(ordered) - 1, int(part * len(ordered)))] for part in (0.1, 0.5, 0.9))
    return low, middle, high


def histogram(values: Sequence[float], low: float, high: float, parts: int) -> list[int]:
    """How many values lie in each of so many equal parts from low to high; what lies outside counts at the end."""
    counts = [0] * parts
    width = (high - low) / parts
    for value in values:
        place = int((value - low) / width) if width > 0 else 0
        counts[min(max(place, 0), parts - 1)] += 1
    return counts
