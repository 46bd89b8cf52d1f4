"""The report on a reward model as it stands in its run's `report.json`, and what it says in words.

The figures are worked out by the engine over held-out rows; drawing them is the window's.
"""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import dataclass
from typing import Any, cast

FILE = "report.json"
FORMAT = 1
LENGTH_EXPLAINS = 0.5  # |r| above which length alone tells a good part of the reward


@dataclass(frozen=True, slots=True)
class Bin:
    """Comparisons in which the model was `sure` to between `low` and `high`, and the share of them that it got right.

    A well calibrated model is right as often as it is sure.
    """

    low: float
    high: float
    n: int
    sure: float
    right: float


@dataclass(frozen=True, slots=True)
class Report:
    """Held-out figures. accuracy: share of n independent comparisons that it got right; interval: Wilson's, at 95 %."""

    kind: str
    step: int
    n: int
    accuracy: float
    interval: tuple[float, float]
    calibration: tuple[Bin, ...]
    chosen_mean: float
    chosen_sd: float
    rejected_mean: float
    rejected_sd: float
    length_correlation: float

    @property
    def length_explains(self) -> bool:
        """Whether rewards go with the answers' lengths more than they should."""
        return abs(self.length_correlation) > LENGTH_EXPLAINS

    def to_json(self) -> str:
        """The report as it stands in the file."""
        values = {"format": FORMAT, **dataclasses.asdict(self)}
        return json.dumps(values, indent=2, ensure_ascii=False) + "\n"

    @staticmethod
    def from_json(text: str) -> Report | None:
        """Read a report; None when the text is none, or of another format."""
        try:
            values = cast("dict[str, Any]", json.loads(text))
            if values.pop("format") != FORMAT:
                return None
            kind, step, n = str(values.pop("kind")), int(values.pop("step")), int(values.pop("n"))
            low, high = (_finite(value) for value in values.pop("interval"))
            bins = tuple(_bin(found) for found in values.pop("calibration"))
            figures = {name: _finite(value) for name, value in values.items()}
            return Report(kind, step, n, interval=(low, high), calibration=bins, **figures)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return None

    def sentences(self) -> tuple[str, ...]:
        """What it says in words: how well it judges, how sure it may be, how far apart answers are, and length."""
        if not self.n:
            return ("No two held-out answers could be compared, so nothing is known of how well it judges.",)
        return (self._judging(), self._sureness(), self._apart(), self._length())

    def _judging(self) -> str:
        low, high = self.interval
        told = (
            f"It agrees with people on {_share(self.accuracy)} of {self.n:,} held-out comparisons; with 95 % certainty "
            f"its true share lies between {_share(low)} and {_share(high)}."
        )
        if low > 0.5:
            return f"{told} Guessing would get 50 %."
        if high < 0.5:
            return f"{told} That is worse than guessing: are chosen and rejected answers mixed up?"
        return f"{told} Guessing gets 50 %, so this does not show yet that it has learned to judge."

    def _sureness(self) -> str:
        known = sum(found.n for found in self.calibration)
        if not known:
            return ""
        ahead = sum(found.n * (found.sure - found.right) for found in self.calibration) / known
        if abs(ahead) < 0.05:
            return "It is about as sure as it is right."
        word = "surer" if ahead > 0 else "less sure"
        return f"It is {word} than it should be, by {_share(abs(ahead))} on average."

    def _apart(self) -> str:
        return (
            f"Preferred answers get a reward of {_number(self.chosen_mean)} ± {_number(self.chosen_sd)}, the others "
            f"{_number(self.rejected_mean)} ± {_number(self.rejected_sd)} (mean and standard deviation)."
        )

    def _length(self) -> str:
        told = f"(correlation {_number(self.length_correlation)})"
        if not self.length_explains:
            return f"Length explains little of its rewards {told}."
        longer = "longer" if self.length_correlation > 0 else "shorter"
        return f"It likes {longer} answers {told}: part of what it judges may be length alone."


def _bin(values: dict[str, Any]) -> Bin:
    low, high, sure, right = (_finite(values[name]) for name in ("low", "high", "sure", "right"))
    return Bin(low, high, int(values["n"]), sure, right)


def _finite(value: Any) -> float:
    if not math.isfinite(value):
        raise ValueError(f"{value} is not a finite number")
    return float(value)


def _share(value: float) -> str:
    return f"{100 * value:.0f} %"


def _number(value: float) -> str:
    return f"{value:.2f}".replace("-0.00", "0.00")
