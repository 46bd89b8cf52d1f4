from datetime import datetime

import pytest

from studio.core.errors import StudioError
from studio.core.queue import Queue, time_from, when_words

NOW = datetime(2026, 11, 20, 15, 0)


def queue_of(*runs):
    queue = Queue()
    for run in runs:
        queue = queue.with_run(run, "none")
    return queue


def order(queue):
    return "".join(entry.run for entry in queue.waiting)


def test_runs_are_put_in_order():
    queue = queue_of("a", "b", "c")
    assert order(queue.moved("c", 0)) == "cab"
    assert order(queue.moved("a", 1)) == "bac"
    assert order(queue.moved("a", 99)) == "bca"
    assert order(queue.moved("b", -5)) == "bac"
    assert order(queue.moved("x", 0)) == "abc"
    assert order(queue.without("b")) == "ac"
    assert queue.place_of("c") == 2
    assert "b" in queue
    assert order(queue.with_run("b", "none", 5.0)) == "abc"


def test_a_run_that_waits_for_its_time_holds_up_nobody():
    now = NOW.timestamp()
    queue = queue_of("a", "b").with_run("a", "none", now + 60)
    assert queue.next_at(now).run == "b"
    assert queue.next_at(now + 61).run == "a"
    assert queue.without("b").next_at(now) is None
    assert queue.on_hold("because.").next_at(now + 61) is None


def test_runs_that_are_gone_or_were_started_meanwhile_leave():
    queue = queue_of("a", "b", "c")
    assert order(queue.only({"a": "none", "b": "17:3.5"})) == "a"


def test_where_a_run_stands_is_said():
    queue = queue_of("a", "b").with_run("b", "none", NOW.timestamp() + 8 * 3600)
    assert queue.sentence_for("a", NOW) == "It is next in the queue."
    assert queue.sentence_for("b", NOW) == "It starts at 23:00, or when what runs then has ended."
    assert queue.sentence_for("x", NOW) == ""
    assert queue.on_hold("a run was paused.").sentence_for("a", NOW).endswith("The queue is on hold: a run was paused.")


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("23:30", datetime(2026, 11, 20, 23, 30)),
        ("6:05", datetime(2026, 11, 21, 6, 5)),
        (" Tonight ", datetime(2026, 11, 20, 23, 0)),
        ("2027-01-31 06:00", datetime(2027, 1, 31, 6, 0)),
    ],
)
def test_times_as_people_write_them(text, moment):
    assert time_from(text, NOW) == moment.timestamp()


@pytest.mark.parametrize("text", ["soon", "25:00", "12:75", "2020-01-01 06:00", ""])
def test_what_is_no_time_to_come_is_a_sentence(text):
    with pytest.raises(StudioError):
        time_from(text, NOW)


def test_a_moment_in_words():
    assert when_words(datetime(2026, 11, 21, 6, 0).timestamp(), NOW) == "tomorrow at 06:00"
    assert when_words(datetime(2027, 1, 31, 6, 0).timestamp(), NOW) == "on 31 Jan at 06:00"
