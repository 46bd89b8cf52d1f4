import pytest

from studio.core.alarms import alarms_of
from studio.core.curves import Curves
from studio.core.events import Event
from studio.core.methods import PpoSettings
from studio.core.training_settings import HIGHEST_REWARD, KEEP_REWARDED

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


@pytest.mark.parametrize("held_out", [0.0, 0.1])
@pytest.mark.parametrize("keep", KEEP_REWARDED)
def test_a_checkpoint_is_promised_only_where_one_is_kept(keep, held_out):
    curves = Curves()
    for step in range(1, 31):
        curves.feed(Event("step", 0.0, {"step": step, **FINE, "kl": 0.5 * step}))
    (alarm,) = alarms_of(curves, PpoSettings(kl_budget=10.0, keep=keep, held_out=held_out))
    assert ("checkpoint within the budget" in alarm.hint) == (keep == HIGHEST_REWARD and held_out > 0)


def test_longer_answers_alone_are_no_alarm():
    assert told(response_length=(20.0, 60.0)) == []


# Of RLOO on the starter model, rewarded by a short answer that ends: 24 steps, learning rate 2e-3.
RECORDED = {
    "score": "0 0 0 .062 .229 1.25 1.156 1.042 1.167 1.188 1.25 1.312 1.312 1.312 1.323 1.312 1.333 1.323 1.312 1.271 "
    "1.333 1.333 1.344 1.333",
    "kl": "0 0 0 0 .638 3.002 2.64 4.965 3.848 3.44 4.035 3.99 4.298 3.722 3.687 3.718 3.971 3.617 4.133 3.568 3.867 "
    "3.912 4.105 3.883",
    "entropy": ".242 .218 .207 .222 .324 .222 .174 .375 .185 .178 .162 .178 .156 .134 .165 .128 .121 .132 .125 .124 "
    ".119 .115 .123 .119",
    "response_length": "20 20 20 19.75 19.375 15.625 15.938 16.75 16.25 16.062 15.938 16.125 15.562 15.625 15.188 "
    "15.75 15.438 15.312 15 15.438 15 15.125 15.125 15",
}


def recorded(budget):
    """The alarms after each step of the recorded run, with this KL budget."""
    rows = zip(*(map(float, values.split()) for values in RECORDED.values()), strict=True)
    curves, found = Curves(), []
    for step, values in enumerate(rows, start=1):
        curves.feed(Event("step", 0.0, {"step": step, **dict(zip(RECORDED, values, strict=True))}))
        found.append([alarm.name for alarm in alarms_of(curves, PpoSettings(kl_budget=budget))])
    return found


def test_a_recorded_run_that_went_well_raises_none():
    assert recorded(budget=10.0) == [[]] * 24


def test_the_same_run_is_told_at_the_step_at_which_it_leaves_a_smaller_budget():
    found = recorded(budget=3.0)
    assert found[8] == ["kl runaway"]  # the mean of steps 5 to 9 is 3.02
    assert found[7] == []
    assert found[-1] == ["kl runaway"]
