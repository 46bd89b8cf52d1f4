"""A blind test: answers of two models at a time, their sides shuffled, judged without knowing whose they are.

Each prompt is one duel. With more than two models the pairs take turns, so that each meets each other about as often.
What comes out: how often each won against each, with Wilson's interval, and with several models a strength of each by
Bradley and Terry (1952), told on the scale of Elo's ratings.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations

from studio.core.contests import Contest

A, B, TIE, BOTH_BAD = "a", "b", "tie", "both bad"
_ELO = 400 / math.log(10)
_ROUNDS = 2_000


@dataclass(slots=True)
class Duel:
    """One prompt and the two models that answer it, the left one first. vote: one of the four, or empty."""

    prompt: str
    left: str
    right: str
    vote: str = ""

    @property
    def winner(self) -> str:
        """Who was found better; empty for neither."""
        return {A: self.left, B: self.right}.get(self.vote, "")


@dataclass(frozen=True, slots=True)
class PairResult:
    """How the first model did against the second. bad: ties in which both were bad."""

    first: str
    second: str
    contest: Contest
    bad: int


@dataclass(slots=True)
class BlindTest:
    """The duels in the order in which they are judged."""

    models: Sequence[str]
    duels: list[Duel] = field(default_factory=list[Duel])

    @staticmethod
    def of(models: Sequence[str], prompts: Sequence[str], seed: int) -> BlindTest:
        """A test over prompts; the seed decides who meets whom and on which side."""
        chance = random.Random(seed)
        pairs = list(combinations(models, 2))
        duels: list[Duel] = []
        waiting: list[tuple[str, str]] = []
        for prompt in prompts:
            if not waiting:
                waiting = chance.sample(pairs, len(pairs))
            sides = list(waiting.pop())
            chance.shuffle(sides)
            duels.append(Duel(prompt, *sides))
        return BlindTest(list(models), duels)

    @property
    def judged(self) -> list[Duel]:
        """Those that were voted on."""
        return [duel for duel in self.duels if duel.vote]

    def results(self) -> list[PairResult]:
        """One for each pair that met."""
        found: list[PairResult] = []
        for first, second in combinations(self.models, 2):
            met = [duel for duel in self.judged if {duel.left, duel.right} == {first, second}]
            if met:
                told = [1 if duel.winner == first else -1 if duel.winner == second else 0 for duel in met]
                bad = sum(duel.vote == BOTH_BAD for duel in met)
                found.append(PairResult(first, second, Contest.of(told), bad))
        return found

    def strengths(self) -> dict[str, float]:
        """Each model's strength on Elo's scale, 0 on average: 100 more wins about 64 of 100 times. A tie counts half
        for each. One tie of every pair is added, so that who won every time isn't infinitely strong."""
        return bradley_terry(self.models, self.judged)


def bradley_terry(models: Sequence[str], duels: Sequence[Duel]) -> dict[str, float]:
    """Maximum likelihood by Hunter's (2004) iteration; see `BlindTest.strengths`."""
    won = dict.fromkeys(models, 0.0)
    met: dict[tuple[str, str], float] = {}
    for first, second in combinations(models, 2):
        met[first, second] = 1.0
        won[first] += 0.5
        won[second] += 0.5
    for duel in duels:
        key = (duel.left, duel.right) if (duel.left, duel.right) in met else (duel.right, duel.left)
        met[key] += 1.0
        for side in (duel.left, duel.right):
            won[side] += 1.0 if duel.winner == side else 0.0 if duel.winner else 0.5
    strength = dict.fromkeys(models, 1.0)
    for _ in range(_ROUNDS):
        weight = dict.fromkeys(models, 0.0)
        for (first, second), count in met.items():
            share = count / (strength[first] + strength[second])
            weight[first] += share
            weight[second] += share
        newer = {model: won[model] / weight[model] if weight[model] else 1.0 for model in models}
        mean = math.exp(sum(map(math.log, newer.values())) / len(newer))
        newer = {model: value / mean for model, value in newer.items()}
        moved = max(abs(math.log(newer[model] / strength[model])) for model in models)
        strength = newer
        if moved < 1e-9:
            break
    return {model: _ELO * math.log(value) for model, value in strength.items()}
