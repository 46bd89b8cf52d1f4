"""Advantages: which tokens made an answer better than was foreseen. Pure functions over [episodes, longest answer].

`mask` is True where a token of an answer stands; what comes in elsewhere is of no account, and 0 comes out. Time runs
over tokens: token t is chosen in state s_t (the prompt and the tokens before it) and is given the reward r_t.
"""

from __future__ import annotations

import torch
from torch import Tensor


def generalised_advantages(
    rewards: Tensor, values: Tensor, mask: Tensor, *, discount: float, lam: float
) -> tuple[Tensor, Tensor]:
    """Advantages and returns (Schulman et al. 2016, “High-dimensional continuous control using GAE”, equation 16).

    d_t = r_t + discount * V(s_t+1) - V(s_t), the surprise at one token; V is 0 after an answer's end, whether it ended
    its turn or was cut off. A_t = d_t + discount * lam * A_t+1, and the return that the value model learns is A_t + V.
    lam 1: the return minus the value. lam 0: the surprise at this token alone.
    """
    rewards, values = rewards * mask, values * mask
    advantages = torch.zeros_like(rewards)
    after = torch.zeros_like(rewards[:, 0])  # A_t+1
    foreseen = torch.zeros_like(after)  # V(s_t+1)
    for t in reversed(range(rewards.shape[1])):
        surprise = rewards[:, t] + discount * foreseen - values[:, t]
        after = (surprise + discount * lam * after) * mask[:, t]
        foreseen = values[:, t]
        advantages[:, t] = after
    return advantages, (advantages + values) * mask


def whiten(values: Tensor, mask: Tensor) -> Tensor:
    """Values with mean 0 and variance 1 over the mask (Huang et al. 2024, detail on advantage whitening).

    The variance is the unbiased one, as TRL's. Of fewer than two values there is none: they are given back less their
    mean.
    """
    chosen = values[mask]
    centred = (values - chosen.mean()) * mask
    return centred * torch.rsqrt(chosen.var() + 1e-8) if len(chosen) > 1 else centred


def explained_variance(values: Tensor, returns: Tensor, mask: Tensor) -> float:
    """1 - Var(return - value) / Var(return): 1 foresees everything, 0 nothing; nan when all returns are the same."""
    told, came = values[mask], returns[mask]
    spread = came.var(correction=0)
    return float(1 - (came - told).var(correction=0) / spread) if spread > 0 else float("nan")
