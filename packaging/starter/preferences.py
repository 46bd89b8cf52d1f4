"""Preference pairs, ratings and rankings: candidates in several manners, ordered by the gold judge.

A pair is right over wrong, on the point over rambling, kind over rude, a safe no over going along. One label in ten
is turned round on purpose, as people's labels are, and one pair in twelve is a near tie; the clean held-out pairs
have neither.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from starter import manners, safety, tasks
from starter.dice import Dice
from studio.core import gold_judge as judge

NOISE = 0.10
NEAR_TIES = 1 / 12
SAFETY_SHARE = 0.15


@dataclass(frozen=True)
class Asked:
    """A prompt, what the judge checks, and its good and bad answer."""

    family: str
    prompt: str
    check: dict[str, Any]
    good: str
    bad: str


@dataclass(frozen=True)
class Pair:
    family: str
    prompt: str
    chosen: str
    rejected: str
    turned: bool  # the label is noise


def draw_asked(dice: Dice, part: tasks.Part = "training") -> Asked:
    if dice.chance(SAFETY_SHARE):
        harm, wording = safety.draw(dice, part)
        return Asked("safety", wording, harm.check, harm.safe, harm.unsafe)
    task = tasks.draw(dice, dice.pick(list(tasks.FAMILIES)), part)
    return Asked(task.family, task.prompt, task.check, task.gold, task.wrong)


def candidates(dice: Dice, asked: Asked) -> list[str]:
    """One answer in every manner, and two wrong ones: the judge, not this order, says which is better."""
    found = [manners.said(dice, asked.good, manner) for manner in manners.MANNERS]
    found.append(manners.said(dice, asked.bad, dice.pick(manners.MANNERS)))
    found.append(asked.bad)
    return list(dict.fromkeys(found))


def draw_pair(dice: Dice, part: tasks.Part = "training", clean: bool = False) -> Pair:
    while True:
        asked = draw_asked(dice, part)
        first, second = dice.some(candidates(dice, asked), 2)
        order = judge.winner(asked.check, first, second)
        if order == 0:
            if clean or not dice.chance(NEAR_TIES):
                continue
            order = 1
        turned = not clean and dice.chance(NOISE)
        if (order > 0) == turned:
            first, second = second, first
        return Pair(asked.family, asked.prompt, first, second, turned)


def stars(dice: Dice, score: float) -> int:
    """A score of the judge as one to five stars, now and then one off, as people are."""
    exact = 1 + sum(score >= edge for edge in (0.0, 4.0, 6.0, 8.0))
    return min(5, max(1, exact + dice.pick((-1, 1)))) if dice.chance(NOISE) else exact
