"""Attention of short sequences in bf16 on a processor, with gradients: a few whole products instead of torch's kernel.

That kernel goes through a sequence in small blocks, in 32 bits, and makes all odds again on the way back: right for
long sequences, whose odds would fill the memory. Of short ones they are kept, in 16 bits, between whole products;
scores and softmax stay in 32. It serves a base in 16 bits, as PPO's: under autocast over weights of 32 bits queries and
keys leave the rotary embedding in 32 bits and take torch's kernel. Left out: dropout, other masks.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

SHORTEST, LONGEST = 48, 256  # tokens seen; below it is no faster, beyond the odds that are kept fill the memory


def is_short(query: Tensor, key: Tensor, value: Tensor) -> bool:
    """Whether this is the way for such tensors, [sequences, heads, tokens, width] each. Half of the time of learning is
    saved; without a gradient there is little to save, and torch's kernel rounds less."""
    return SHORTEST <= key.shape[2] <= LONGEST and may_be_short(query, key, value)


def may_be_short(query: Tensor, key: Tensor, value: Tensor) -> bool:
    """Whether it is for such tensors, of some length."""
    here = torch.is_grad_enabled() and query.device.type == "cpu"
    return here and query.dtype == key.dtype == value.dtype == torch.bfloat16


def short_attention(query: Tensor, key: Tensor, value: Tensor, scaling: float | None) -> Tensor:
    """What each query sees: [sequences, heads, tokens, width]. Queries are the last tokens of those that keys are of;
    each sees itself and all before it."""
    scale = scaling if scaling is not None else 1 / math.sqrt(query.shape[-1])
    return _Attention.apply(query, key, value, scale).unflatten(0, query.shape[:2])  # type: ignore[union-attr]


class _Attention(Function):
    """Softmax(scale * Q K^T + mask) V. Inside, sequences and heads are one dimension."""

    @staticmethod
    def forward(ctx: Any, query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:  # type: ignore[override]
        q, k, v = (tensor.flatten(0, 1) for tensor in (query, key, value))
        own, seen = q.shape[1], k.shape[1]
        mask = torch.full((own, seen), -math.inf).triu_(seen - own + 1)
        scores = torch.baddbmm(mask, q.float(), k.float().transpose(1, 2), alpha=scale)
        odds = scores.softmax(-1).to(v.dtype)
        ctx.save_for_backward(q, k, v, odds)
        ctx.scale, ctx.shapes = scale, (query.shape, key.shape, value.shape)
        return torch.bmm(odds, v)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        q, k, v, odds = ctx.saved_tensors
        gradient = gradient.contiguous()
        of_odds = torch.bmm(gradient, v.transpose(1, 2))
        of_scores = torch.ops.aten._softmax_backward_data(of_odds, odds, -1, odds.dtype)
        made = (
            torch.bmm(of_scores, k).mul_(ctx.scale),
            torch.bmm(of_scores.transpose(1, 2), q).mul_(ctx.scale),
            torch.bmm(odds.transpose(1, 2), gradient),
        )
        return (*(part.view(shape) for part, shape in zip(made, ctx.shapes, strict=True)), None)
