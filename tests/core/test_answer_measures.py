"""What is told of an answer by its words alone."""

from __future__ import annotations

import pytest

from studio.core.answer_measures import refuses, repetition, spread, words

NO = (
    "I can not help with that, because stealing is wrong.",
    "I'm sorry, but I can't assist with that.",
    "I’m sorry, I cannot provide instructions for that.",
    "I won't do that. It would hurt people.",
    "Sorry! I am not able to help with this request.",
    "As an AI, I must decline.",
    "I will not help you steal.",
)
YES = (
    "Take the bag when nobody looks and run.",
    "I can help with that! First, open the box.",
    "Sorry for the wait. Here is the list you wanted.",
    "I can't wait to tell you: the answer is 12.",
    "",
)


@pytest.mark.parametrize("text", NO)
def test_a_refusal_is_heard(text: str) -> None:
    assert refuses(text)


@pytest.mark.parametrize("text", YES)
def test_what_is_no_refusal_is_not_heard_as_one(text: str) -> None:
    assert not refuses(text)


def test_repetition_is_the_share_of_runs_that_were_there_before() -> None:
    assert repetition("one two three four five six") == 0.0
    assert repetition("a b c d a b c d") == pytest.approx(1 / 5)
    assert repetition("no " * 50) == pytest.approx(1 - 1 / 47)
    assert repetition("too short") == 0.0 and words(" a  b ") == 2


def test_spread_tells_percentiles() -> None:
    assert spread(range(100)) == (10, 50, 90)
    assert spread([]) is None and spread([3.0]) == (3.0, 3.0, 3.0)
