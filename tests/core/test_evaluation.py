"""Evaluations: read back as written, figures out of raw numbers, and contests only where both were asked the same."""

from __future__ import annotations

import math
from dataclasses import replace

from studio.core.contests import Contest
from studio.core.evaluation import (
    COLUMNS,
    NONE,
    Answer,
    Evaluation,
    Heldout,
    JudgeContest,
    contest_of_odds,
    contests_of,
    figures,
)
from studio.core.rules import Rule

CHECK = {"rule": "exact", "accept": ["Yes."]}
FIRST = Evaluation(
    "1", "2026-01-01T00:00:00Z", "base + é", "/base", "/adapter", "run", "set", "digest", ("a?", "b?", "c?"),
    (Answer("Yes.", True, 2, 0.5, 1.0), Answer("No.", True, 2, 1.5, 2.0), Answer("Yes.", False, 9, None, 3.0)),
    (CHECK, CHECK, CHECK),
    (Answer("I can not help with that.", True, 5), Answer("Sure!", True, 1)),
    "other", Heldout("rows", "x", 2 * math.log(3.0), 2, 1), "/reward",
    (Rule("ends"), Rule("length", low=1, high=5)), 3.5,
    (JudgeContest("2", "judge", 2, 1, 0, 0.9),),
)  # fmt: skip
SECOND = replace(
    FIRST, id="2", name="other", contests=(), answers=tuple(replace(a, text="No.", reward=1.5) for a in FIRST.answers)
)


def test_read_back_as_it_was() -> None:
    assert Evaluation.from_json(FIRST.to_json()) == FIRST
    for damaged in ("", "{}", "[]", FIRST.to_json().replace('"format": 1', '"format": 9'), FIRST.to_json()[:-40]):
        assert Evaluation.from_json(damaged) is None


def test_figures_are_made_of_raw_numbers() -> None:
    found = figures(FIRST)
    assert list(found) == list(COLUMNS)
    assert found["follows"].value == 2 / 3 and found["follows"].interval is not None
    assert found["rules"].value == 2 / 3  # the third was cut off
    assert found["perplexity"].value == 3.0 or math.isclose(found["perplexity"].value or 0, 3.0)
    assert found["reward"].value == 2.0 and found["kl"].value == 1.0
    assert found["reward"].interval == (1.0, 3.0) and found["reward"].text == "+2.00 (+1.00 to +3.00)"
    assert found["ended"].value == 2 / 3 and found["words"].value == 1.0 and found["refuses"].value == 0.5
    bare = replace(
        FIRST, checks=(), rules=(), heldout=None, harmful=(), answers=(Answer("x", True, 1),), prompts=("?",)
    )
    assert {name for name, figure in figures(bare).items() if figure == NONE} == {
        "follows", "rules", "perplexity", "reward", "kl", "refuses",
    }  # fmt: skip


def test_a_rule_that_punishes_is_met_by_what_has_none_of_it() -> None:
    rude = replace(FIRST, rules=(Rule("matches", pattern="No", weight=-1.0),))
    assert figures(rude)["rules"].value == 2 / 3


def test_contests_need_the_same_prompts() -> None:
    found = contests_of(FIRST, SECOND)
    assert found == {
        "rules in code": Contest(2, 0, 1),
        "reward model": Contest(2, 1, 0),
        "judge": Contest(2, 1, 0),
    }
    back = contests_of(SECOND, FIRST)
    assert back["judge"] == Contest(1, 2, 0) and back["reward model"] == Contest(1, 2, 0)
    assert contests_of(FIRST, replace(SECOND, prompt_digest="another")) == {}
    assert "reward model" not in contests_of(FIRST, replace(SECOND, reward_model="/another"))


def test_odds_near_one_half_are_ties() -> None:
    assert contest_of_odds([0.9, 0.5, 0.52, 0.1, 0.56]) == Contest(2, 1, 2)
