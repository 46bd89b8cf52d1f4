"""Rotary position embeddings (Su and others, “RoFormer”, 2021) in three passes over queries and keys, and three on the
way back: transformers' function and autograd take five and eight.

Each family's attention finds that function by a name of its module. The attention of one model gets a copy of its own
forward that finds ours by the name; the module stays as it is. Which functions are such is tried, not looked up.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function

from studio.engine.fast.row_attention import widened

_NAME = "apply_rotary_pos_emb"
_CLOSE = 1e-5  # in 32 bits


def fuse_rotary(model: nn.Module) -> list[nn.Module]:
    """Build this into all attention of a model that turns queries and keys so. Returns it; to take it back, delete each
    one's own `forward`."""
    copies: dict[Any, Any] = {}
    fused: list[nn.Module] = []
    for module in model.modules():
        forward: Any = type(module).forward
        if not _names_it(forward) or "forward" in vars(module):
            continue
        if forward not in copies:
            copies[forward] = _with_ours(forward)
        if copies[forward] is not None:
            module.forward = types.MethodType(copies[forward], module)
            fused.append(module)
    return fused


def _names_it(forward: Any) -> bool:
    return isinstance(forward, types.FunctionType) and _NAME in forward.__code__.co_names


def _with_ours(forward: types.FunctionType) -> types.FunctionType | None:
    """The same forward with ours under the name; None if that isn't the same."""
    theirs = forward.__globals__.get(_NAME)
    if not callable(theirs) or not _is_such(theirs):
        return None
    names = {**forward.__globals__, _NAME: _instead_of(theirs)}
    copy = types.FunctionType(forward.__code__, names, forward.__name__, forward.__defaults__, forward.__closure__)
    copy.__kwdefaults__ = forward.__kwdefaults__
    return copy


def _is_such(theirs: Callable[..., Any]) -> bool:
    q, k, cos, sin = (torch.linspace(start, 2, 48).reshape(1, 2, 3, 8).sin() for start in (-3, -2, -1, 0))
    angles = cos[:, 0], sin[:, 0]  # halves that differ, as no family has them
    try:
        made, wanted = _turned(q, k, *angles), theirs(q, k, *angles)
        narrow = theirs(q.bfloat16(), k.bfloat16(), *angles)
        close = [torch.allclose(*pair, rtol=_CLOSE, atol=_CLOSE) for pair in zip(made, wanted, strict=True)]
        return all(close) and narrow[0].dtype == torch.float32  # which some turn back to 16 bits
    except Exception:  # a model's own code may raise anything
        return False


def _instead_of(theirs: Callable[..., Any]) -> Callable[..., Any]:
    def turn(q: Tensor, k: Tensor, cos: Tensor, sin: Tensor, *others: Any, **named: Any) -> Any:
        usual = not others and not named and cos.shape[-1] == q.shape[-1] == k.shape[-1]
        return _turned(q, k, cos, sin) if usual and q.device.type == "cpu" else theirs(q, k, cos, sin, *others, **named)

    return turn


def _turned(q: Tensor, k: Tensor, cos: Tensor, sin: Tensor) -> tuple[Tensor, Tensor]:
    """Queries and keys [batch, heads, tokens, width], turned by angles [batch, tokens, width]."""
    cos, sin = cos.unsqueeze(1), sin.unsqueeze(1)
    return _Rotary.apply(q, cos, sin), _Rotary.apply(k, cos, sin)  # type: ignore[return-value]


class _Rotary(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:  # type: ignore[override]
        ctx.save_for_backward(cos, sin)
        ctx.dtype = x.dtype
        first, second = sin.chunk(2, -1)
        return _turn(x, cos, first, second, -1).to(torch.promote_types(x.dtype, cos.dtype))

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        cos, sin = ctx.saved_tensors
        first, second = sin.chunk(2, -1)
        return _turn(gradient, cos, second, first, 1).to(ctx.dtype), None, None


def _turn(x: Tensor, cos: Tensor, first: Tensor, second: Tensor, sign: int) -> Tensor:
    """x * cos + (sign * the second half of x * first, -sign * its first half * second)."""
    wide = widened(x)
    made = wide * cos
    (left, right), (own_left, own_right) = made.chunk(2, -1), wide.chunk(2, -1)
    left.addcmul_(own_right, first, value=sign)
    right.addcmul_(own_left, second, value=-sign)
    return made
