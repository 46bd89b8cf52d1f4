"""A model's layers with adapters on them, of which each row of a batch may have its own.

In general the base's product is for all rows, and each adapter adds to its own. In thin models a call takes longer than
its arithmetic: there rows of one adapter go through copies of the weights that have it in them, and rows of several
through the base's product with the adapters' first matrices beside it. Numbers differ by the rounding of 32 bits alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from studio.engine.decoding.low_rank import JOINED, Adapter
from studio.engine.decoding.products import Linear, LowRank, Product, RmsNorm, quick_product

# Of thin models (16 MiB at the most): adapters, or rows of several, whose layers are kept with up to two copies of the
# weights each; the oldest ones go first.
_KEPT = 6
_ROWS = 4  # of several adapters, that are written in the way for thin models: as many as there are panes
Added = Mapping[str, Sequence[LowRank | None]]


@dataclass(frozen=True, slots=True)
class Layer:
    """One block. q_k_v and gate_up are products that stand in one. The four products of a base's are Linear."""

    first_norm: Product
    q_k_v: Product
    head_norms: tuple[Product, Product] | None
    out: Product
    second_norm: Product
    gate_up: Product
    down: Product


class Layers:
    """A base's layers, and those with adapters for some rows. thin: whether the model is so small, and in 32 bits;
    then one answer alone goes through the base's own, whose numbers are transformers' to the bit, and several by the
    quickest products."""

    def __init__(self, base: Sequence[Layer], *, thin: bool) -> None:
        self.base, self._thin = base, thin
        self._kept: dict[tuple[Adapter | None, ...], Sequence[Layer]] = {}

    def through(self, adapters: Sequence[Adapter | None]) -> Sequence[Layer]:
        """Layers for so many rows, each through its adapter; those of None are the base's alone. Rows of one adapter,
        when all have it, may also be more or fewer."""
        different = tuple(dict.fromkeys(adapters))
        if not adapters or different == (None,) and not (self._thin and len(adapters) > 1):
            return self.base
        key = different if len(different) == 1 else tuple(adapters)
        if not self._thin or len(key) > _ROWS:
            return [_thick(layer, added) for layer, added in self._added(key)]
        found = self._kept.pop(key, None) or [_thin(layer, added) for layer, added in self._added(key)]
        self._kept[key] = found  # the last one that was asked for
        if len(self._kept) > _KEPT:
            del self._kept[next(iter(self._kept))]
        return found

    def _added(self, adapters: Sequence[Adapter | None]) -> Iterator[tuple[Layer, Added]]:
        """Each layer, and what the adapters add to its products, by their names."""
        for number, layer in enumerate(self.base):
            yield layer, {name: [one and one.layers[number].get(name) for one in adapters] for name in JOINED}


def _thin(layer: Layer, added: Added) -> Layer:
    return Layer(
        _quick_norm(layer.first_norm),
        _thin_product(layer.q_k_v, added["q_k_v"]),
        layer.head_norms,
        _thin_product(layer.out, added["out"]),
        _quick_norm(layer.second_norm),
        _thin_product(layer.gate_up, added["gate_up"]),
        _thin_product(layer.down, added["down"]),
    )


def _quick_norm(norm: Product) -> Product:
    return norm.quick() if isinstance(norm, RmsNorm) else norm


def _thin_product(linear: Product, added: Sequence[LowRank | None]) -> Product:
    assert isinstance(linear, Linear)
    base, bias = linear.weight.t(), linear.bias
    if len(added) == 1 or not any(added):
        return quick_product(base if added[0] is None else added[0].added_to(base), bias)
    return _beside(base, bias, added)


def _beside(base: Tensor, bias: Tensor | None, added: Sequence[LowRank | None]) -> Product:
    """What the adapters make of the rows comes out of the base's product too, behind its own; all of it is written to
    one place, of which each step needs the same views."""
    different = [one for one in dict.fromkeys(added) if one is not None]
    joined = torch.cat([base, *(one.down.t().to(base.dtype) for one in different)], 1)  # [in, out and ranks]
    with torch.inference_mode(False), torch.no_grad():  # what is kept may be written to in either mode
        made = torch.empty(len(added), joined.shape[1], dtype=base.dtype)
        out, *low = made.split_with_sizes([base.shape[1], *(len(one.down) for one in different)], 1)
        ups = [(out[place], low[different.index(one)][place], one.up.to(base.dtype)) for place, one in _places(added)]

    def product(rows: Tensor) -> Tensor:
        torch.mm(rows, joined, out=made)
        for own, small, up in ups:
            own.addmm_(small, up)
        return out if bias is None else out + bias

    return product


def _thick(layer: Layer, added: Added) -> Layer:
    return replace(layer, **{name: _thick_product(getattr(layer, name), some) for name, some in added.items()})


def _thick_product(linear: Product, added: Sequence[LowRank | None]) -> Product:
    """The rows that have the same side by side go through it together."""
    if not any(added):
        return linear
    if len(added) == 1 and (one := added[0]) is not None:

        def all_rows(rows: Tensor) -> Tensor:
            out = linear(rows)
            one.add_to(out, rows)
            return out

        return all_rows
    places = _places(added)

    def some_rows(rows: Tensor) -> Tensor:
        out = linear(rows)
        for place, one in places:
            one.add_to(out[place], rows[place])
        return out

    return some_rows


def _places(added: Sequence[LowRank | None]) -> list[tuple[slice, LowRank]]:
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
