"""RMS norms (Zhang and Sennrich, “Root Mean Square Layer Normalization”, 2019) with a gradient of their own: on a
processor each pass over the activations counts, and autograd takes thirteen where eight do.

Built into the norms of one model, not into their class. Which modules are such norms is tried, not looked up.
"""

from __future__ import annotations

import types
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function

from studio.engine.fast.row_attention import widened

_CLOSE = 1e-5  # in 32 bits


def fuse_norms(model: nn.Module) -> list[nn.Module]:
    """Build this into all norms of a model that compute `weight * x / rms(x)`. Returns them; to take it back, delete
    each one's own `forward`."""
    norms = [module for module in model.modules() if _is_such(module)]
    for norm in norms:
        norm.forward = types.MethodType(_forward, norm)
    return norms


def _is_such(module: Any) -> bool:
    weight, eps = getattr(module, "weight", None), getattr(module, "variance_epsilon", None)
    if not isinstance(weight, nn.Parameter) or weight.dim() != 1 or not isinstance(eps, float):
        return False
    if weight.device.type != "cpu" or "forward" in vars(module) or next(module.children(), None) is not None:
        return False
    with torch.no_grad():
        probe = torch.linspace(-3, 2, 2 * len(weight)).reshape(2, -1)
        made, wanted = module(probe), weight * probe * (probe.square().mean(-1, keepdim=True) + eps).rsqrt()
        return made.shape == wanted.shape and torch.allclose(made, wanted, rtol=_CLOSE, atol=_CLOSE)


def _forward(self: Any, hidden_states: Tensor) -> Tensor:
    if not torch.is_grad_enabled():
        return type(self).forward(self, hidden_states)
    return _RmsNorm.apply(hidden_states, self.weight, self.variance_epsilon)  # type: ignore[return-value]


class _RmsNorm(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, eps: float) -> Tensor:  # type: ignore[override]
        wide = widened(x)
        length = torch.linalg.vector_norm(wide, dim=-1, keepdim=True)
        scale = length.square_().div_(x.shape[-1]).add_(eps).rsqrt_()
        ctx.save_for_backward(x, scale, weight)
        made = wide * scale
        if x.dtype == weight.dtype == made.dtype:
            return made.mul_(weight)
        return weight * made.to(x.dtype)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        x, scale, weight = ctx.saved_tensors
        wide, of_made = widened(x), widened(gradient) * weight
        of_weight = None
        if ctx.needs_input_grad[1]:
            of_weight = (wide * scale).mul_(gradient).flatten(0, -2).sum(0).to(weight.dtype)
        along = (of_made * wide).sum(-1, keepdim=True).mul_(scale.pow(3)).div_(x.shape[-1])
        return of_made.mul_(scale).addcmul_(wide, along, value=-1).to(x.dtype), of_weight, None
