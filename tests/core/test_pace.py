from dataclasses import replace

import pytest

from studio.core.events import Event
from studio.core.methods import SftSettings
from studio.core.pace import pace_of, same_kind
from studio.core.recipes import Recipe
from studio.core.runs import RunStory

DONE = Recipe("/model", "data", settings=SftSettings(batch_size=4, accumulate=2))


def story(step, elapsed):
    told = RunStory()
    told.feed(Event("step", 1.0, {"step": step, "total": 100, "elapsed": elapsed}))
    return told


def test_a_run_tells_how_long_the_next_will_take():
    pace = pace_of("first", DONE, story(10, 40.0))  # 80 examples in 40 s
    assert pace.examples_per_second == 2
    assert pace.seconds_for(SftSettings(epochs=1.0, batch_size=8, accumulate=1), 160) == pytest.approx(80)
    assert pace.seconds_for(SftSettings(epochs=3.0, batch_size=1, accumulate=8), 160) == pytest.approx(240)
    assert pace.seconds_for(SftSettings(max_steps=5), 160) == pytest.approx(20)


def test_a_token_budget_counts_no_examples():
    pace = pace_of("first", DONE, story(10, 40.0))
    assert pace.seconds_for(SftSettings(epochs=2.0, batch_tokens=4096), 160) == pytest.approx(160)
    assert pace.seconds_for(SftSettings(max_steps=10, batch_tokens=4096), 100_000) is None
    assert pace_of("first", replace(DONE, settings=SftSettings(batch_tokens=4096)), story(10, 40.0)) is None


def test_a_run_without_a_step_has_no_pace():
    assert pace_of("first", DONE, RunStory()) is None
    assert pace_of("first", DONE, story(0, 0.0)) is None


def test_only_runs_of_the_same_kind_are_compared():
    assert same_kind(DONE, replace(DONE, name="other", settings=SftSettings(learning_rate=1e-3, batch_size=1)))
    for other in (
        replace(DONE, base_model="/larger"),
        replace(DONE, dataset="other"),
        replace(DONE, method="dpo"),
        replace(DONE, settings=SftSettings(max_length=64)),
    ):
        assert not same_kind(DONE, other)
