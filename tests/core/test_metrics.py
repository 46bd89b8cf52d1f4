import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.core.events import Event
from studio.core.metrics import Curves, smooth


def curves_of(*events):
    curves = Curves()
    for kind, values in events:
        curves.feed(Event(kind, 1.0, values))
    return curves


def test_steps_that_are_run_again_replace_what_was_logged():
    steps = [("step", {"step": n, "loss": float(n)}) for n in range(1, 8)]
    again = [("step", {"step": n, "loss": -float(n)}) for n in range(5, 10)]
    curves = curves_of(*steps, ("checkpoint", {"step": 4}), ("resumed", {"step": 4}), *again)
    loss = curves.by_name["loss"]
    assert list(loss.steps) == list(range(1, 10))
    assert list(loss.values) == [1, 2, 3, 4, -5, -6, -7, -8, -9]
    assert curves.resumes == [4]
    assert curves.checkpoints == [4]


@given(st.lists(st.tuples(st.integers(0, 30), st.floats(allow_nan=False))))
def test_steps_never_fall_and_the_last_word_on_a_step_counts(points):
    curves = curves_of(*(("step", {"step": step, "loss": value}) for step, value in points))
    loss = curves.by_name["loss"]
    assert list(loss.steps) == sorted(set(loss.steps))
    assert len(loss.steps) == len(loss.values)
    if points:
        assert (loss.steps[-1], loss.values[-1]) == points[-1]


def test_a_nan_is_a_point():
    curves = curves_of(("step", {"step": 1, "loss": "nan"}))
    assert math.isnan(curves.by_name["loss"].values[0])


@given(st.floats(-1e6, 1e6), st.integers(1, 50), st.floats(0.0, 0.99))
def test_smoothing_a_constant_gives_the_constant_from_the_first_point(value, count, weight):
    # 1e-9 relative: the bias correction divides by 1 - weight**n, which rounds.
    assert list(smooth([value] * count, weight)) == pytest.approx([value] * count, rel=1e-9, abs=1e-9)


def test_smoothing_is_adams_first_moment():
    # By hand with weight 0.5: 4; (0.5*2 + 0.25... )
    assert list(smooth([4.0, 2.0, 8.0], 0.5)) == pytest.approx(
        [4.0, (0.25 * 4 + 0.5 * 2) / 0.75, (0.5 + 0.5 + 4) / 0.875]
    )


def test_smoothing_passes_over_what_is_not_finite():
    smoothed = list(smooth([1.0, math.nan, 1.0], 0.9))
    assert smoothed[0] == pytest.approx(1.0)
    assert math.isnan(smoothed[1])
    assert smoothed[2] == pytest.approx(1.0)


@given(st.lists(st.floats(-1e3, 1e3), max_size=20))
def test_no_weight_changes_nothing(values):
    assert list(smooth(values, 0.0)) == pytest.approx(values)


@pytest.mark.parametrize("weight", [-0.1, 1.0, 2.0])
def test_another_weight_is_refused(weight):
    with pytest.raises(ValueError, match="weight"):
        list(smooth([1.0], weight))
