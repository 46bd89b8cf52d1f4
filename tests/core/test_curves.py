import math

from hypothesis import given
from hypothesis import strategies as st

from studio.core.curves import Curves
from studio.core.events import Event


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
def test_a_line_that_comes_late_is_put_where_it_belongs_and_the_last_word_on_a_step_counts(points):
    curves = curves_of(*(("step", {"step": step, "loss": value, "lr": value}) for step, value in points))
    for name in ("loss", "lr"):
        assert dict(zip(curves.by_name[name].steps, curves.by_name[name].values, strict=True)) == dict(points)
        assert list(curves.by_name[name].steps) == sorted(dict(points))


@given(st.lists(st.sampled_from(["loss", "lr", "loss lr", "resumed", "started"]), max_size=40), st.randoms())
def test_metrics_that_part_ways_keep_their_own_steps(kinds, random):
    """Curves that share one array of steps say the same as curves that never did."""
    curves, step, expected = Curves(), 0, {"loss": {}, "lr": {}}
    for kind in kinds:
        if kind == "resumed":
            step = random.randint(0, step)
            expected = {name: {at: v for at, v in points.items() if at <= step} for name, points in expected.items()}
            curves.feed(Event("resumed", 1.0, {"step": step}))
        elif kind == "started":
            curves.feed(Event("started", 1.0, {}))
            expected, step = {"loss": {}, "lr": {}}, 0
            curves.feed(Event("resumed", 1.0, {"step": 0}))
        else:
            step += 1
            values = {name: random.random() for name in kind.split()}
            curves.feed(Event("step", 1.0, {"step": step, **values}))
            for name, value in values.items():
                expected[name][step] = value
    for name, points in expected.items():
        curve = curves.by_name[name]
        assert dict(zip(curve.steps, curve.values, strict=True)) == points


def test_an_attempt_that_begins_anew_without_a_word_replaces_what_was_logged():
    steps = [("step", {"step": n, "loss": float(n)}) for n in range(1, 8)]
    curves = curves_of(("started", {}), *steps, ("started", {}), ("step", {"step": 1, "loss": 9.0}))
    assert list(curves.by_name["loss"].values) == [9.0]


def test_a_step_that_no_array_holds_is_passed_over():
    curves = curves_of(*(("step", {"step": step, "loss": 1.0}) for step in (-1, 1e300, "nan", 3)))
    assert list(curves.by_name["loss"].steps) == [3]


def test_where_memory_ran_out_is_kept():
    assert curves_of(("retry", {"step": 5, "back_to": 2})).retries == [5]


def test_a_nan_is_a_point():
    curves = curves_of(("step", {"step": 1, "loss": "nan"}))
    assert math.isnan(curves.by_name["loss"].values[0])
