"""Rules: rewards that are declared instead of learned, each a number between 0 and 1 times its weight.

A rule looks at the answer's words alone, and at whether the answer ended its turn. They are data in a recipe: nothing
here runs what a file says. The user's own Python function is named in `core.rewards`, and run by the engine.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, cast

from studio.core.errors import StudioError, did_you_mean


@dataclass(frozen=True, slots=True)
class Rule:
    """What is rewarded: weight x (0 to 1); a negative weight punishes.

    kind: of `RULES`. pattern: what a “matches” rule looks for. low, high: words, of a “length” rule.
    """

    kind: str
    pattern: str = ""
    low: int = 0
    high: int = 0
    weight: float = 1.0

    def problem(self) -> str:
        """Why the rule can't be used, as a sentence; empty when it can."""
        if self.kind not in RULES:
            return f"There is no rule {self.kind!r}. {did_you_mean(self.kind, RULES) or _known()}"
        if not -1e6 <= self.weight <= 1e6 or self.weight == 0:
            return f"The weight of “{self.told}” is {self.weight:g}; it must be a number other than 0."
        return RULES[self.kind].problem(self)

    @property
    def told(self) -> str:
        """The rule in short, as `from_text` reads it."""
        value = RULES[self.kind].told(self) if self.kind in RULES else ""
        return f"{'' if self.weight == 1 else f'{self.weight:g}*'}{self.kind}{f'={value}' if value else ''}"

    def score(self, answer: str, ended: bool) -> float:
        """The reward of an answer. ended: whether it ended its turn and wasn't cut at the longest length."""
        return self.weight * RULES[self.kind].score(self, answer, ended)

    @staticmethod
    def from_text(text: str) -> Rule:
        """A rule as it is written on a command line: [WEIGHT*]KIND[=VALUE]. Raises StudioError.

        “matches=once upon”, “2*length=5..40”, “json”, “-1*matches=(?i)sorry”, “ends”.
        """
        rest, weight = text.strip(), 1.0
        head, star, tail = rest.partition("*")
        if star and re.fullmatch(r"[-+]?[\d.]+(e[-+]?\d+)?", head):
            try:
                weight, rest = float(head), tail
            except ValueError:
                raise StudioError(f"The rule “{text}” has the weight {head!r}.", "Write a number.") from None
        kind, _, value = rest.partition("=")
        if kind not in RULES:
            raise StudioError(f"There is no rule “{kind}”.", did_you_mean(kind, RULES) or _known())
        return checked(replace(RULES[kind].read(value), weight=weight))

    @staticmethod
    def from_values(values: Any, where: str) -> Rule:
        """A rule out of parsed JSON. Raises StudioError; `where` names the file in the sentence."""
        if not isinstance(values, dict):
            raise StudioError(f"{where} has a rule that is not an object.", "Write it as {“kind”: “ends”}.")
        known = {"kind": str, "pattern": str, "low": int, "high": int, "weight": float}
        given = cast("dict[str, Any]", values)
        for name, value in given.items():
            if name not in known:
                raise StudioError(
                    f"{where} has a rule with “{name}”.", did_you_mean(name, known) or f"Known are {', '.join(known)}."
                )
            wanted = (int, float) if known[name] is float else (known[name],)
            if isinstance(value, bool) or not isinstance(value, wanted):
                raise StudioError(f"{where} has a rule whose “{name}” is {value!r}.", "Correct the value.")
        words: dict[str, Any] = {"kind": "", **given}
        return checked(Rule(**words))


def checked(rule: Rule) -> Rule:
    """The rule, unless it can't be used: then StudioError says why."""
    if sentence := rule.problem():
        raise StudioError(sentence, "Correct the rule and try again.")
    return rule


def total_score(rules: Sequence[Rule], answer: str, ended: bool) -> float:
    """What all rules give an answer, added up."""
    return sum(rule.score(answer, ended) for rule in rules)


def rule_values(rule: Rule) -> dict[str, Any]:
    """The rule for JSON: only what differs from the defaults, and its kind."""
    defaults = asdict(Rule(""))
    return {name: value for name, value in asdict(rule).items() if value != defaults[name]}


@dataclass(frozen=True, slots=True)
class RuleKind:
    """A kind of rule: its label and explanation, and how it scores (0 to 1), is checked, written and read.

    parts: what is said of such a rule beside its weight, and what each is called.
    """

    label: str
    about: str
    score: Callable[[Rule, str, bool], float]
    problem: Callable[[Rule], str] = lambda rule: ""
    told: Callable[[Rule], str] = lambda rule: ""
    read: Callable[[str], Rule] = lambda value: Rule("")
    parts: Mapping[str, str] = field(default_factory=dict[str, str])


def _matches(rule: Rule, answer: str, _ended: bool) -> float:
    return float(re.search(rule.pattern, answer) is not None)


def _pattern_problem(rule: Rule) -> str:
    if not rule.pattern:
        return "A “matches” rule needs a pattern to look for."
    try:
        re.compile(rule.pattern)
    except (re.error, RecursionError, OverflowError) as error:
        return f"The pattern “{rule.pattern}” can't be read as a regular expression ({error})."
    return ""


def _length(rule: Rule, answer: str, _ended: bool) -> float:
    """1 from low to high words. Outside it falls in a straight line: to 0 at no words, and at twice `high`."""
    words = len(answer.split())
    if words < rule.low:
        return words / rule.low
    return max(0.0, min(1.0, 2.0 - words / rule.high)) if rule.high else 1.0


def _length_problem(rule: Rule) -> str:
    if rule.low < 0 or rule.high < 0 or not (rule.low or rule.high) or (rule.high and rule.high < rule.low):
        return f"A “length” rule from {rule.low} to {rule.high} words can't be met; write for instance 5 to 40."
    return ""


def _read_length(value: str) -> Rule:
    low, dots, high = value.partition("..")
    try:
        return Rule("length", low=int(low or 0), high=int(high or 0) if dots else int(low))
    except ValueError:
        raise StudioError(f"“{value}” is no length.", "Write LOW..HIGH words, such as length=5..40.") from None


def _json(_rule: Rule, answer: str, _ended: bool) -> float:
    try:
        json.loads(answer)
    except (ValueError, RecursionError):
        return 0.0
    return 1.0


RULES: Mapping[str, RuleKind] = {
    "matches": RuleKind(
        "Matches a pattern",
        "1 when the regular expression is found anywhere in the answer, 0 when not.",
        _matches,
        _pattern_problem,
        lambda rule: rule.pattern,
        lambda value: Rule("matches", pattern=value),
        {"pattern": "Regular expression"},
    ),
    "length": RuleKind(
        "Length in words",
        "1 from the fewest to the most words, less the further outside; 0 at no words and at twice the most.",
        _length,
        _length_problem,
        lambda rule: f"{rule.low or ''}..{rule.high or ''}",
        _read_length,
        {"low": "Fewest words", "high": "Most words"},
    ),
    "json": RuleKind(
        "Is valid JSON", "1 when the whole answer is valid JSON, 0 when not.", _json, read=lambda value: Rule("json")
    ),
    "ends": RuleKind(
        "Ends its turn",
        "1 when the answer comes to its end before the longest length, 0 when it is cut off.",
        lambda _rule, _answer, ended: float(ended),
        read=lambda value: Rule("ends"),
    ),
}


def _known() -> str:
    return f"Known rules are {', '.join(RULES)}."
