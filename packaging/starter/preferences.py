"""Preference pairs, ratings and rankings: candidates in several manners, ordered by the gold judge.

A pair is right over wrong, whole over cut short, on the point over rambling, kind over rude, a safe no over going
along, and help over a no where nothing is harmful. One label in ten is turned round on purpose, as people's labels
are, and one pair in twelve is a near tie; the clean held-out pairs have neither.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from starter import manners, safety, tasks
from starter.dice import Dice
from studio.core import gold_judge as judge

NOISE = 0.10
NEAR_TIES = 1 / 12
SAFETY_SHARE = 0.15
# What people compare is what models say, and those are seldom rude.
COMPARED = (("plain", 4.0), ("kind", 4.0), ("rambling", 2.0), ("rude", 2.0))


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
    """One answer in every manner, and a faulty one: the judge, not this order, says which is better."""
    found = [manners.said(dice, asked.good, manner) for manner in manners.MANNERS]
    return list(dict.fromkeys([*found, faulty(dice, asked)]))


def faulty(dice: Dice, asked: Asked) -> str:
    """An answer that is wrong in any manner, breaks off, or says no to what is harmless."""
    kind = dice.weighted((("wrong", 5), ("cut", 3), ("refused", 2)))
    if kind == "refused" and asked.family != "safety":
        return safety.draw(dice)[0].safe
    if kind == "cut" and (cut := cut_short(asked.good)):
        return cut
    return manners.said(dice, asked.bad, dice.pick(manners.MANNERS))


def cut_short(answer: str) -> str:
    """The first half of an answer of several lines or sentences; empty for others."""
    lines = answer.splitlines()
    if len(lines) > 1:
        return "\n".join(lines[: len(lines) // 2])
    sentences = re.findall(r"[^.!?]+[.!?]", answer)
    return "".join(sentences[: len(sentences) // 2]).strip()


def drawn_pair(dice: Dice, asked: Asked) -> tuple[str, str]:
    """Two answers in random order. Half of the pairs are about manners alone, half about right and faulty."""
    one = dice.weighted(COMPARED)
    first = manners.said(dice, asked.good, one)
    if dice.chance(0.5):
        second = manners.said(dice, asked.good, dice.weighted([row for row in COMPARED if row[0] != one]))
    else:
        second = faulty(dice, asked)
    return (first, second) if dice.chance(0.5) else (second, first)


def draw_pair(dice: Dice, part: tasks.Part = "training", clean: bool = False) -> Pair:
    while True:
        asked = draw_asked(dice, part)
        first, second = drawn_pair(dice, asked)
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
