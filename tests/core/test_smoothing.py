import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.core.smoothing import smooth


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
