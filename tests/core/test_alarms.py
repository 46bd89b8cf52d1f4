import pytest

from studio.core.alarms import alarms_of
from studio.core.events import Event
from studio.core.methods import PpoSettings
from studio.core.metrics import Curves

FINE = {"kl": 2.0, "entropy": 2.0, "response_length": 20.0, "score": 0.5}


def told(steps=30, judge=(), scores=(), **figures):
    """What is told of a run whose figures stay as they are, or go from one value to another in a straight line."""
    curves = Curves()
    for step in range(1, steps + 1):
        values = {}
        for name, value in {**FINE, **figures}.items():
            first, last = value if isinstance(value, tuple) else (value, value)
            values[name] = first + (last - first) * (step - 1) / (steps - 1)
        curves.feed(Event("step", 0.0, {"step": step, **values}))
    for step, (score, judged) in enumerate(zip(scores, judge, strict=True), start=1):
        curves.feed(Event("evaluation", 0.0, {"step": step, "eval_score": score, "eval_judge": judged}))
    return [alarm.name for alarm in alarms_of(curves, PpoSettings(kl_budget=10.0))]


def test_a_healthy_run_raises_none():
    assert told() == []
    assert told(score=(0.0, 2.0), kl=(0.0, 9.0), entropy=(2.0, 1.0), response_length=(20.0, 26.0)) == []
    assert told(scores=(0, 1, 2, 3), judge=(0, 1, 1, 2)) == []
    assert told(steps=2, kl=50.0) == []  # too early to tell


@pytest.mark.parametrize(
    ("figures", "name"),
    [
        ({"kl": (0.0, 14.0)}, "kl runaway"),
        ({"kl": -1.5}, "negative KL"),
        ({"entropy": (2.0, 0.1)}, "entropy collapse"),
        ({"response_length": (20.0, 60.0), "score": (0.0, 2.0)}, "length hacking"),
        ({"scores": (0, 1, 2, 3), "judge": (0, 1, 0.5, -1)}, "judge disagrees"),
    ],
)
def test_what_goes_wrong_is_told(figures, name):
    assert told(**figures) == [name]


def test_longer_answers_alone_are_no_alarm():
    assert told(response_length=(20.0, 60.0)) == []
