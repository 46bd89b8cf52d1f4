"""Advantages by their properties: what lambda 0 and 1 mean, what whitening makes, and that padding is of no account."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.engine.ppo.advantages import explained_variance, generalised_advantages, whiten

seeds = st.integers(0, 2**31)


def case(seed):
    """Rewards, values and a mask of answers of unequal lengths, with noise where no token is."""
    chance = torch.Generator().manual_seed(seed)
    rows, longest = 1 + seed % 5, 1 + seed % 7
    lengths = torch.randint(1, longest + 1, (rows,), generator=chance)
    mask = torch.arange(longest)[None] < lengths[:, None]
    rewards, values = (torch.randn(rows, longest, generator=chance, dtype=torch.double) for _ in range(2))
    return rewards, values, mask


@given(seeds, st.floats(0, 1))
def test_lambda_1_gives_the_return_minus_the_value(seed, discount):
    rewards, values, mask = case(seed)
    advantages, returns = generalised_advantages(rewards, values, mask, discount=discount, lam=1.0)
    for row in range(len(mask)):
        to_come = 0.0
        for t in reversed(range(int(mask[row].sum()))):
            to_come = float(rewards[row, t]) + discount * to_come
            assert float(returns[row, t]) == pytest.approx(to_come, abs=1e-9)
            assert float(advantages[row, t]) == pytest.approx(to_come - float(values[row, t]), abs=1e-9)


@given(seeds, st.floats(0, 1))
def test_lambda_0_gives_the_surprise_at_one_token(seed, discount):
    rewards, values, mask = case(seed)
    advantages, _ = generalised_advantages(rewards, values, mask, discount=discount, lam=0.0)
    foreseen = torch.cat([(values * mask)[:, 1:], torch.zeros_like(values[:, :1])], 1)
    expected = (rewards + discount * foreseen - values) * mask
    torch.testing.assert_close(advantages, expected)


@given(seeds, st.floats(0, 1), st.floats(0, 1))
def test_advantages_are_the_weighted_sum_of_surprises(seed, discount, lam):
    rewards, values, mask = case(seed)
    surprise, _ = generalised_advantages(rewards, values, mask, discount=discount, lam=0.0)
    advantages, returns = generalised_advantages(rewards, values, mask, discount=discount, lam=lam)
    for t in range(mask.shape[1]):
        weights = (discount * lam) ** torch.arange(mask.shape[1] - t, dtype=torch.double)
        torch.testing.assert_close(advantages[:, t], (surprise[:, t:] * weights).sum(1) * mask[:, t])
    torch.testing.assert_close(returns, (advantages + values) * mask)


@given(seeds)
def test_what_stands_after_an_answer_is_of_no_account(seed):
    rewards, values, mask = case(seed)
    ours = generalised_advantages(rewards, values, mask, discount=0.9, lam=0.8)
    noise = torch.full_like(rewards, 1e6)
    theirs = generalised_advantages(rewards.where(mask, noise), values.where(mask, -noise), mask, discount=0.9, lam=0.8)
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b)
        assert (a[~mask] == 0).all()


@given(seeds, st.floats(0.01, 1000), st.floats(-1000, 1000))
@settings(deadline=None)
def test_whitened_values_have_mean_0_and_variance_1_whatever_their_scale(seed, scale, shift):
    values, _, mask = case(seed)
    values = values * scale + shift
    white = whiten(values, mask)
    assert (white[~mask] == 0).all()
    chosen = white[mask]
    assert float(chosen.mean()) == pytest.approx(0, abs=1e-6)
    if len(chosen) > 1:
        deviation = float(values[mask].std())
        assert float(chosen.var()) == pytest.approx(deviation**2 / (deviation**2 + 1e-8), rel=1e-6)


def test_explained_variance():
    _, values, mask = case(34)
    assert explained_variance(values, values, mask) == pytest.approx(1)
    assert explained_variance(torch.zeros_like(values), values, mask) == pytest.approx(0)
    assert explained_variance(-values, values, mask) < 0
    assert explained_variance(values, torch.ones_like(values), mask) != explained_variance(values, values, mask)
