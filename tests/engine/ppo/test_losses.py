"""The losses and rewards of PPO as pure functions, by their properties."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from studio.core.methods import PpoSettings
from studio.engine.ppo.losses import KL_ESTIMATORS, log_ratio_k1, log_ratio_k3, policy_loss, value_loss
from studio.engine.ppo.rewards import KlPenalty, RunningScale, shaped_scores, token_rewards

seeds = st.integers(0, 2**31)


def numbers(seed, count=3, size=40):
    chance = torch.Generator().manual_seed(seed)
    return [torch.randn(size, generator=chance, dtype=torch.double) for _ in range(count)]


@given(seeds)
def test_at_the_first_pass_the_loss_is_minus_the_advantage_and_its_gradient_the_policy_gradient(seed):
    old, advantages, _ = numbers(seed)
    log_probs = old.clone().requires_grad_()
    loss = policy_loss(log_probs, old, advantages, 0.2)
    torch.testing.assert_close(loss.loss, -advantages)
    assert not loss.clipped.any()
    loss.loss.sum().backward()
    torch.testing.assert_close(log_probs.grad, -advantages)


@given(seeds, st.floats(0.05, 0.5))
def test_what_has_moved_far_enough_the_right_way_is_no_longer_pushed(seed, clip):
    old, moved, advantages = numbers(seed)
    log_probs = (old + moved).requires_grad_()
    loss = policy_loss(log_probs, old, advantages, clip)
    loss.loss.sum().backward()
    ratio = moved.exp()
    enough = ((ratio > 1 + clip) & (advantages > 0)) | ((ratio < 1 - clip) & (advantages < 0))
    assert (log_probs.grad[enough] == 0).all()
    torch.testing.assert_close(log_probs.grad[~enough], (-advantages * ratio)[~enough])
    assert (loss.clipped == enough).all()


@given(seeds, st.floats(0.05, 1.0))
def test_the_value_loss_is_never_below_the_squared_error(seed, clip):
    values, old, returns = numbers(seed)
    plain = 0.5 * (values - returns) ** 2
    clipped = value_loss(values, old, returns, clip)
    assert (clipped.loss >= plain).all()
    near = (values - old).abs() <= clip
    torch.testing.assert_close(clipped.loss[near], plain[near])
    torch.testing.assert_close(value_loss(values, old, returns, 0).loss, plain)


@given(seeds)
def test_kl_estimators_are_right_on_average_and_k3_is_never_negative(seed):
    p, q, _ = (values.log_softmax(0) for values in numbers(seed))
    kl = float((p.exp() * (p - q)).sum())
    for estimator in KL_ESTIMATORS.values():
        assert float((p.exp() * estimator(p, q)).sum()) == pytest.approx(kl, abs=1e-9)
        assert (estimator(p, p) == 0).all()
    assert (log_ratio_k3(p, q) >= 0).all()
    assert (log_ratio_k1(p, q) < 0).any()


@given(seeds, st.lists(st.integers(1, 9), min_size=1, max_size=5))
def test_the_running_scale_is_that_of_all_scores_at_once(seed, sizes):
    chance = torch.Generator().manual_seed(seed)
    parts = [torch.randn(size, generator=chance) * 3 + 5 for size in sizes]
    scale = RunningScale()
    for part in parts:
        scale.see(part)
    everything = torch.cat(parts).double()
    assert scale.mean == pytest.approx(float(everything.mean()))
    if len(everything) > 1:
        scaled = scale.scaled(everything)
        assert float(scaled.mean()) == pytest.approx(0, abs=1e-6)
        assert float(scaled.std()) == pytest.approx(1, abs=1e-6)


def test_equal_scores_are_only_centred():
    scale = RunningScale()
    scale.see(torch.full((4,), 7.0))
    assert scale.scaled(torch.full((4,), 7.0)).tolist() == [0.0] * 4


def test_scores_are_clipped_before_bonus_and_penalties():
    settings = PpoSettings(
        normalise=False, score_clip=2.0, end_bonus=0.5, cut_penalty=1.0, length_penalty=0.1, answer_tokens=8
    )
    scores, lengths = torch.tensor([9.0, -9.0, 1.0]), torch.tensor([3, 8, 2])
    shaped = shaped_scores(scores, lengths, torch.tensor([True, False, True]), settings, RunningScale())
    assert shaped.tolist() == pytest.approx([2.0 + 0.5 - 0.3, -2.0 - 1.0 - 0.8, 1.0 + 0.5 - 0.2])


def test_a_score_is_given_at_the_last_token_and_kl_at_each():
    mask = torch.tensor([[True, True, True], [True, False, False]])
    kl = torch.tensor([[0.1, 0.2, 0.3], [0.4, 9.0, 9.0]])
    rewards = token_rewards(torch.tensor([5.0, 7.0]), kl, mask, 0.5)
    assert torch.allclose(rewards, torch.tensor([[-0.05, -0.1, 4.85], [6.8, 0.0, 0.0]]))
    sums = rewards.sum(1)
    assert torch.allclose(sums, torch.tensor([5.0, 7.0]) - 0.5 * (kl * mask).sum(1))


@pytest.mark.parametrize(("kl", "change"), [(6.0, 0.0), (12.0, 0.02), (600.0, 0.02), (0.0, -0.02), (6.6, 0.01)])
def test_the_adaptive_penalty_moves_towards_its_aim(kl, change):
    penalty = KlPenalty(0.1)
    penalty.steer(kl, 6.0)
    assert penalty.coefficient == pytest.approx(0.1 * (1 + change))
    assert math.isfinite(penalty.coefficient)
