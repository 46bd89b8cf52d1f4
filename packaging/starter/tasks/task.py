"""One task, and the split by combination."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any


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


def held_out(key: str) -> bool:
    """True for the tenth of all combinations that training never sees."""
    return int(hashlib.sha256(key.encode()).hexdigest()[:8], 16) % 10 == 0
