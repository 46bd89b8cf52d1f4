import csv
import io
import math

from hypothesis import given
from hypothesis import strategies as st

from studio.core.curve_table import csv_lines, snapshot
from studio.core.curves import Curves
from studio.core.events import Event
from studio.core.smoothing import smooth


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=30))
def test_a_table_holds_exactly_what_was_logged(values):
    curves = Curves()
    for step, value in enumerate(values, 1):
        curves.feed(Event("step", 1.0, {"step": step, "loss": value, "tokens": step * 7}))
    curves.feed(Event("evaluation", 1.0, {"step": 1000, "eval_loss": 0.5}))
    kept = snapshot(curves, ["loss", "eval_loss"])
    rows = list(csv.DictReader(io.StringIO("".join(csv_lines(kept, ["loss"], 0.5)))))
    read = [float(row["loss"]) for row in rows if row.get("loss")]
    assert all(one == other or math.isnan(one) and math.isnan(other) for one, other in zip(read, values, strict=True))
    assert rows[-1]["step"] == "1000"
    assert rows[-1]["eval_loss"] == "0.5"
    smoothed = [float(row["loss (smoothed 0.5)"]) for row in rows if row.get("loss")]
    expected = smooth(values, 0.5)
    assert all(one == other or math.isnan(other) for one, other in zip(smoothed, expected, strict=True))


def test_a_table_of_a_run_that_goes_on_is_of_one_moment():
    curves = Curves()
    curves.feed(Event("step", 1.0, {"step": 1, "loss": 1.0}))
    kept = snapshot(curves, ["loss"])
    curves.feed(Event("step", 1.0, {"step": 2, "loss": 2.0}))
    assert len(list(csv_lines(kept, [], 0.0))) == 2
