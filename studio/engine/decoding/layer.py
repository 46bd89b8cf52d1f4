"""One block of a model as the decoder takes it: norms and products, and how its attention is divided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from studio.engine.decoding.products import LowRank, Product

# What adapters add to a layer's products, by their names: a low-rank pair or none for each row.
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


@dataclass(frozen=True, slots=True)
class Heads:
    """How attention is divided: so many heads of queries, and of keys and values, of a width. scaling: what products of
    queries and keys are multiplied by. act: what is between the products behind it."""

    queries: int
    keys: int
    width: int
    scaling: float
    act: Product
