"""Rewards: what a method that learns from a reward is rewarded by, and the held-out judge that only watches.

A score is the sum of its sources. Scoring with models and running the user's function is the engine's; asking for the
consent that a function needs is the window's and the command line's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from studio.core.errors import StudioError, did_you_mean
from studio.core.rules import Rule, checked, rule_values


@dataclass(frozen=True, slots=True)
class Function:
    """The user's own Python file with `score(prompt: str, answer: str) -> float`.

    sha256: of the file's bytes as they were when the user agreed to run it, in hex. The engine refuses any other.
    """

    path: str
    sha256: str
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Rewards:
    """model: the folder of a reward run's adapter, or of a whole reward model. Its score, those of the rules and that
    of the function are added up.

    judge, judge_rules: a second reward model or rules that never reward: they are asked on held-out prompts alone, and
    tell whether a rising reward is worth anything.
    """

    model: str = ""
    model_weight: float = 1.0
    rules: tuple[Rule, ...] = ()
    function: Function | None = None
    judge: str = ""
    judge_rules: tuple[Rule, ...] = ()

    @property
    def sources(self) -> int:
        """How many there are; without any, nothing can be learned."""
        return bool(self.model) + len(self.rules) + (self.function is not None)

    @property
    def is_empty(self) -> bool:
        """Nothing is named at all."""
        return self == Rewards()

    @property
    def has_judge(self) -> bool:
        """Whether anything watches."""
        return bool(self.judge or self.judge_rules)

    def check(self) -> None:
        """Raise StudioError with the first thing that can't be used."""
        if not self.sources:
            raise StudioError(
                "No reward is chosen, so there is nothing to learn from.", "Choose a reward model, or add a rule."
            )
        for rule in (*self.rules, *self.judge_rules):
            checked(rule)
        for weight in (self.model_weight, self.function.weight if self.function else 1.0):
            if not 0 < abs(weight) <= 1e6:
                raise StudioError(f"A reward has the weight {weight:g}.", "Give it a number other than 0.")
        if self.function and len(self.function.sha256) != 64:
            raise StudioError(
                f"The function in “{self.function.path}” was not agreed to.", "Choose it again and agree to run it."
            )
        if self.judge and self.judge == self.model:
            raise StudioError(
                "The judge is the reward model itself, so it could never disagree.",
                "Choose a reward model that was trained on other data or with another seed, or rules.",
            )

    def to_values(self) -> dict[str, Any]:
        """For a recipe's JSON: what differs from the defaults."""
        values: dict[str, Any] = {"model": self.model, "judge": self.judge}
        if self.model_weight != 1:
            values["model_weight"] = self.model_weight
        values["rules"] = [rule_values(rule) for rule in self.rules]
        values["judge_rules"] = [rule_values(rule) for rule in self.judge_rules]
        if self.function:
            function = self.function
            values["function"] = {"path": function.path, "sha256": function.sha256, "weight": function.weight}
        return {name: value for name, value in values.items() if value}

    @staticmethod
    def from_values(values: Any, where: str) -> Rewards:
        """Read `to_values`. Raises StudioError naming what is wrong; `where` names the file in the sentence."""
        given = _object(values, "rewards", where)
        known: dict[str, Callable[[Any], Any]] = {
            "model": lambda value: _text(value, "model", where),
            "model_weight": lambda value: _number(value, "model_weight", where),
            "rules": lambda value: _rules(value, "rules", where),
            "function": lambda value: _function(value, where),
            "judge": lambda value: _text(value, "judge", where),
            "judge_rules": lambda value: _rules(value, "judge_rules", where),
        }
        for name in given:
            if name not in known:
                raise StudioError(
                    f"{where} has rewards with “{name}”.", did_you_mean(name, known) or f"Known are {', '.join(known)}."
                )
        return Rewards(**{name: known[name](value) for name, value in given.items()})


def _function(value: Any, where: str) -> Function:
    given = _object(value, "function", where)
    unknown = set(given) - {"path", "sha256", "weight"}
    if unknown:
        raise StudioError(f"{where} has a function with “{min(unknown)}”.", "Known are path, sha256 and weight.")
    return Function(
        _text(given.get("path"), "path", where),
        _text(given.get("sha256", ""), "sha256", where),
        _number(given.get("weight", 1.0), "weight", where),
    )


def _rules(value: Any, name: str, where: str) -> tuple[Rule, ...]:
    if not isinstance(value, list):
        raise StudioError(f"{where} has “{name}” that is no list.", "Write it as [{“kind”: “ends”}].")
    return tuple(Rule.from_values(rule, where) for rule in cast("list[Any]", value))


def _object(value: Any, name: str, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise StudioError(f"{where} has “{name}” that is not an object.", "Write it as {“model”: “...”}.")
    return cast("dict[str, Any]", value)


def _text(value: Any, name: str, where: str) -> str:
    if not isinstance(value, str):
        raise StudioError(f"{where} has {value!r} as “{name}”; it must be text.", "Correct the value and try again.")
    return value


def _number(value: Any, name: str, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise StudioError(f"{where} has {value!r} as “{name}”; it must be a number.", "Correct the value.")
    return float(value)
