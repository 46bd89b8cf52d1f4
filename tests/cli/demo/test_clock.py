"""How much of the demo is left: it begins with what is expected, follows the pace, and ends at nothing."""

from __future__ import annotations

import pytest

from studio.cli.demo.clock import Clock


class Time:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_before_anything_is_done_it_is_what_was_expected():
    assert Clock({"a": 60.0, "b": 40.0}, Time()).left("a") == 100.0


@pytest.mark.parametrize("pace", [0.5, 1.0, 4.0])
def test_a_slower_machine_makes_the_rest_longer_in_proportion(pace):
    time = Time()
    clock = Clock({"a": 60.0, "b": 40.0}, time)
    time.now += 30 * pace
    assert clock.left("a", 0.5) == pytest.approx(70 * pace)
    time.now += 30 * pace
    clock.finish("a")
    assert clock.left() == clock.left("b") == pytest.approx(40 * pace)
    time.now += 40 * pace
    clock.finish("b")
    assert clock.left() == 0.0
    assert clock.words() == "0 s left in all"


def test_one_slow_first_second_does_not_frighten():
    time = Time()
    clock = Clock({"a": 100.0}, time)
    time.now += 1.0  # loading: a hundred times slower than expected
    assert clock.left("a", 0.0001) < 200
    assert Clock({"a": 300.0}, time).words() == "5 min left in all"


def test_nothing_expected_is_nothing_left():
    assert Clock({}, Time()).left() == 0.0
