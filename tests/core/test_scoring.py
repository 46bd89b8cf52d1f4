import random

import pytest

from studio.core.scoring import probability, verdict


def test_probability_is_bradley_and_terrys():
    assert probability(1.0, 1.0) == 0.5
    assert probability(1e6, 0.0) == 1.0
    assert probability(-1e6, 0.0) == 0.0
    chance = random.Random(3)
    for _ in range(100):
        first, second, more = (chance.uniform(-20, 20) for _ in range(3))
        assert probability(first, second) + probability(second, first) == pytest.approx(1)
        assert probability(first + more, second + more) == pytest.approx(probability(first, second))


def test_scores_in_words():
    assert verdict(1.0, 0.0, "pairs") == (
        "A scores 1.000, B scores 0.000. A wins: by this judge it is preferred with a probability of 73.1%."
    )
    assert "B wins: " in verdict(0.0, 3.0, "rankings")
    assert "Neither wins" in verdict(0.5, 0.5, "pairs")
    assert "probability" not in verdict(1.0, 0.0, "ratings")
    assert "A wins by 1.000" in verdict(1.0, 0.0, "ratings")
