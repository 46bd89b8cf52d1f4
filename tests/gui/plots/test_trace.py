import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from studio.core.curves import Curve
from studio.core.smoothing import smooth
from studio.gui.plots.trace import Trace

VALUES = st.lists(st.tuples(st.integers(0, 60), st.floats(-10, 10) | st.just(math.nan)), max_size=60)


def curve_of(points):
    curve = Curve()
    for step, value in points:
        curve.add(step, value)
    return curve


@given(VALUES, st.integers(0, 60), st.floats(0, 0.99))
def test_following_a_growing_curve_equals_smoothing_it_at_once(points, cut, weight):
    trace, curve = Trace(weight), Curve()
    for number, (step, value) in enumerate(points):
        curve.add(step, value)
        if number == cut:
            trace.follow(curve)
    trace.follow(curve)
    np.testing.assert_array_equal(trace.smoothed, np.array(smooth(curve.values, weight)))
    np.testing.assert_array_equal(trace.raw, np.array(curve.values))
    assert len(trace.steps) == len(trace.raw) == len(trace.smoothed)


def test_what_is_not_finite_becomes_a_gap():
    trace = Trace()
    trace.follow(curve_of([(1, 2.0), (2, math.inf), (3, math.nan), (4, -math.inf), (5, 1.0)]))
    assert np.isnan(trace.raw[1:4]).all()
    assert np.isnan(trace.smoothed[1:4]).all()
    assert trace.smoothed[4] == 1.0


def test_a_curve_that_was_cut_back_is_smoothed_anew():
    trace = Trace(0.5)
    curve = curve_of((step, float(step)) for step in range(1, 30))
    trace.follow(curve)
    curve.forget_after(10)
    for step in range(11, 40):
        curve.add(step, -1.0)
    trace.follow(curve)
    np.testing.assert_array_equal(trace.smoothed, np.array(smooth(curve.values, 0.5)))


def test_the_curve_can_grow_while_it_is_followed():
    trace, curve = Trace(), curve_of([(1, 1.0)])
    trace.follow(curve)
    curve.add(2, 2.0)  # numpy holding the array would forbid this
    assert list(trace.steps) == [1.0]


def test_the_nearest_point():
    trace = Trace()
    assert trace.nearest(3) is None
    trace.follow(curve_of([(10, 0.0), (20, 0.0), (40, 0.0)]))
    assert [trace.nearest(step) for step in (-5, 14, 16, 29, 31, 99)] == [0, 0, 1, 1, 2, 2]
