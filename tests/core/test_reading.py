import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.core.curves import Curves
from studio.core.events import Event
from studio.core.metrics import METRIC_NAMES, PLOTS
from studio.core.reading import reading_of


def curves_of(steps=60, evaluations=None, **values):
    """Curves of so many steps: each value a function of the step; evaluations every ten steps from lists."""
    curves = Curves()
    for step in range(1, steps + 1):
        curves.feed(Event("step", 0.0, {"step": step, **{name: of(step) for name, of in values.items()}}))
    for at in range(len(next(iter((evaluations or {}).values()), []))):
        measured = {name: of[at] for name, of in (evaluations or {}).items()}
        curves.feed(Event("evaluation", 0.0, {"step": 10 * (at + 1), **measured}))
    return curves


def falling(step):
    return 1.0 + 2.0 / step


def said(curves, method="sft"):
    reading = reading_of(curves, method)
    assert reading is not None
    return reading.sentence, reading.worrying


def test_before_the_first_step_nothing_is_said():
    assert reading_of(Curves(), "sft") is None


def test_a_few_steps_tell_nothing():
    assert "Ten steps" in said(curves_of(5, loss=falling))[0]


def test_a_loss_that_is_not_a_number():
    sentence, worrying = said(curves_of(12, loss=lambda step: math.nan if step == 12 else 2.0))
    assert "not a finite number at step 12" in sentence
    assert "learning rate" in sentence
    assert worrying
    assert "Eval loss is not" in said(curves_of(loss=falling, evaluations={"eval_loss": [1.0, math.inf]}))[0]


def test_a_loss_that_rises_above_its_start():
    sentence, worrying = said(curves_of(loss=lambda step: 1.0 + step / 30))
    assert "higher than at the start" in sentence
    assert worrying
    assert "higher" not in said(curves_of(loss=lambda step: 1.0 + 0.2 * (step % 2)))[0]


def test_memorising_names_the_best_step():
    sentence, worrying = said(curves_of(loss=falling, evaluations={"eval_loss": [2.0, 1.5, 1.4, 1.5, 1.6, 1.8]}))
    assert sentence == "Eval loss has risen for 3 evaluations: likely memorising; the best was at step 30."
    assert worrying


def test_a_rise_with_a_loss_that_does_not_fall_is_no_memorising():
    rising = {"eval_loss": [2.0, 1.5, 1.6, 1.7, 1.9]}
    sentence, _ = said(curves_of(loss=lambda step: 2.0 + 0.001 * step, evaluations=rising))
    assert "memorising" not in sentence
    assert "learning rate" in sentence


@pytest.mark.parametrize("measured", [[2.0, 1.4, 1.5, 1.6], [1.4, 1.4001, 1.4002, 1.4003], [2.0, 1.8, 1.6, 1.5]])
def test_noise_is_no_memorising(measured):
    sentence, worrying = said(curves_of(loss=falling, evaluations={"eval_loss": measured}))
    assert "memorising" not in sentence
    assert not worrying


def test_a_rise_of_eval_loss_while_accuracy_improves_is_no_alarm():
    measured = {"eval_loss": [0.6, 0.5, 0.52, 0.55, 0.6], "eval_accuracy": [0.6, 0.7, 0.72, 0.73, 0.74]}
    sentence, worrying = said(curves_of(loss=falling, evaluations=measured), "reward")
    assert "surer than it should be" in sentence
    assert not worrying


@pytest.mark.parametrize(
    ("held_out", "word", "worrying"),
    [([], "may be memorising", True), ([0.7, 0.71], "likely memorising", True), ([0.9, 0.97], "add little", False)],
)
def test_accuracy_stuck_at_one(held_out, word, worrying):
    curves = curves_of(loss=falling, accuracy=lambda step: 1.0, evaluations={"eval_accuracy": held_out})
    sentence, alarm = said(curves, "reward")
    assert sentence.startswith("Accuracy has been 1.0 for a while")
    assert word in sentence
    assert alarm is worrying


def test_a_model_that_drifts_away():
    assert "A larger beta" in said(curves_of(100, loss=falling, kl=lambda step: 0.5 * step), "dpo")[0]
    assert "beta" not in said(curves_of(100, loss=falling, kl=lambda step: min(step, 10) * 0.5), "dpo")[0]


def test_chosen_rewards_that_fall_are_explained_for_dpo_alone():
    curves = curves_of(loss=falling, chosen=lambda step: -0.01 * step, margin=lambda step: 0.02 * step)
    sentence, worrying = said(curves, "dpo")
    assert "usual for DPO" in sentence
    assert "margin" in sentence
    assert not worrying
    assert "DPO" not in said(curves, "reward")[0]
    lost = curves_of(loss=falling, chosen=lambda step: -0.01 * step, margin=lambda step: -0.1)
    assert "usual" not in said(lost, "dpo")[0]


def test_guessing_is_said():
    curves = curves_of(loss=falling, evaluations={"eval_accuracy": [0.45, 0.55, 0.51]})
    assert "guessing" in said(curves, "reward")[0]


def test_the_trend():
    assert said(curves_of(loss=falling)) == ("Loss has fallen from 1.36 to 1.04.", False)
    assert "lowest so far (1.2)" in said(curves_of(loss=falling, evaluations={"eval_loss": [1.5, 1.2]}))[0]
    assert "1.2, was at step 20" in said(curves_of(loss=falling, evaluations={"eval_loss": [1.5, 1.2, 1.3]}))[0]
    assert "hardly changed" in said(curves_of(loss=lambda step: 2.0))[0]


def test_what_is_only_noise_is_no_trend():
    sentence, worrying = said(curves_of(18, loss=lambda step: 0.5 + (0.1 if step % 3 else -0.1) + 0.001 * step))
    assert "without a trend" in sentence
    assert not worrying
    noisy = {"loss": lambda step: 0.5 + (0.1 if step % 3 else -0.1) - 0.003 * step}
    assert "without a trend" in said(curves_of(20, **noisy))[0]
    assert "Loss has fallen" in said(curves_of(20, **noisy, evaluations={"eval_loss": [0.5, 0.4]}))[0]


def test_a_loss_that_rose_is_not_said_to_have_hardly_changed():
    measured = {"eval_loss": [1.2, 1.1]}
    sentence, worrying = said(curves_of(30, loss=lambda step: 1.0 + 0.01 * step, evaluations=measured))
    assert sentence.startswith("Loss has risen from 1.06 to 1.26, and eval loss is the lowest so far")
    assert not worrying


@given(
    st.sampled_from(list(PLOTS)),
    st.lists(
        st.tuples(st.sampled_from(["step", "evaluation"]), st.sampled_from(METRIC_NAMES), st.floats()), max_size=150
    ),
)
def test_any_curves_can_be_read(method, points):
    curves = Curves()
    for step, (kind, name, value) in enumerate(points):
        curves.feed(Event(kind, 0.0, {"step": step, name: value}))
    reading = reading_of(curves, method)
    assert reading is None or reading.sentence.endswith(".")
