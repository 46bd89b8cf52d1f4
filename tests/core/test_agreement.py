"""Kappas against hand-worked tables, and that each measure finds what was put there."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.core.agreement import (
    about_kappa,
    about_length,
    about_position,
    about_self,
    among,
    between,
    cohen_kappa,
    contradictions,
    cycle_in,
    disagreement,
    first_shown_wins,
    fleiss_kappa,
    longer_wins,
    with_oneself,
)
from studio.core.labelling import Mark, Opinion, Verdict

CALM = settings(max_examples=60, deadline=None)


def opinion(item, winner, *, labeller="Ada", candidates=(1, 2), shown=(0, 1), prompt=1):
    verdict = Verdict.tie() if winner is None else Verdict.better(candidates.index(winner))
    return Opinion(item, prompt, candidates, labeller, False, Mark({"": verdict}, shown=shown), item)


def test_cohens_kappa_on_a_table_worked_by_hand():
    # 20 yes/yes, 5 yes/no, 10 no/yes, 15 no/no: observed 35/50; by chance 25/50*30/50 + 25/50*20/50 = 1/2.
    judged = [("y", "y")] * 20 + [("y", "n")] * 5 + [("n", "y")] * 10 + [("n", "n")] * 15
    kappa = cohen_kappa(judged)
    assert (kappa.observed, kappa.expected, kappa.value) == pytest.approx((0.7, 0.5, 0.4))
    assert kappa.words == "fair"
    # Three categories: 4 of 6 agree; margins (2,2,2) and (3,2,1): chance (6 + 4 + 2)/36 = 1/3.
    three = cohen_kappa([("a", "a"), ("a", "a"), ("b", "b"), ("b", "a"), ("c", "c"), ("c", "b")])
    assert three.value == pytest.approx((4 / 6 - 1 / 3) / (2 / 3))


def test_fleiss_kappa_on_the_published_table():
    # Fleiss 1971's layout: 10 subjects, 14 raters, 5 categories; P = 0.378, Pe = 0.213, kappa = 0.210.
    table = [
        (0, 0, 0, 0, 14), (0, 2, 6, 4, 2), (0, 0, 3, 5, 6), (0, 3, 9, 2, 0), (2, 2, 8, 1, 1),
        (7, 7, 0, 0, 0), (3, 2, 6, 3, 0), (2, 5, 3, 2, 2), (6, 5, 2, 1, 0), (0, 2, 2, 3, 7),
    ]  # fmt: skip
    kappa = fleiss_kappa([dict(enumerate(row)) for row in table])
    assert (kappa.observed, kappa.expected, kappa.value) == pytest.approx((0.378, 0.213, 0.210), abs=5e-4)
    assert kappa.n == 10


def test_where_chance_always_agrees_nothing_is_claimed():
    assert cohen_kappa([("a", "a")] * 9).value is None
    assert fleiss_kappa([{"a": 3}] * 4).value is None
    assert cohen_kappa([]).n == fleiss_kappa([{"a": 1}]).n == 0
    assert "one and the same verdict" in about_kappa(cohen_kappa([("a", "a")] * 9))


@CALM
@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), min_size=1))
def test_kappa_is_symmetric_and_at_most_one(judged):
    kappa, mirrored = cohen_kappa(judged), cohen_kappa([(b, a) for a, b in judged])
    assert kappa.value == pytest.approx(mirrored.value) if kappa.value is not None else mirrored.value is None
    assert kappa.value is None or kappa.value <= 1 + 1e-9
    assert all(a == b for a, b in judged) == (kappa.observed == 1)


def test_labellers_are_compared_by_candidate_and_not_by_side():
    ada = [opinion(n, 2 * n, candidates=(2 * n, 2 * n + 1)) for n in range(1, 9)]
    # The same choices on other items that hold the same candidates in the other order.
    bob = [opinion(n + 50, 2 * n, labeller="Bob", candidates=(2 * n + 1, 2 * n)) for n in range(1, 9)]
    kappa = between([*ada, *bob], "")["Ada", "Bob"]
    assert (kappa.observed, kappa.n) == (1.0, 8)
    assert among([*ada, *bob], "").observed == 1.0


def test_hidden_repeats_tell_how_steady_one_is():
    first = [opinion(n, 1) for n in range(1, 11)]
    again = [opinion(n + 100, 1 if n <= 7 else 2) for n in range(1, 11)]
    repeats = {n + 100: n for n in range(1, 11)}
    share = with_oneself([*first, *again], repeats, "")
    assert (share.count, share.n) == (7, 10)
    assert "70 %" in about_self(share)
    # A repeat never counts as a second opinion between labellers.
    assert between([*first, *again], "") == {}


def test_position_and_length_biases_are_found_when_they_are_there():
    left = [opinion(n, (1, 2)[n % 2], shown=(n % 2, 1 - n % 2)) for n in range(60)]
    share = first_shown_wins(left, "")
    assert (share.count, share.n) == (60, 60)
    assert "first is favoured" in about_position(share)
    rng = random.Random(0)
    fair = [opinion(n, 1, shown=tuple(rng.sample((0, 1), 2))) for n in range(60)]
    assert not first_shown_wins(fair, "").differs_from_half
    longer = longer_wins(fair, {1: 900, 2: 100}, "")
    assert (longer.count, longer.n) == (60, 60)
    assert "longer answers" in about_length(longer)
    assert longer_wins(fair, {1: 5, 2: 5}, "").n == 0
    assert first_shown_wins([opinion(1, None)], "").n == 0


@CALM
@given(st.permutations(range(6)), st.integers(0, 2**15 - 1))
def test_an_order_has_no_circle_and_a_closing_edge_makes_one(order, mask):
    edges = [(order[a], order[b]) for a in range(6) for b in range(a + 1, 6) if mask & (1 << (a * 5 + b) % 15)]
    assert cycle_in(edges) == []
    chain = [(order[n], order[n + 1]) for n in range(5)]
    circle = cycle_in([*chain, (order[5], order[0])])
    assert sorted(circle) == sorted(order)
    assert circle[0] == min(circle)


def test_contradictions_name_the_items():
    circle = [
        opinion(1, 1, candidates=(1, 2)),
        opinion(2, 2, candidates=(2, 3)),
        opinion(3, 3, candidates=(1, 3)),
        opinion(4, 1, candidates=(1, 4)),
    ]
    [found] = contradictions(circle, "")
    assert (found.candidates, found.items, found.is_plain) == ((1, 2, 3), (1, 2, 3), False)
    [plain] = contradictions([opinion(1, 1), opinion(9, 2)], "")
    assert plain.is_plain
    assert plain.items == (1, 9)
    assert contradictions([opinion(1, 1), opinion(9, 2, labeller="Bob")], "") == []


def test_disagreement_orders_the_queue():
    assert disagreement(["a", "a", "a"]) == disagreement(["a"]) == 0.0
    assert disagreement(["a", "b"]) == 1.0
    assert 0 < disagreement(["a", "a", "b"]) < 1
