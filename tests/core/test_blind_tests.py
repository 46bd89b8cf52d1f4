"""Blind tests: sides are shuffled, pairs take turns, and strengths are those that made the votes."""

from __future__ import annotations

import math
import random
from collections import Counter

import pytest

from studio.core.blind_tests import BOTH_BAD, TIE, A, B, BlindTest, Duel, bradley_terry


def test_sides_are_shuffled_and_pairs_meet_equally_often():
    test = BlindTest.of(["x", "y", "z"], [str(k) for k in range(300)], seed=1)
    assert [duel.prompt for duel in test.duels] == [str(k) for k in range(300)]
    met = Counter(frozenset((duel.left, duel.right)) for duel in test.duels)
    assert set(met.values()) == {100}
    left = Counter(duel.left for duel in test.duels)
    assert all(70 < count < 130 for count in left.values())
    assert BlindTest.of(["x", "y"], ["p"] * 20, 3) == BlindTest.of(["x", "y"], ["p"] * 20, 3)
    assert BlindTest.of(["x", "y"], ["p"] * 20, 3) != BlindTest.of(["x", "y"], ["p"] * 20, 4)


def test_results_count_wins_whatever_the_side():
    duels = [
        Duel("1", "x", "y", A), Duel("2", "y", "x", B), Duel("3", "x", "y", B), Duel("4", "y", "x", TIE),
        Duel("5", "x", "y", BOTH_BAD), Duel("6", "x", "y"),
    ]  # fmt: skip
    [result] = BlindTest(["x", "y"], duels).results()
    contest = result.contest
    assert (result.first, contest.wins, contest.losses, contest.ties, result.bad) == ("x", 2, 1, 2, 1)
    assert contest.share == pytest.approx(2 / 3)
    low, high = contest.interval
    assert (low, high) == pytest.approx((0.2077, 0.9385), abs=1e-3)  # Wilson 1927, by hand


def test_two_models_strengths_are_the_logit_of_their_share():
    duels = [Duel("", "x", "y", A)] * 29 + [Duel("", "x", "y", B)] * 9 + [Duel("", "x", "y", TIE)] * 0
    strengths = bradley_terry(["x", "y"], duels)
    share = 29.5 / 39  # one tie added
    assert strengths["x"] - strengths["y"] == pytest.approx(400 * math.log10(share / (1 - share)), abs=1e-3)
    assert sum(strengths.values()) == pytest.approx(0)


def test_strengths_are_found_again():
    chance, true = random.Random(0), {"a": 150.0, "b": 0.0, "c": -50.0, "d": -100.0}
    test = BlindTest.of(list(true), ["p"] * 12_000, seed=2)
    for duel in test.duels:
        gap = true[duel.left] - true[duel.right]
        duel.vote = A if chance.random() < 1 / (1 + 10 ** (-gap / 400)) else B
    found = test.strengths()
    assert all(abs(found[model] - true[model]) < 15 for model in true)


def test_who_wins_always_is_not_infinitely_strong_and_nobody_is_no_trouble():
    assert bradley_terry(["x", "y"], [Duel("", "x", "y", A)] * 5)["x"] < 400
    assert bradley_terry(["x", "y"], []) == {"x": 0.0, "y": 0.0}
