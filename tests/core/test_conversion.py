"""Conversions by property: counts, order, ties, margins, and that each prompt stays whole."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.core.conversion import Account, Conversion, convert, counted, judged, offered
from studio.core.labelling import LabelPlan, Mark, Opinion, Verdict
from studio.core.messages import Message

CALM = settings(max_examples=60, deadline=None)

PROMPT = {n: (Message("user", f"prompt {n}"),) for n in range(50)}
TEXT = {n: f"answer {n}" for n in range(500)}
LIST, RATE, PAIR = LabelPlan(way="listwise"), LabelPlan(way="pointwise"), LabelPlan()
ranks_of = st.lists(st.integers(1, 5), min_size=2, max_size=7)


def ranked(ranks, *, item=1, labeller="Ada", **more):
    mark = Mark({"": Verdict(tuple(ranks))}, **more)
    return Opinion(item, 1, tuple(range(len(ranks))), labeller, False, mark, item)


def rated(ratings, labeller="Ada"):
    return [
        Opinion(n, 1, (n,), labeller, False, Mark({"": Verdict(rating=rating)}), n) for n, rating in enumerate(ratings)
    ]


def made(opinions, plan, **settings):
    account = Account()
    groups = judged(opinions, plan, PROMPT, TEXT, account=account)
    return convert(groups, plan, Conversion(**settings), account), account


def beaten(pairs):
    return {(int(pair.chosen.split()[1]), int(pair.rejected.split()[1])) for pair in pairs}


@CALM
@given(ranks_of)
def test_each_two_of_different_rank_make_one_pair(ranks):
    pairs, account = made([ranked(ranks)], LIST)
    wanted = {(a, b) for a, high in enumerate(ranks) for b, low in enumerate(ranks) if high < low}
    assert beaten(pairs) == wanted
    ties = sum(ranks[a] == ranks[b] for a in range(len(ranks)) for b in range(a))
    assert (len(pairs), account.ties) == (len(wanted), ties)


@CALM
@given(ranks_of)
def test_neighbours_imply_all_pairs_and_best_and_worst_are_among_them(ranks):
    every = beaten(made([ranked(ranks)], LIST)[0])
    near = beaten(made([ranked(ranks)], LIST, which="adjacent")[0])
    closed = set(near)
    while more := {(a, d) for a, b in closed for c, d in closed if b == c} - closed:
        closed |= more
    assert near <= every == closed
    ends = beaten(made([ranked(ranks)], LIST, which="best_worst")[0])
    assert ends <= every
    assert {ranks[a] for a, _ in ends} <= {min(ranks)}
    assert {ranks[b] for _, b in ends} <= {max(ranks)}
    assert bool(ends) == bool(every)


@CALM
@given(ranks_of)
def test_a_kept_tie_is_a_pair_in_each_direction(ranks):
    kept, account = made([ranked(ranks)], LIST, ties="keep")
    dropped, _ = made([ranked(ranks)], LIST)
    both = beaten(kept) - beaten(dropped)
    assert both == {(b, a) for a, b in both}
    assert all(ranks[a] == ranks[b] for a, b in both)
    assert account.ties == 0
    assert len(kept) == len(ranks) * (len(ranks) - 1) / 2 + len(both) / 2


@CALM
@given(st.lists(st.integers(1, 5), min_size=2, max_size=6), st.sampled_from([0.0, 1.0, 2.0, 3.0]))
def test_ratings_make_pairs_with_margins_from_the_gap_on(ratings, gap):
    pairs, account = made(rated(ratings), RATE, gap=gap)
    wanted = [(a, b) for a, high in enumerate(ratings) for b, low in enumerate(ratings) if high - low >= max(gap, 1)]
    assert beaten(pairs) == set(wanted)
    for pair in pairs:
        high, low = (ratings[int(text.split()[1])] for text in (pair.chosen, pair.rejected))
        assert pair.margin == pytest.approx((high - low) / 4)
    possible = sum(high > low for high in ratings for low in ratings)
    assert account.too_close == possible - len(pairs)
    assert all(pair.margin is None for pair in made(rated(ratings), RATE, margins=False)[0])


def test_a_pair_has_no_margin_and_the_majority_decides():
    pairs, account = made([ranked((1, 2)), ranked((1, 2), item=2, labeller="Bo"), ranked((2, 1), item=3)], PAIR)
    assert [(pair.chosen, pair.rejected, pair.margin) for pair in pairs] == [("answer 0", "answer 1", None)]
    assert (account.verdicts, account.prompts, account.entries) == (3, 1, [1, 2, 3])
    split, account = made([ranked((1, 2)), ranked((2, 1), item=2)], PAIR)
    assert split == []
    assert account.ties == 1


def test_two_bad_answers_are_never_an_example():
    bad = Opinion(1, 1, (0, 1), "Ada", False, Mark({"": Verdict.tie(bad=True)}), 1)
    assert made([bad], PAIR, ties="keep")[0] == []
    labels, _ = made([bad], PAIR, make="labels")
    assert [(label.answer, label.good) for label in labels] == [("answer 0", False), ("answer 1", False)]


def test_labels_from_pairs_ties_and_thumbs():
    labels, _ = made([ranked((1, 2))], PAIR, make="labels")
    assert {label.answer: label.good for label in labels} == {"answer 0": True, "answer 1": False}
    tie = [ranked((1, 1))]
    assert made(tie, PAIR, make="labels")[0] == []
    assert all(label.good for label in made(tie, PAIR, make="labels", ties="keep")[0])
    thumbs = replace(RATE, scale="thumbs")
    found = {label.answer: label.good for label in made(rated([1, 0]), thumbs, make="labels")[0]}
    assert found == {"answer 0": True, "answer 1": False}
    # In 1 to 5 the middle says nothing.
    found = {label.answer: label.good for label in made(rated([1, 3, 5]), RATE, make="labels")[0]}
    assert found == {"answer 0": False, "answer 2": True}


@CALM
@given(ranks_of)
def test_an_edited_answer_beats_all_others(ranks):
    pairs, _ = made([ranked(ranks, edited="better still")], LIST)
    assert {pair.rejected for pair in pairs if pair.chosen == "better still"} == {TEXT[n] for n in range(len(ranks))}
    assert not any(pair.rejected == "better still" for pair in pairs)
    assert not any(
        "still" in pair.chosen for pair in made([ranked(ranks, edited="better still")], LIST, edited=False)[0]
    )
    [ranking], _ = made([ranked(ranks, edited="better still")], LIST, make="rankings")
    assert ranking.ordered[0] == "better still"


@CALM
@given(ranks_of.filter(lambda ranks: len(set(ranks)) > 1))
def test_rankings_keep_their_order_and_ties(ranks):
    [ranking], _ = made([ranked(ranks)], LIST, make="rankings")
    for a in range(len(ranks)):
        for b in range(len(ranks)):
            assert (ranks[a] < ranks[b]) == (ranking.ranks[a] < ranking.ranks[b])
    assert set(ranking.ranks) == set(range(1, len(set(ranks)) + 1))


def test_who_counts_can_be_told_apart():
    own = ranked((1, 2))
    machine = replace(ranked((2, 1), item=2, labeller="judge"), machine=True)
    taken = ranked((1, 2), item=3, suggested="judge")
    every = [own, machine, taken]
    assert list(counted(every, Conversion())) == [own, taken]
    assert list(counted(every, Conversion(taken=False))) == [own]
    assert list(counted(every, Conversion(who="machines"))) == [machine]
    assert list(counted(every, Conversion(who="both"))) == every


def test_criteria_can_be_taken_together_or_one_by_one():
    plan = replace(PAIR, criteria="helpful, harmless, helpful")
    assert plan.criterion_names == ("helpful", "harmless")
    mark = Mark({"helpful": Verdict((1, 2)), "harmless": Verdict((2, 1))})
    both = [Opinion(1, 1, (0, 1), "Ada", False, mark, 1)]
    assert judged(both, plan, PROMPT, TEXT, "helpful")[0].worth == (-1.0, -2.0)
    assert judged(both, plan, PROMPT, TEXT, "harmless")[0].worth == (-2.0, -1.0)
    assert judged(both, plan, PROMPT, TEXT)[0].worth == (-1.5, -1.5)


def test_skipped_items_and_equal_rows_are_left_out():
    skipped = ranked((1, 2), item=2, skipped=True)
    records, account = made([ranked((1, 2)), skipped], PAIR)
    assert (len(records), account.skipped) == (1, 1)
    twin = replace(ranked((1, 2), item=5), candidates=(0, 1))
    assert len(made([ranked((1, 2)), twin], PAIR)[0]) == 1


@pytest.mark.parametrize("plan", [PAIR, LIST, RATE, replace(RATE, scale="thumbs")])
def test_what_is_offered_can_be_made(plan):
    opinions = rated([0, 1]) if plan.way == "pointwise" else [ranked((1, 2))]
    for make in offered(plan):
        records, account = made(opinions, plan, make=make)
        assert account.rows == len(records)
        assert account.sentences("x")[0].startswith("x from")
