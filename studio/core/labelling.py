"""Labelling: what a labelling set asks, its items and their candidates, and what a labeller says of one item.

A verdict is stored by candidate, never by side of the screen. Agreement is `core.agreement`, what verdicts become is
`core.conversion`, how candidates are asked for is `core.candidates`; keeping all of it is `storage.labels`.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import pairwise
from typing import Any, cast

from studio.core.errors import StudioError
from studio.core.fields import problems_of, setting, settings_from
from studio.core.messages import Message

PAIRWISE, POINTWISE, LISTWISE = "pairwise", "pointwise", "listwise"
THUMBS = "thumbs"
OVERALL = ""  # the one criterion of a set that names none
MOST_CANDIDATES = 9  # one digit key each


@dataclass(frozen=True)
class LabelPlan:
    """How the items of a labelling set are judged."""

    way: str = setting(
        PAIRWISE,
        "How to judge",
        "Pairs are the quickest and what DPO learns from; a ranking says more about each prompt; ratings and thumbs "
        "look at one answer alone.",
        choices={
            PAIRWISE: "Pairs: the better one",
            LISTWISE: "Rankings, best first",
            POINTWISE: "Ratings, one by one",
        },
    )
    scale: str = setting(
        "5",
        "Scale",
        "For rating one answer. Thumbs are what KTO learns from.",
        choices={"5": "1 to 5", "10": "1 to 10", THUMBS: "Thumbs up or down"},
    )
    pairing: str = setting(
        "all",
        "Pairs of a prompt",
        "With more than two answers to a prompt: each with each other, or each with the next one only.",
        choices={"all": "Every pair", "chain": "Neighbours only"},
    )
    criteria: str = setting(
        "",
        "Criteria",
        "What to judge by, one after the other, with commas between: helpful, honest, harmless. Each is one key. "
        "Empty: one verdict, overall.",
    )
    repeats: float = setting(
        0.05,
        "Hidden repeats",
        "Share of the items that come again later, sides shuffled anew, to measure how well you agree with yourself.",
        low=0.0,
        high=0.5,
    )
    seed: int = setting(
        42, "Seed", "Decides the sides, the random order and the repeats.", low=0, high=2**31 - 1, advanced=True
    )
    guidelines: str = ""

    @property
    def criterion_names(self) -> tuple[str, ...]:
        """The criteria in the order in which they are asked, at least one."""
        named = dict.fromkeys(part.strip() for part in self.criteria.split(","))
        return tuple(name for name in named if name) or (OVERALL,)

    @property
    def scale_values(self) -> tuple[int, ...]:
        """The ratings that can be given; thumbs down is 0, up is 1."""
        return (0, 1) if self.scale == THUMBS else tuple(range(1, int(self.scale) + 1))

    def check(self) -> None:
        """Raise StudioError for the first value that can't be used."""
        for sentence in problems_of(self).values():
            raise StudioError(sentence, "Correct the value and try again.")

    def to_json(self) -> str:
        """As it stands in the database."""
        return _dump(vars(self))

    @staticmethod
    def from_json(text: str) -> LabelPlan:
        """Read `to_json`. Raises ValueError or StudioError."""
        values = cast("dict[str, Any]", json.loads(text))
        guidelines = str(values.pop("guidelines", ""))
        return replace(settings_from(LabelPlan, values, "The labelling set"), guidelines=guidelines)

    def groups(self, candidates: Sequence[int]) -> list[tuple[int, ...]]:
        """Which candidates of one prompt are judged together, an item each; fewer than two can't be compared."""
        if self.way == POINTWISE:
            return [(one,) for one in candidates]
        if len(candidates) < 2:
            return []
        if self.way == LISTWISE:
            return [tuple(candidates)]
        pairs = [(a, b) for place, a in enumerate(candidates) for b in candidates[place + 1 :]]
        return list(pairwise(candidates)) if self.pairing == "chain" else pairs


class Status(StrEnum):
    """Where an item stands for one labeller."""

    TODO = "todo"
    DONE = "done"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Candidate:
    """An answer to judge. author: who wrote it, hidden while it is judged. sampling: how, in JSON; empty if unknown."""

    id: int
    text: str
    author: str = ""
    sampling: str = ""


@dataclass(frozen=True, slots=True)
class Item:
    """What is judged at once: a prompt and one, two or several candidates. repeat_of: the item that it hides."""

    id: int
    prompt_id: int
    prompt: tuple[Message, ...]
    candidates: tuple[Candidate, ...]
    repeat_of: int | None = None
    margin: float | None = None  # how far apart a reward model finds its best two


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found by one criterion: `ranks` of the candidates (1 is best, equal is a tie), or the `rating` of one.

    bad: none of the candidates is good enough to be learned from.
    """

    ranks: tuple[int, ...] = ()
    rating: int | None = None
    bad: bool = False

    @staticmethod
    def better(place: int) -> Verdict:
        """The candidate at this place (0 or 1) of a pair is better."""
        return Verdict((1, 2) if place == 0 else (2, 1))

    @staticmethod
    def tie(count: int = 2, *, bad: bool = False) -> Verdict:
        """All are equally good, or equally bad."""
        return Verdict((1,) * count, bad=bad)

    @property
    def is_tie(self) -> bool:
        """Whether nothing is preferred."""
        return self.rating is None and len(set(self.ranks)) <= 1


@dataclass(frozen=True, slots=True)
class Mark:
    """Everything that one labeller says of one item.

    verdicts: by criterion. shown: places of the candidates in the order in which they stood on screen, the left or
    upper first. edited: a better answer that was written by editing the best one. suggested: the machine judge whose
    suggestion was taken as it stood. seconds: from its appearance to its last verdict.
    """

    verdicts: Mapping[str, Verdict] = field(default_factory=dict[str, Verdict])
    skipped: bool = False
    flagged: bool = False
    comment: str = ""
    tags: tuple[str, ...] = ()
    edited: str = ""
    shown: tuple[int, ...] = ()
    seconds: float = 0.0
    suggested: str = ""

    def status(self, plan: LabelPlan) -> Status:
        """Done when each criterion has a verdict."""
        if self.skipped:
            return Status.SKIPPED
        return Status.DONE if all(name in self.verdicts for name in plan.criterion_names) else Status.TODO

    def next_criterion(self, plan: LabelPlan) -> str | None:
        """The first criterion that waits for a verdict."""
        return next((name for name in plan.criterion_names if name not in self.verdicts), None)

    def judged(self, criterion: str, verdict: Verdict) -> Mark:
        """With one more verdict; what was skipped no longer is."""
        return replace(self, verdicts={**self.verdicts, criterion: verdict}, skipped=False)

    def to_json(self) -> str:
        """As it stands in the log; what is empty is left out."""
        values: dict[str, Any] = {
            name: getattr(self, name)
            for name in ("skipped", "flagged", "comment", "tags", "edited", "shown", "suggested")
        }
        values["seconds"] = round(self.seconds, 3)
        values["verdicts"] = {name: _verdict_values(verdict) for name, verdict in self.verdicts.items()}
        return _dump({key: value for key, value in values.items() if value})

    @staticmethod
    def from_json(text: str) -> Mark:
        """Read `to_json`. Raises ValueError, TypeError or KeyError."""
        values = cast("dict[str, Any]", json.loads(text))
        verdicts = {
            name: Verdict(tuple(known.get("ranks", ())), known.get("rating"), bool(known.get("bad")))
            for name, known in cast("dict[str, dict[str, Any]]", values.pop("verdicts", {})).items()
        }
        for name in ("tags", "shown"):
            values[name] = tuple(values.get(name, ()))
        return Mark(verdicts=verdicts, **values)


@dataclass(frozen=True, slots=True)
class Opinion:
    """A mark with who made it, and the items and candidates that it is about. entry: its place in the log."""

    item: int
    prompt_id: int
    candidates: tuple[int, ...]
    labeller: str
    machine: bool
    mark: Mark
    entry: int = 0


def shown_order(seed: int, item: int, labeller: str, count: int) -> tuple[int, ...]:
    """The order in which candidates are shown: the same for the same labeller, another for a repeat of the item."""
    return tuple(random.Random(f"{seed}/{item}/{labeller}").sample(range(count), count))


def _verdict_values(verdict: Verdict) -> dict[str, Any]:
    values: dict[str, Any] = {"ranks": verdict.ranks} if verdict.ranks else {}
    if verdict.rating is not None:  # thumbs down is 0
        values["rating"] = verdict.rating
    return {**values, "bad": True} if verdict.bad else values


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
