"""A model's layers with adapters on them, of which each row of a batch may have its own.

In general the base's product is for all rows, and each adapter adds to its own. In thin models a call takes longer than
its arithmetic: there a few rows are written as `abreast` has it; one alone, many of one adapter and prompts go through
copies of the weights that have it in them. Numbers differ by the rounding of 32 bits alone.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

from torch import Tensor

from studio.engine.decoding.abreast import Abreast, runs
from studio.engine.decoding.layer import Added, Heads, Layer
from studio.engine.decoding.low_rank import JOINED, Adapter
from studio.engine.decoding.products import Linear, LowRank, Product, RmsNorm, quick_product

# Of thin models (16 MiB at the most): adapters whose layers are kept with two copies of the weights each, and few rows'
# with one each; those that were asked for longest ago go first.
_KEPT = 4
_ROWS = 4  # that are written abreast: as many as there are panes
Way = Sequence[Layer] | Abreast
_Key = TypeVar("_Key", bound=Hashable)
_Made = TypeVar("_Made")


class Layers:
    """A base's layers, and those with adapters for some rows. thin: whether the model is so small, and in 32 bits;
    then one answer alone goes through the base's own, whose numbers are transformers' to the bit, and several by the
    quickest products."""

    def __init__(self, base: Sequence[Layer], heads: Heads, *, thin: bool) -> None:
        self.base, self._heads, self._thin = base, heads, thin
        self._few = _ROWS if thin and all(Abreast.takes(layer) for layer in base) else 1
        self._copies: dict[Adapter | None, Sequence[Layer]] = {}
        self._abreast: dict[tuple[Adapter | None, ...], Abreast] = {}

    def for_rows(self, adapters: Sequence[Adapter | None]) -> Way:
        """What so many rows are written with, each through its adapter; those of None are the base's alone."""
        rows = tuple(adapters)
        if 1 < len(rows) <= self._few:
            return _kept(self._abreast, rows, lambda: Abreast(list(self._added(rows)), self._heads))
        if len(set(rows)) <= 1 and (self._thin or not any(rows)):
            return self.for_all(rows[0] if rows else None, alone=len(rows) <= 1)
        return [_thick(layer, added) for layer, added in self._added(rows)]

    def for_all(self, adapter: Adapter | None, *, alone: bool) -> Sequence[Layer]:
        """What any rows go through that have one adapter. alone: they are of one answer, beside which there is none."""
        if adapter is None and (alone or not self._thin):
            return self.base
        if not self._thin:
            return [_thick_for_all(layer, added) for layer, added in self._added([adapter])]
        return _kept(self._copies, adapter, lambda: [_thin(layer, added) for layer, added in self._added([adapter])])

    def _added(self, adapters: Sequence[Adapter | None]) -> Iterator[tuple[Layer, Added]]:
        """Each layer, and what the adapters add to its products, by their names."""
        for number, layer in enumerate(self.base):
            yield layer, {name: [one and one.layers[number].get(name) for one in adapters] for name in JOINED}


def _kept(those: dict[_Key, _Made], key: _Key, make: Callable[[], _Made]) -> _Made:
    """What was made for a key, the one that was asked for last at the end; or made now."""
    found = those.pop(key) if key in those else make()
    those[key] = found
    if len(those) > _KEPT:
        del those[next(iter(those))]
    return found


def _thin(layer: Layer, added: Added) -> Layer:
    """Copies of a layer's weights that have its one adapter in them."""
    quick = {name: _quick_norm(getattr(layer, name)) for name in ("first_norm", "second_norm")}
    return replace(layer, **quick, **{name: _with(getattr(layer, name), one) for name, (one,) in added.items()})


def _quick_norm(norm: Product) -> Product:
    return norm.quick() if isinstance(norm, RmsNorm) else norm


def _with(linear: Product, added: LowRank | None) -> Product:
    assert isinstance(linear, Linear)
    base = linear.weight.t()
    return quick_product(base if added is None else added.added_to(base), linear.bias)


def _thick(layer: Layer, added: Added) -> Layer:
    """What so many rows go through as there are adapters, those that have the same side by side together."""

    def product(name: str, some: Sequence[LowRank | None]) -> Product:
        linear: Product = getattr(layer, name)
        adders = [(place, one.adder(place.stop - place.start)) for place, one in runs(some)]

        def add(out: Tensor, rows: Tensor) -> None:
            for place, adder in adders:
                adder(out[place], rows[place])

        return _plus(linear, add) if adders else linear

    return replace(layer, **{name: product(name, some) for name, some in added.items()})


def _thick_for_all(layer: Layer, added: Added) -> Layer:
    """What any rows go through that have one adapter."""
    those = {name: _plus(getattr(layer, name), one.add_to) for name, (one,) in added.items() if one is not None}
    return replace(layer, **those)


def _plus(linear: Product, add: Callable[[Tensor, Tensor], None]) -> Product:
    def multiply(rows: Tensor) -> Tensor:
        out = linear(rows)
        add(out, rows)
        return out

    return multiply
