import json
from dataclasses import replace

import pytest

from studio.core.reward_report import Bin, Report

REPORT = Report(
    kind="pairs",
    step=240,
    n=120,
    accuracy=0.7,
    interval=(0.61, 0.77),
    calibration=(Bin(0.5, 0.6, 60, 0.55, 0.55), Bin(0.9, 1.0, 60, 0.95, 0.79)),
    chosen_mean=0.8,
    chosen_sd=0.5,
    rejected_mean=-0.001,
    rejected_sd=0.6,
    length_correlation=0.1,
)


def said(**changes):
    return " ".join(replace(REPORT, **changes).sentences())


def test_what_was_written_can_be_read():
    assert Report.from_json(REPORT.to_json()) == REPORT


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "nonsense",
        '{"format": 2}',
        REPORT.to_json().replace('"n": 120', '"n": "many"'),
        REPORT.to_json().replace("0.61", "NaN"),
        json.dumps({**json.loads(REPORT.to_json()), "calibration": 3}),
        json.dumps({**json.loads(REPORT.to_json()), "surprise": 3}),
    ],
)
def test_anything_else_is_no_report(text):
    assert Report.from_json(text) is None


def test_accuracy_is_told_with_its_interval():
    assert "70 % of 120 held-out comparisons" in said()
    assert "between 61 % and 77 %" in said()
    assert "does not show yet" in said(accuracy=0.52, interval=(0.43, 0.61))
    assert "mixed up" in said(accuracy=0.2, interval=(0.14, 0.28))
    assert "nothing is known" in said(n=0)


def test_how_sure_it_may_be():
    assert "surer than it should be, by 8 %" in said()
    assert "as sure as it is right" in said(calibration=(Bin(0.5, 0.6, 60, 0.55, 0.56),))
    assert "less sure" in said(calibration=(Bin(0.5, 0.6, 60, 0.55, 0.9),))


def test_rewards_and_length():
    assert "0.80 ± 0.50, the others 0.00 ± 0.60" in said()
    assert "explains little" in said()
    assert "likes longer answers" in said(length_correlation=0.7)
    assert "likes shorter answers" in said(length_correlation=-0.7)
