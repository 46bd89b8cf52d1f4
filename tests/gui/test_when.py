from datetime import date

from studio.gui.when import when


def test_when_a_run_was_made():
    today = date(2026, 3, 3)
    assert when("20260303-140500-sft-ab", today) == "today 14:05"
    assert when("20260302-140500-sft-ab", today) == "yesterday 14:05"
    assert when("20260103-140500-sft-ab", today) == "3 Jan 14:05"
    assert when("20250103-140500-sft-ab", today) == "3 Jan 2025"
    assert when("renamed", today) == ""
