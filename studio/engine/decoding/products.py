"""Products with fixed weights, as fast as few rows allow.

On a processor a product of one to four rows spends most of its time fetching the weights, and in 16 bits turning them
into the order that its kernel reads. oneDNN can keep them in that order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

# The order that suits products of 2 to some hundred rows; for one row it is as good as any.
_ROWS = 32
# In 16 bits the results are those of the plain kernel to the bit. In 32 bits they end up a rounding apart, so one
# answer alone and whole prompts go the plain way, which makes them transformers' own; several answers at once are twice
# as fast, but for weights so small that calling oneDNN costs more than it saves.
_FEW, _SMALL = 8, 200_000
_BY_CALL = 4  # rows of a small product, up to which calling oneDNN takes longer than it saves
_ALONE = ("none", [], "")  # nothing is done to a product afterwards
Product = Callable[[Tensor], Tensor]  # [rows, in] to [rows, out]


@dataclass(frozen=True, eq=False)
class LowRank:
    """What adapters add to a product: `up @ (down @ x)`. down: [rank, in]; up: [rank, out], scaled: as few rows want
    it."""

    down: Tensor
    up: Tensor

    def add_to(self, out: Tensor, rows: Tensor) -> None:
        """Add it for rows [rows, in] to their products [rows, out]."""
        if out.dtype == self.up.dtype and len(rows) <= _BY_CALL:
            out.addmm_(F.linear(rows, self.down), self.up)
        else:  # adapters stay in 32 bits over a base of 16, as PEFT has it
            down, up = self._quick
            out += up(down(rows.to(self.down.dtype)))

    @cached_property
    def _quick(self) -> tuple[Product, Product]:
        down, up = self.down, self.up
        if down.device.type != "cpu":
            return lambda rows: F.linear(rows, down), lambda low: torch.mm(low, up)
        return quick_product(down.t(), None), quick_product(up, None)

    def added_to(self, turned: Tensor) -> Tensor:
        """It and a base's weights [in, out], as one matrix."""
        return torch.addmm(turned, self.down.t().to(turned.dtype), self.up.to(turned.dtype))


@dataclass(frozen=True, slots=True)
class Linear:
    """A product, and what it is made of. weight: [out, in]."""

    weight: Tensor
    bias: Tensor | None
    multiply: Product

    def __call__(self, rows: Tensor) -> Tensor:
        return self.multiply(rows)


@dataclass(frozen=True, slots=True)
class RmsNorm:
    """A norm by the rows' root mean square, as one call of torch's."""

    weight: Tensor
    eps: float

    def __call__(self, rows: Tensor) -> Tensor:
        return F.rms_norm(rows, self.weight.shape, self.weight, self.eps)

    def quick(self) -> Product:
        """The same up to rounding in 32 bits, in two thirds of the time."""
        weight, eps = self.weight, torch.tensor(self.eps)
        share = 1 / len(weight)

        def norm(rows: Tensor) -> Tensor:
            length = torch.linalg.vector_norm(rows, dim=-1, keepdim=True)
            return rows * torch.addcmul(eps, length, length, value=share).rsqrt_() * weight

        return norm


def product(weight: Tensor, bias: Tensor | None, *, packed: bool) -> Linear:
    """`x @ weight.T + bias`. packed: keep a second copy of the weights in the order in which the kernel reads them,
    where there is one."""
    return Linear(weight.detach(), bias, _multiplication(weight, bias, packed=packed))


def _multiplication(weight: Tensor, bias: Tensor | None, *, packed: bool) -> Product:
    if not packed or not _packs(weight.device.type, weight.dtype):
        return lambda rows: F.linear(rows, weight, bias)
    mkldnn: Any = torch.ops.mkldnn
    kept = mkldnn._reorder_linear_weight(weight, _ROWS)
    multiply = mkldnn._linear_pointwise.default
    if weight.dtype == torch.float32 and weight.numel() < _SMALL:
        turned = weight.detach().t().contiguous()
        if bias is not None:
            return lambda rows: F.linear(rows, weight, bias)
        return lambda rows: torch.mm(rows, turned) if len(rows) in (2, 3) else F.linear(rows, weight)
    if weight.dtype == torch.float32:
        return lambda rows: (
            multiply(rows, kept, bias, *_ALONE) if 1 < len(rows) <= _FEW else F.linear(rows, weight, bias)
        )
    return lambda rows: multiply(rows, kept, bias, *_ALONE)


def quick_product(turned: Tensor, bias: Tensor | None) -> Product:
    """A product of a small matrix [in, out] in 32 bits, the quickest way for each number of rows; the same up to
    rounding."""
    turned = turned.contiguous()
    few: Product = lambda rows: torch.mm(rows, turned)  # noqa: E731
    if bias is not None:
        few = lambda rows: torch.addmm(bias, rows, turned)  # noqa: E731
    if not _packs("cpu", turned.dtype):
        return few
    mkldnn: Any = torch.ops.mkldnn
    kept, multiply = mkldnn._reorder_linear_weight(turned.t().contiguous(), _ROWS), mkldnn._linear_pointwise.default
    return lambda rows: few(rows) if len(rows) <= _BY_CALL else multiply(rows, kept, bias, *_ALONE)


@cache
def _packs(device: str, dtype: torch.dtype) -> bool:
    """Whether this build of torch has such a kernel, and it computes what the plain one does."""
    if device != "cpu" or not torch.backends.mkldnn.is_available():
        return False
    try:
        mkldnn: Any = torch.ops.mkldnn
        weight = torch.arange(48 * 32).remainder(7).reshape(48, 32).to(dtype)
        rows = torch.arange(64).remainder(5).reshape(2, 32).to(dtype)
        kept = mkldnn._reorder_linear_weight(weight, _ROWS)
        made = mkldnn._linear_pointwise.default(rows, kept, None, *_ALONE)
    except (RuntimeError, AttributeError, TypeError, NotImplementedError):
        return False
    return bool(torch.equal(made, F.linear(rows, weight)))  # small whole numbers: exact in any order
