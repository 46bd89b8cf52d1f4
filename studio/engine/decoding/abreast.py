"""A few rows through a thin model, each with its adapter or none, one token of each: the decoder's block written out
over fixed places.

In a model of a few megabytes a call of torch takes longer than its arithmetic, so there are as few as there can be: a
product writes to where the next step reads, the adapters' first matrices stand beside the base's, the norms' weights
are in the products behind them, and keys and values are put down together. Numbers differ by the rounding of 32 bits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from studio.engine.decoding.layer import Added, Heads, Layer
from studio.engine.decoding.products import Linear, LowRank, Product, RmsNorm


@dataclass(frozen=True, slots=True)
class _Placed:
    """A product, and what adapters add to it for some rows. joined: [in, out and ranks]; made: [rows, out and ranks],
    of which out is the first part; ups: for runs of rows with one adapter their part of out, what they make of its
    first matrix, and its second."""

    joined: Tensor
    bias: Tensor | None
    made: Tensor
    out: Tensor
    ups: Sequence[tuple[Tensor, Tensor, Tensor]]

    def __call__(self, rows: Tensor) -> Tensor:
        if self.bias is None:
            torch.mm(rows, self.joined, out=self.made)
        else:
            torch.addmm(self.bias, rows, self.joined, out=self.made)
        for own, small, up in self.ups:
            own.addmm_(small, up)
        return self.out


@dataclass(frozen=True, slots=True)
class _Block:
    """One layer, with views of what its products make. turning: queries and keys [rows, heads, width]; fresh: keys and
    values [2, rows, heads, width]; queries: those that share keys side by side [rows, key heads, each, width]."""

    first_norm: Product
    q_k_v: _Placed
    turning: Tensor
    fresh: Tensor
    queries: Tensor
    out: _Placed
    second_norm: Product
    gate_up: _Placed
    gate: Tensor
    up: Tensor
    down: _Placed


class Abreast:
    """Layers for as many rows as adapters are added to each; None of them means the base alone."""

    def __init__(self, layers: Sequence[tuple[Layer, Added]], heads: Heads) -> None:
        self._heads = heads
        with torch.inference_mode(False), torch.no_grad():  # what is kept may be written to in either mode
            self._blocks = [_block(layer, added, heads) for layer, added in layers]

    @staticmethod
    def takes(layer: Layer) -> bool:
        """Whether a layer is built so that it can go this way."""
        norms = (layer.first_norm, layer.second_norm)
        return layer.head_norms is None and all(isinstance(norm, RmsNorm) for norm in norms)

    def __call__(
        self,
        hidden: Tensor,
        turns: tuple[Tensor, Tensor],
        kept: Sequence[Tensor],
        column: int,
        mask: Tensor | None,
        check: Callable[[], None],
    ) -> Tensor:
        """What the last layer makes of tokens [rows, width], whose keys and values are put into a column of `kept`.
        turns: cosines and signed sines of their places; mask: the columns that each looks at, None for all."""
        (cos, sin), half, act = turns, self._heads.width // 2, self._heads.act
        for block, before in zip(self._blocks, kept, strict=True):
            check()
            block.q_k_v(block.first_norm(hidden))
            turning = block.turning
            turned = turning.roll(half, -1)
            turning.mul_(cos).addcmul_(turned, sin)
            before[:, :, :, column].copy_(block.fresh)
            keys, values = before[:, :, :, : column + 1].unbind(0)
            seen = F.scaled_dot_product_attention(block.queries, keys, values, mask, scale=self._heads.scaling)
            hidden = hidden + block.out(seen.reshape(len(hidden), -1))
            block.gate_up(block.second_norm(hidden))
            hidden = hidden + block.down(act(block.gate) * block.up)
        return hidden


def _block(layer: Layer, added: Added, heads: Heads) -> _Block:
    q_k_v = _placed(layer.q_k_v, added["q_k_v"], layer.first_norm)
    gate_up = _placed(layer.gate_up, added["gate_up"], layer.second_norm)
    made = q_k_v.out.unflatten(-1, (-1, heads.width))
    gate, up = gate_up.out.chunk(2, -1)
    return _Block(
        _length_alone(layer.first_norm),
        q_k_v,
        made[:, : heads.queries + heads.keys],
        made[:, heads.queries :].unflatten(1, (2, heads.keys)).transpose(0, 1),
        made[:, : heads.queries].unflatten(1, (heads.keys, -1)),
        _placed(layer.out, added["out"]),
        _length_alone(layer.second_norm),
        gate_up,
        gate,
        up,
        _placed(layer.down, added["down"]),
    )


def _length_alone(norm: Product) -> Product:
    """A norm without its weight."""
    assert isinstance(norm, RmsNorm)
    eps, share = torch.tensor(norm.eps), 1 / len(norm.weight)

    def scale(rows: Tensor) -> Tensor:
        length = torch.linalg.vector_norm(rows, 2, -1, True)
        return rows * torch.addcmul(eps, length, length, value=share).rsqrt_()

    return scale


def _placed(linear: Product, added: Sequence[LowRank | None], norm: Product | None = None) -> _Placed:
    """norm: what rows went through before, but for its weight."""
    assert isinstance(linear, Linear)
    base, bias = linear.weight.t(), linear.bias
    different = [one for one in dict.fromkeys(added) if one is not None]
    joined = torch.cat([base, *(one.down.to(base.dtype) for one in different)], 1)
    if isinstance(norm, RmsNorm):
        joined = joined * norm.weight[:, None]
    ranks = joined.shape[1] - base.shape[1]
    made = torch.empty(len(added), joined.shape[1], dtype=base.dtype)
    out, *low = made.split_with_sizes([base.shape[1], *(one.down.shape[1] for one in different)], 1)
    ups = [(out[place], low[different.index(one)][place], one.up.to(base.dtype)) for place, one in runs(added)]
    return _Placed(joined.contiguous(), None if bias is None else F.pad(bias, (0, ranks)), made, out, ups)


def runs(added: Sequence[LowRank | None]) -> list[tuple[slice, LowRank]]:
    """Which rows go through which, those that have the same side by side together."""
    places: list[tuple[slice, LowRank]] = []
    for row, one in enumerate(added):
        if one is None:
            continue
        if places and places[-1][1] is one and places[-1][0].stop == row:
            places[-1] = slice(places[-1][0].start, row + 1), one
        else:
            places.append((slice(row, row + 1), one))
    return places
