import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.core.curves import Curve
from studio.core.smoothing import smooth
from studio.gui.plots.thinning import BLOCK
from studio.gui.plots.trace import Trace

ODD = st.just(math.nan) | st.just(math.inf) | st.just(-math.inf)
VALUES = st.lists(st.tuples(st.integers(0, 400), st.floats(-10, 10) | ODD), max_size=400)
ALL = 100_000  # parts: so many that nothing is thinned


def curve_of(points):
    curve = Curve()
    for step, value in points:
        curve.add(step, value)
    return curve


def long_curve(count, seed=1, odd=0):
    """So many steps of a noisy curve, some of whose values are no numbers."""
    random = np.random.default_rng(seed)
    values = np.cumsum(random.normal(size=count)) / 100 + random.normal(size=count)
    values[random.integers(0, count, odd)] = np.nan
    return curve_of(zip(range(1, count + 1), values.tolist(), strict=True))


def finite(values):
    return [value if math.isfinite(value) else math.nan for value in values]


@settings(deadline=None)
@given(VALUES, st.integers(0, 400), st.floats(0, 0.99))
def test_following_a_growing_curve_equals_smoothing_it_at_once(points, cut, weight):
    trace, curve = Trace(weight), Curve()
    for number, (step, value) in enumerate(points):
        curve.add(step, value)
        if number == cut:
            trace.follow(curve)
    trace.follow(curve)
    steps, values = trace.smoothed(0, len(curve), ALL)
    # 1e-9: sums within blocks are taken in another order than one by one.
    np.testing.assert_allclose(values, finite(smooth(curve.values, weight)), rtol=1e-9, atol=1e-9)
    np.testing.assert_array_equal(steps, curve.steps)
    np.testing.assert_array_equal(trace.raw(0, len(curve), ALL)[1], finite(curve.values))


@pytest.mark.parametrize("weight", [0.0, 0.6, 0.99])
def test_a_long_curve_is_smoothed_as_a_short_one_is(weight):
    curve, trace = long_curve(30_000, odd=50), Trace(weight)
    trace.follow(curve)
    expected = dict(zip(curve.steps, finite(smooth(curve.values, weight)), strict=True))
    for first, last in ((0, 30_000), (5_000, 9_000), (29_990, 30_000)):
        steps, values = trace.smoothed(first, last, 300)
        assert len(steps) <= 4 * 300
        assert steps[-1] == last
        np.testing.assert_allclose(values, [expected[int(step)] for step in steps], rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize(("count", "parts"), [(1_000, 50), (30_000, 100), (100_000, 37), (64 * 64 + 63, 7)])
def test_of_many_points_each_part_keeps_its_lowest_and_highest_and_its_gaps(count, parts):
    curve, trace = long_curve(count, odd=5), Trace()
    trace.follow(curve)
    for first, last in ((0, count), (count // 3, count - 7)):
        steps, values = trace.raw(first, last, parts)
        logged = dict(zip(curve.steps, curve.values, strict=True))
        there = np.isfinite(values)
        assert all(logged[int(step)] == value for step, value in zip(steps[there], values[there], strict=True))
        assert list(steps[there]) == sorted(steps[there])
        assert len(steps) <= 3 * (parts + 3) + 2 * BLOCK or last - first <= 4 * parts
        shown = np.array(curve.values[first:last])
        assert values[there].min() == np.nanmin(shown)
        assert values[there].max() == np.nanmax(shown)
        if np.isnan(shown).any():
            assert not there.all()
        # Over any stretch as wide as two parts, what is drawn reaches as far as what was logged.
        width = max(2 * (last - first) // parts, 4 * BLOCK)
        for start in range(first, last - width, width):
            inside = (steps > start) & (steps <= start + 2 * width) & there
            part = np.array(curve.values[start + width // 2 : start + width])
            assert values[inside].min() <= np.nanmin(part)
            assert values[inside].max() >= np.nanmax(part)


def test_what_is_not_finite_becomes_a_gap():
    trace = Trace()
    trace.follow(curve_of([(1, 2.0), (2, math.inf), (3, math.nan), (4, -math.inf), (5, 1.0)]))
    for _, values in (trace.raw(0, 5, ALL), trace.smoothed(0, 5, ALL)):
        assert np.isnan(values[1:4]).all()
        assert values[4] == 1.0


def test_a_curve_that_was_cut_back_or_corrected_is_smoothed_anew():
    trace, curve = Trace(0.5), curve_of((step, float(step)) for step in range(1, 300))
    trace.follow(curve)
    curve.forget_after(100)
    for step in range(101, 400):
        curve.add(step, -1.0)
    trace.follow(curve)
    np.testing.assert_allclose(trace.smoothed(0, 399, ALL)[1], smooth(curve.values, 0.5))
    curve.add(7, 99.0)  # a line that came late
    trace.follow(curve)
    np.testing.assert_allclose(trace.smoothed(0, 399, ALL)[1], smooth(curve.values, 0.5))
    assert trace.raw(0, 399, ALL)[1][6] == 99.0


def test_the_curve_can_grow_after_it_was_drawn():
    trace, curve = Trace(), long_curve(5_000)
    trace.follow(curve)
    kept = [trace.raw(0, 5_000, 50), trace.smoothed(0, 5_000, 50), trace.raw(0, 10, 50), trace.smoothed(0, 10, 50)]
    curve.add(5_001, 2.0)  # numpy holding the array would forbid this
    assert all(len(part) for pair in kept for part in pair)


def test_the_nearest_point():
    trace = Trace()
    assert trace.nearest(3) is None
    trace.follow(curve_of([(10, 0.0), (20, 0.0), (40, 0.0)]))
    assert [trace.nearest(step) for step in (-5, 14, 16, 29, 31, 99)] == [0, 0, 1, 1, 2, 2]


def test_the_points_within_a_range_and_one_to_either_side():
    trace = Trace()
    trace.follow(curve_of((step, 0.0) for step in range(10, 100, 10)))
    assert trace.within(25, 45) == (1, 5)
    assert trace.within(-10, 1000) == (0, 9)
    assert trace.within(200, 300) == (8, 9)
