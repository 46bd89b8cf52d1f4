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
    """What adapters add to a product: `(x @ down) @ up`. down: [in, rank]; blocks: [number, rank / number,
    out / number], what stands along the diagonal of `up`, scaled; the rest of it is zeros."""

    down: Tensor
    blocks: Tensor

    @property
    def up(self) -> Tensor:
        """[rank, out]."""
        return self.blocks[0] if len(self.blocks) == 1 else torch.block_diag(*self.blocks)

    def add_to(self, out: Tensor, rows: Tensor) -> None:
        """Add it for rows [rows, in] to their products [rows, out]. Adapters stay in 32 bits over a base of 16, as PEFT
        has it."""
        first, second = self._by_many
        out += second(first(rows.to(self.down.dtype)))

    def adder(self, count: int) -> Callable[[Tensor, Tensor], None]:
        """What `add_to` does, for so many rows each time: if they are few, over places of its own."""
        if count > _BY_CALL:
            return self.add_to
        down, blocks = self.down, self.blocks
        taken, low, made = (down.new_empty(count, width) for width in (*down.shape, len(blocks) * blocks.shape[2]))
        low_apart, made_apart = (one.view(count, len(blocks), -1).transpose(0, 1) for one in (low, made))

        def add(out: Tensor, rows: Tensor) -> None:
            taken.copy_(rows)
            torch.mm(taken, down, out=low)
            made.copy_(out)
            made_apart.baddbmm_(low_apart, blocks)
            out.copy_(made)

        return add

    @cached_property
    def _by_many(self) -> tuple[Product, Product]:
        """Both products, for many rows."""
        down, up = self.down, self.up
        if down.device.type != "cpu":
            return lambda rows: torch.mm(rows, down), lambda low: torch.mm(low, up)
        return quick_product(down, None), quick_product(up, None)

    def added_to(self, turned: Tensor) -> Tensor:
        """It and a base's weights [in, out], as one matrix."""
        return torch.addmm(turned, self.down.to(turned.dtype), self.up.to(turned.dtype))


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
