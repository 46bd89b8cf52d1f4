"""What an evaluation asks and measures, declared once for window and command line."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from studio.core.fields import setting
from studio.core.rules import Rule


@dataclass(frozen=True)
class Measures:
    """How much is asked. More prompts make narrower intervals and take longer."""

    prompts: int = setting(
        60, "Prompts", "How many of the set are asked; 60 make intervals of about ±12 %, 240 of ±6 %.", low=1, high=5000
    )
    longest: int = setting(
        128, "Longest answer", "An answer is cut after this many tokens.", low=1, high=8192, unit="tokens"
    )
    heldout: int = setting(
        100, "Held-out examples", "How many are read for the perplexity; 0 leaves it out.", low=0, high=20000
    )
    harmful: int = setting(
        40, "Harmful wishes", "How many are asked to see whether it refuses; 0 leaves it out.", low=0, high=140
    )
    temperature: float = setting(
        0.0,
        "Temperature",
        "0 always takes the likeliest token, so that an evaluation can be repeated.",
        low=0.0,
        high=5.0,
    )


@dataclass(frozen=True, slots=True)
class Subject:
    """The model that is judged. name: as it is called where it answers. base: a model's folder; adapter: on it.

    origin: the base that KL is measured against, for a whole model that was trained from one.
    """

    name: str
    base: Path
    adapter: Path | None = None
    run: str = ""
    origin: Path | None = None


@dataclass(frozen=True, slots=True)
class EvaluationPlan:
    """What is asked. prompt_set, heldout_set: keys as `storage.evaluations` lists them. reward: the folder of a reward
    model, and of the base that it lies on."""

    prompt_set: str = ""
    heldout_set: str = ""
    measures: Measures = field(default_factory=Measures)
    rules: tuple[Rule, ...] = ()
    reward: tuple[Path, Path] | None = None

    def reward_request(self) -> dict[str, Any] | None:
        """As a request has it."""
        return {"adapter": str(self.reward[0]), "base": str(self.reward[1])} if self.reward else None
