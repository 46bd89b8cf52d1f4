"""LoRA layers in one step each: base and adapter into one result, and no copies of it in between.

PEFT's own forward turns inputs to 32 bits and, under autocast, back again, and makes the adapter's share of the result
twice more: as it is and scaled. Here it is summed up in place, inputs are turned once for all layers that read them,
and the way back sums up in place too. Whatever isn't plain LoRA with one adapter on (dropout while training, DoRA, a
base in few bits, adapters by row, biases) goes PEFT's way, call by call.
"""

from __future__ import annotations

import types
import weakref
from typing import Any

import torch
from peft.tuners.lora.layer import Linear
from peft.tuners.tuners_utils import BaseTunerLayer
from peft.utils.other import AuxiliaryTrainingWrapper
from torch import Tensor, nn
from torch.autograd import Function


def fuse(model: nn.Module) -> int:
    """Build this into all LoRA layers of a model, whichever adapters they have or get. Returns how many there are."""
    inputs = _Inputs()
    layers = [layer for layer in model.modules() if type(layer) is Linear]
    for layer in layers:
        layer.forward = types.MethodType(_forward(inputs), layer)
    return len(layers)


def adds_nothing(model: nn.Module) -> bool:
    """Whether a model has adapters, and all are LoRA as it begins: with second matrices of zeros."""
    layers = [layer for layer in model.modules() if isinstance(layer, BaseTunerLayer)]
    if not layers or any(isinstance(module, AuxiliaryTrainingWrapper) for module in model.modules()):
        return False
    return all(type(layer) is Linear and not layer.merged and _is_zero(layer) for layer in layers)


def _is_zero(layer: Any) -> bool:
    return all(
        name not in layer.lora_variant and layer.lora_B[name].bias is None and not layer.lora_B[name].weight.any()
        for name in layer.active_adapters
        if name in layer.lora_B
    )


class _Inputs:
    """The input that was turned last, as queries, keys and values all read the same."""

    def __init__(self) -> None:
        self._of: weakref.ref[Tensor] | None = None
        self._version, self._turned = -1, torch.empty(0)

    def turned(self, x: Tensor, dtype: torch.dtype) -> Tensor:
        """The input as [rows, width] in that number format, without its history."""
        if x.dtype == dtype or x.is_inference():  # the latter keep no count of their changes
            return x.detach().to(dtype).reshape(-1, x.shape[-1])
        known = self._of is not None and self._of() is x and self._version == x._version
        if not known or self._turned.dtype != dtype:
            self._turned = x.detach().to(dtype).reshape(-1, x.shape[-1])
            self._of, self._version = weakref.ref(x), x._version
        return self._turned


def _forward(inputs: _Inputs) -> Any:
    def forward(self: Any, x: Tensor, *arguments: Any, **named: Any) -> Tensor:
        name = None if arguments or named else _only_adapter(self)
        if name is None:
            return Linear.forward(self, x, *arguments, **named)
        base, down, up = self.base_layer, self.lora_A[name].weight, self.lora_B[name].weight
        kind = x.device.type
        if torch.is_autocast_enabled(kind):
            dtype = torch.get_autocast_dtype(kind)
        elif x.dtype == base.weight.dtype == down.dtype == up.dtype:
            dtype = x.dtype
        else:
            return Linear.forward(self, x)
        given = inputs.turned(x, dtype), base.weight, base.bias, down, up, self.scaling[name]
        if not torch.is_grad_enabled():
            return _summed_up(*given)[0].view(*x.shape[:-1], -1)
        return _LowRank.apply(x, *given)  # type: ignore[return-value]

    return forward


def _only_adapter(layer: Any) -> str | None:
    """The adapter that is on, if it is one alone and plain; else None."""
    if layer.disable_adapters or layer.merged or type(layer.base_layer) is not nn.Linear:
        return None
    on = [name for name in layer.active_adapters if name in layer.lora_A]
    if len(on) != 1 or on[0] in layer.lora_variant or layer.base_layer.weight.requires_grad:
        return None
    dropout = layer.lora_dropout[on[0]]
    if not (isinstance(dropout, nn.Identity) or not dropout.training):
        return None
    plain = type(layer.lora_A[on[0]]) is nn.Linear and layer.lora_B[on[0]].bias is None
    return on[0] if plain else None


def _summed_up(
    turned: Tensor, weight: Tensor, bias: Tensor | None, down: Tensor, up: Tensor, scaling: float
) -> tuple[Tensor, Tensor]:
    """x @ weight.T + bias + scaling * (x @ down.T) @ up.T, all in the format of `turned`; and what is between the two
    matrices of the adapter."""
    dtype = turned.dtype
    with torch.autocast(turned.device.type, enabled=False):
        middle = turned @ down.to(dtype).T
        out = nn.functional.linear(turned, weight.to(dtype), bias.to(dtype) if bias is not None else None)
        return out.addmm_(middle, up.to(dtype).T, alpha=scaling), middle


class _LowRank(Function):
    """The same with gradients, for the input and the adapter; the base is frozen."""

    @staticmethod
    def forward(  # type: ignore[override]
        ctx: Any,
        x: Tensor,
        turned: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        down: Tensor,
        up: Tensor,
        scaling: float,
    ) -> Tensor:
        out, middle = _summed_up(turned, weight, bias, down, up, scaling)
        keep_down, keep_up = ctx.needs_input_grad[4:6]
        ctx.save_for_backward(turned if keep_down else None, middle if keep_up else None, weight, down, up)
        ctx.scaling, ctx.shape, ctx.dtype = scaling, x.shape, x.dtype
        return out.view(*x.shape[:-1], out.shape[-1])

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        turned, middle, weight, down, up = ctx.saved_tensors
        dtype = gradient.dtype
        gradient = gradient.reshape(-1, gradient.shape[-1])
        of_x = of_down = of_up = None
        with torch.autocast(gradient.device.type, enabled=False):
            if middle is not None:
                of_up = (gradient.T @ middle).to(up.dtype).mul_(ctx.scaling)
            if turned is not None or ctx.needs_input_grad[0]:
                of_middle = (gradient @ up.to(dtype)).mul_(ctx.scaling)
                if turned is not None:
                    of_down = (of_middle.T @ turned).to(down.dtype)
                if ctx.needs_input_grad[0]:
                    of_x = gradient @ weight.to(dtype)
                    of_x = of_x.addmm_(of_middle, down.to(dtype)).to(ctx.dtype).view(ctx.shape)
        return of_x, None, None, None, of_down, of_up, None
