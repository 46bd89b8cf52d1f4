"""Attention over sequences laid end to end in one row, on a processor, with gradients: torch's own kernel for each, and
what it makes is written straight to where it belongs.

Through autograd each sequence is cut out, turned into 32 bits and put together again, there and back, by calls that
take as long as the arithmetic of a short one. Left out: dropout.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.autograd import Function

if TYPE_CHECKING:
    from studio.engine.fast.attention import Layout

_aten: Any = torch.ops.aten
_forward, _backward = (
    getattr(_aten, f"_scaled_dot_product_flash_attention_for_cpu{end}").default for end in ("", "_backward")
)


def serves(query: Tensor, key: Tensor, value: Tensor) -> bool:
    """Whether torch's kernel takes such tensors."""
    return query.device.type == "cpu" and query.shape[-1] == key.shape[-1] == value.shape[-1]


def row_attention(query: Tensor, key: Tensor, value: Tensor, layout: Layout, scaling: float | None) -> Tensor:
    """[1, heads, tokens, width] in, [1, tokens, heads, width] out; zeros for tokens of no sequence."""
    return _RowAttention.apply(query, key, value, layout, scaling)  # type: ignore[return-value]


@dataclass(frozen=True, slots=True)
class _Run:
    """`count` sequences of `length` tokens each from `start` on; or one behind a prefix, which is the tokens of the row
    from its first number to its second."""

    start: int
    count: int
    length: int
    prefix: tuple[int, int] | None

    def of(self, row: Tensor) -> Tensor:
        """Its part of a row [1, heads, tokens, width]: [count, heads, length, width], a view."""
        part = row[:, :, self.start : self.start + self.count * self.length]
        if self.count == 1:
            return part
        return part[0].unflatten(1, (self.count, self.length)).transpose(0, 1)

    def seen_of(self, row: Tensor) -> Tensor:
        """What it looks at."""
        if self.prefix is None:
            return self.of(row)
        return torch.cat([row[:, :, slice(*self.prefix)], self.of(row)], 2)


def _runs(layout: Layout) -> Iterator[_Run]:
    starts = [0, *itertools.accumulate(count * length for count, length in layout.runs)]
    prefixes = layout.prefixes or (None,) * len(layout.runs)
    for start, (count, length), prefix in zip(starts, layout.runs, prefixes, strict=False):
        before = (starts[prefix.place], starts[prefix.place] + prefix.length) if prefix else None
        yield _Run(start, count, length, before)


class _RowAttention(Function):
    @staticmethod
    def forward(  # type: ignore[override]
        ctx: Any, query: Tensor, key: Tensor, value: Tensor, layout: Layout, scaling: float | None
    ) -> Tensor:
        q, k, v = widened(query), *(_for_each(tensor, query) for tensor in (key, value))
        made = q.new_empty(1, q.shape[2], q.shape[1], q.shape[3]).transpose(1, 2)
        made[:, :, layout.total :] = 0
        sums: list[Tensor] = []
        runs = list(_runs(layout))
        for run, mask in zip(runs, layout.masks, strict=True):
            seen, total = _forward(
                run.of(q), run.seen_of(k), run.seen_of(v), 0.0, mask is None, attn_mask=mask, scale=scaling
            )
            run.of(made).copy_(seen)
            sums.append(total)
        ctx.save_for_backward(q, k, v, made, *sums)
        ctx.about = runs, layout, scaling, key.shape, (query.dtype, key.dtype, value.dtype)
        return made.transpose(1, 2).to(value.dtype)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        q, k, v, made, *sums = ctx.saved_tensors
        runs, layout, scaling, shape, dtypes = ctx.about
        given = widened(gradient).transpose(1, 2)
        of_all = of_q, of_k, of_v = torch.empty_like(q), torch.empty_like(k), torch.empty_like(v)
        for whole in of_all:
            whole[:, :, layout.total :] = 0
        for run, mask, total in zip(runs, layout.masks, sums, strict=True):
            here = (run.of(given), run.of(q), run.seen_of(k), run.seen_of(v), run.of(made), total)
            own_q, *seen = _backward(*here, 0.0, mask is None, attn_mask=mask, scale=scaling)
            run.of(of_q).copy_(own_q)
            for whole, part in zip((of_k, of_v), seen, strict=True):
                run.of(whole).copy_(part[:, :, part.shape[2] - run.length :])
                if run.prefix is not None:  # which stands before it, so its own is there already
                    whole[:, :, slice(*run.prefix)].add_(part[:, :, : part.shape[2] - run.length])
        if shape != k.shape:
            of_k, of_v = (whole.unflatten(1, (shape[1], -1)).sum(2) for whole in (of_k, of_v))
        return *(whole.to(dtype) for whole, dtype in zip((of_q, of_k, of_v), dtypes, strict=True)), None, None


def widened(tensor: Tensor) -> Tensor:
    """In 32 bits at least, in which a processor is several times faster than in 16."""
    return tensor.float() if tensor.dtype in (torch.bfloat16, torch.float16) else tensor


def _for_each(shared: Tensor, query: Tensor) -> Tensor:
    """Keys or values for each head of the queries."""
    groups = query.shape[1] // shared.shape[1]
    return widened(shared).repeat_interleave(groups, 1) if groups > 1 else widened(shared)
