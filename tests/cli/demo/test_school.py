"""What the demo says of the runs it trained."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from studio.cli.demo.school import distance_of
from studio.core.events import Event


def told(*kinds_and_values):
    return SimpleNamespace(all_events=lambda: [Event(kind, 1.0, values) for kind, values in kinds_and_values])


MEASURED = [
    ("evaluation", {"step": 0, "eval_kl": 0.0}),
    ("step", {"step": 18, "kl": 3.5}),
    ("evaluation", {"step": 18, "eval_kl": 4.0}),
    ("evaluation", {"step": 36, "eval_kl": 17.0}),
]


@pytest.mark.parametrize(("ending", "nats"), [({"step": 36, "best": 18}, 4.0), ({"step": 36}, 17.0)])
def test_the_distance_is_that_of_the_step_that_was_kept(ending, nats):
    assert distance_of(told(*MEASURED, ("finished", ending))) == nats


def test_without_evaluations_of_it_the_distance_is_the_last_that_was_said():
    assert distance_of(told(("step", {"step": 1, "kl": 1.0}), ("step", {"step": 2, "kl": 2.0}))) == 2.0
    assert distance_of(told(("step", {"step": 1, "loss": 1.0}))) is None
