import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.core.events import KINDS, Event

plain = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text())


@given(
    st.sampled_from(sorted(KINDS)),
    st.integers(0, 2**33),
    st.dictionaries(st.text().filter(lambda name: name not in ("v", "event", "time")), plain),
)
def test_an_event_survives_its_line(kind, time, values):
    line = Event(kind, float(time), values).to_line()
    assert line.count("\n") == 1
    assert Event.from_line(line) == Event(kind, float(time), values)


@given(st.binary())
def test_any_line_is_an_event_or_none(line):
    found = Event.from_line(line)
    assert found is None or found.kind in KINDS


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_numbers_that_are_not_finite_survive_and_the_line_stays_strict_json(number):
    line = Event("step", 1.0, {"loss": number}).to_line()
    assert "NaN" not in line
    assert "Infinity" not in line
    found = Event.from_line(line)
    assert found is not None
    assert str(found.number("loss")) == str(number)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "{",
        "[]",
        "null",
        '{"v":2,"event":"step","time":1}',
        '{"v":1,"event":"new","time":1}',
        '{"v":1}',
        "[" * 99999,
    ],
)
def test_torn_and_unknown_lines_are_none(line):
    assert Event.from_line(line) is None
