import math

from studio.core.events import Event
from studio.core.rollouts import KEPT_STEPS, Rollouts


def said(step, *answers):
    rows = [
        {"prompt": "p", "answer": answer, "score": 0.5, "kl": 1.0, "tokens": 3, "ended": True} for answer in answers
    ]
    return Event("rollout", 1.0, {"step": step, "rows": rows})


def fed(*events):
    rollouts = Rollouts()
    for event in events:
        rollouts.feed(event)
    return rollouts


def test_the_newest_step_comes_first():
    rollouts = fed(said(1, "a"), said(2, "b", "c"))
    assert rollouts.steps == [2, 1]
    assert [row.answer for row in rollouts.of(2)] == ["b", "c"]
    assert rollouts.of(9) == ()


def test_steps_that_are_run_again_replace_what_was_said():
    rollouts = fed(said(1, "a"), said(2, "b"), said(3, "c"), Event("resumed", 1.0, {"step": 1}), said(2, "new"))
    assert rollouts.steps == [2, 1]
    assert [row.answer for row in rollouts.of(2)] == ["new"]


def test_of_a_long_run_the_newest_steps_are_kept():
    rollouts = fed(*(said(step, "a") for step in range(1, KEPT_STEPS + 11)))
    assert rollouts.steps == list(range(KEPT_STEPS + 10, 10, -1))


def test_damage_is_left_out_and_what_is_not_a_number_is_told_as_such():
    rows = ["text", {"answer": "only this", "score": "nan", "tokens": "inf", "ended": 1}]
    (row,) = fed(Event("rollout", 1.0, {"step": 4, "rows": rows})).of(4)
    assert (row.prompt, row.answer, row.tokens, row.ended) == ("", "only this", 0, False)
    assert math.isnan(row.score) and math.isnan(row.kl)
    assert fed(Event("rollout", 1.0, {"step": 5, "rows": "none"})).of(5) == ()


def test_other_events_change_nothing():
    rollouts = fed(Event("step", 1.0, {"step": 1, "score": 0.5}))
    assert rollouts.steps == [] and rollouts.revision == 0
