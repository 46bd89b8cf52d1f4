"""Losses: what moves the policy and the value model. Pure functions of one number a token, any shape; no masks.

Whoever calls them hands in the tokens of answers alone and takes the mean over all tokens of an update, so that an
update is the same however it is divided into passes.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Clipped(NamedTuple):
    """A loss of each token, and where clipping decided it."""

    loss: Tensor
    clipped: Tensor


def policy_loss(log_probs: Tensor, old_log_probs: Tensor, advantages: Tensor, clip: float) -> Clipped:
    """Minus the clipped surrogate (Schulman et al. 2017, “Proximal policy optimization algorithms”, equation 7).

    ratio = p_new(token) / p_old(token). max(-A * ratio, -A * clamp(ratio, 1 - clip, 1 + clip)): a token that has
    become likelier than was good for it, or less likely, is pulled back; one that has moved far enough the right way
    is no longer pushed. Old log-probabilities are the ones that the tokens were chosen with.
    """
    ratio = torch.exp(log_probs - old_log_probs)
    plain = -advantages * ratio
    held = -advantages * ratio.clamp(1 - clip, 1 + clip)
    return Clipped(torch.maximum(plain, held), held > plain)


def value_loss(values: Tensor, old_values: Tensor, returns: Tensor, clip: float) -> Clipped:
    """Half of the squared error; the larger one of the value as it is and of one moved by at most `clip`.

    Not in the paper; OpenAI's implementation has it (Huang et al. 2022, “The 37 implementation details of PPO”, 9).
    clip 0: the squared error as it is.
    """
    plain = (values - returns).square()
    if not clip:
        return Clipped(0.5 * plain, torch.zeros_like(plain, dtype=torch.bool))
    held = (values.clamp(old_values - clip, old_values + clip) - returns).square()
    return Clipped(0.5 * torch.maximum(plain, held), held > plain)


def log_ratio_k1(log_probs: Tensor, others: Tensor) -> Tensor:
    """KL(p || q) of one token out of p, by the estimator k1 = log p - log q: right on average, may be negative."""
    return log_probs - others


def log_ratio_k3(log_probs: Tensor, others: Tensor) -> Tensor:
    """The same by k3 = r - 1 - log r with r = q / p (Schulman 2020, “Approximating KL divergence”): right on average
    too, never negative, and of less variance while p and q are near each other."""
    log_r = others - log_probs
    return torch.expm1(log_r) - log_r


KL_ESTIMATORS = {"k1": log_ratio_k1, "k3": log_ratio_k3}
