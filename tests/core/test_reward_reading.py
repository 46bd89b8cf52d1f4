import math

import pytest

from studio.core.curves import Curves
from studio.core.events import Event
from studio.core.reading import reading_of


def curves_of(steps=60, evaluations=(), **figures):
    curves = Curves()
    usual = {"loss": 0.0, "score": 0.5, "score_sd": 0.3, "kl": 1.0, "kl_budget": 10.0, "ended": 1.0, "entropy": 2.0}
    for step in range(1, steps + 1):
        told = {name: value(step) if callable(value) else value for name, value in {**usual, **figures}.items()}
        curves.feed(Event("step", 0.0, {"step": step, "response_length": 20.0, **told}))
    for number, values in enumerate(evaluations):
        curves.feed(Event("evaluation", 0.0, {"step": 10 * number, **values}))
    return curves


def said(curves):
    reading = reading_of(curves, "ppo")
    return reading.sentence, reading.worrying


def test_a_score_that_rises_is_told_with_its_distance():
    sentence, worrying = said(
        curves_of(score=lambda step: step / 60, evaluations=[{"eval_score": 0.1}, {"eval_score": 0.9}])
    )
    assert "risen from 0.175 to 0.842" in sentence
    assert "was 0.1 and is 0.9" in sentence
    assert "1 nats an answer from its start; its budget is 10" in sentence
    assert not worrying


def test_noise_is_not_called_a_change():
    assert "hardly changed" in said(curves_of(score=lambda step: 0.5 + 0.001 * (step % 7)))[0]


@pytest.mark.parametrize(
    ("figures", "words"),
    [
        ({"kl": 30.0}, "beyond the budget"),
        ({"kl": -4.0}, "can't be"),
        ({"entropy": lambda step: 2.0 if step < 20 else 0.1}, "hardly hesitates"),
        ({"score_sd": 0.0}, "score the same"),
        ({"ended": 0.25}, "Only 25 %"),
        ({"score": lambda step: math.nan if step == 60 else 0.5}, "not a finite number at step 60"),
    ],
)
def test_what_goes_wrong_comes_first(figures, words):
    sentence, worrying = said(curves_of(**figures))
    assert words in sentence.replace("%", " %").replace("  %", " %")
    assert worrying


def test_few_steps_say_nothing():
    assert "Ten steps" in said(curves_of(steps=4))[0]
    assert reading_of(Curves(), "ppo") is None
