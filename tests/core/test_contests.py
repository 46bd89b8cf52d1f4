"""Contests: who won how often, and how sure that is."""

from __future__ import annotations

import pytest

from studio.core.contests import Contest
from studio.core.intervals import wilson


def test_ties_count_for_neither() -> None:
    contest = Contest.of([1, 1, 1, -1, 0, 0])
    assert (contest.wins, contest.losses, contest.ties) == (3, 1, 2)
    assert contest.share == 0.75 and contest.interval == wilson(3, 4)
    assert "75 %" in str(contest) and "2 ties" in str(contest)
    assert Contest.of([0]).share is None and str(Contest.of([0])) == "all ties"


def test_scores_that_are_equal_are_ties() -> None:
    assert Contest.of_scores([1.0, 2.0, 3.0], [1.0, 1.0, 4.0]) == Contest(1, 1, 1)
    with pytest.raises(ValueError, match="shorter"):
        Contest.of_scores([1.0], [])
