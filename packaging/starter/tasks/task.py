"""One task, and the split by combination."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any, Literal

Part = Literal["training", "development", "test"]


@dataclass(frozen=True)
class Task:
    family: str
    instruction: str
    input: str
    gold: str
    wrong: str  # a plausible wrong answer, for preference pairs
    check: dict[str, Any]
    key: str = field(default="")

    @property
    def prompt(self) -> str:
        return f"{self.instruction}\n{self.input}" if self.input else self.instruction


def part_of(key: str) -> Part:
    """Where a combination belongs: a tenth is for tests, a tenth for choosing settings, the rest for training."""
    place = int(hashlib.sha256(key.encode()).hexdigest()[:8], 16) % 10
    return "test" if place == 0 else "development" if place == 1 else "training"


def held_out(key: str) -> bool:
    """True for the tenth of all combinations that nothing shows: no page, no instruction, no preference."""
    return part_of(key) == "test"
