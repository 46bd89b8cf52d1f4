"""Attention over sequences laid end to end in one row: each sees itself alone, so nothing is padded or masked away.

Registered with transformers under `PER_SEQUENCE`; a call without a `Layout` is transformers' own SDPA, so the same
model still generates and evaluates as before. Exact, with grouped heads, dropout and gradients. Left out: sliding
windows shorter than a sequence, capped scores, sinks and position biases, which raise `NotSupported`. Sequences that
are being written go on token by token over the keys and values kept in `fast.key_values`.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812
from transformers.integrations.sdpa_attention import sdpa_attention_forward, use_gqa_in_sdpa
from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS, sdpa_mask
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from studio.engine.fast.key_values import KeyValues
from studio.engine.fast.row_attention import row_attention, serves, widened
from studio.engine.fast.short_attention import is_short, may_be_short, short_attention

PER_SEQUENCE = "per_sequence"
# What architectures hand to their attention beyond the plain kind; each changes the scores.
_UNKNOWN_TO_US = ("softcap", "s_aux", "position_bias", "cache")


class NotSupported(Exception):
    """The model's attention is of a kind that can't be computed here. The message completes “it has …”."""


@dataclass(frozen=True, slots=True)
class Prefix:
    """The first `length` tokens of the sequence at `place`, which a later sequence has in common with it."""

    place: int
    length: int


@dataclass(frozen=True)
class Layout:
    """How many tokens each sequence adds to the row, in order, and which earlier tokens it begins with.

    A sequence with a prefix stands in the row without it: its tokens see the prefix, then themselves.
    """

    lengths: tuple[int, ...]
    prefixes: tuple[Prefix | None, ...] = ()

    def __post_init__(self) -> None:
        if min(self.lengths, default=0) < 1:
            raise ValueError(f"Every sequence adds at least one token, not {self.lengths}.")
        if self.prefixes and len(self.prefixes) != len(self.lengths):
            raise ValueError("There are as many prefixes as sequences, or none.")
        for place, prefix in enumerate(self.prefixes):
            if prefix and not (prefix.place < place and 0 < prefix.length <= self.lengths[prefix.place]):
                raise ValueError(f"Sequence {place} can't begin with {prefix}.")

    @cached_property
    def total(self) -> int:
        """Tokens in the row, without what rounds it up."""
        return sum(self.lengths)

    @cached_property
    def runs(self) -> tuple[tuple[int, int], ...]:
        """Neighbours of one length, (how many, how long), which are one call. With prefixes each is alone."""
        if self.prefixes:
            return tuple((1, length) for length in self.lengths)
        return tuple((len(list(alike)), length) for length, alike in itertools.groupby(self.lengths))

    @cached_property
    def masks(self) -> tuple[Tensor | None, ...]:
        """What is added to the scores of each run [own, seen] on a processor; None where all before is seen."""
        if not self.prefixes:
            return (None,) * len(self.runs)
        return tuple(
            prefix and torch.full((length, prefix.length + length), -math.inf).triu_(prefix.length + 1)
            for length, prefix in zip(self.lengths, self.prefixes, strict=True)
        )

    @cached_property
    def longest(self) -> int:
        """Tokens that the longest sequence sees."""
        return max(
            length + (prefix.length if prefix else 0)
            for length, prefix in zip(self.lengths, self.prefixes or (None,) * len(self.lengths), strict=True)
        )


def register() -> None:
    """Make `PER_SEQUENCE` known to transformers. Doing it again changes nothing."""
    ALL_ATTENTION_FUNCTIONS.register(PER_SEQUENCE, per_sequence_attention)
    # Asked for in ordinary calls only: with a layout, models are handed a mask of four dimensions and pass it on.
    ALL_MASK_ATTENTION_FUNCTIONS.register(PER_SEQUENCE, sdpa_mask)


def per_sequence_attention(
    module: torch.nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    layout: Layout | None = None,
    writing: KeyValues | None = None,
    **others: Any,
) -> tuple[Tensor, None]:
    """transformers' attention interface: [1, heads, tokens, width] in, [1, tokens, heads, width] out.

    Tokens after the layout's last belong to no sequence; they get zeros. With `writing`, keys and values of a layout's
    sequences are kept there; and without a layout each token is the next one of a sequence that is kept.
    """
    if writing is not None:
        layer: Any = module.layer_idx
        if layout is None:
            return writing.next_token(layer, query, key, value, scaling), None
        writing.begin(layer, key, value, layout.lengths)
    if layout is None:
        return sdpa_attention_forward(
            module, query, key, value, attention_mask, dropout=dropout, scaling=scaling, **others
        )
    _refuse_what_is_unknown(module, query, layout, others)
    with torch.autocast("cpu", enabled=False):  # there each way chooses its number formats itself
        if not dropout and serves(query, key, value) and not may_be_short(query, key, value):
            return row_attention(query, key, value, layout, scaling), None
        out = _each_alone(query, key, value, layout, dropout, scaling)
    return out.transpose(1, 2).contiguous(), None


def _refuse_what_is_unknown(module: torch.nn.Module, query: Tensor, layout: Layout, others: dict[str, Any]) -> None:
    for name in _UNKNOWN_TO_US:
        if others.get(name) is not None:
            raise NotSupported(f"attention with “{name}”")
    if others.get("is_causal") is False or getattr(module, "is_causal", True) is False:
        raise NotSupported("attention that looks ahead")
    window = others.get("sliding_window")
    if window is not None and layout.longest > window:
        raise NotSupported(f"a sliding window of {window:,} tokens, shorter than an example of {layout.longest:,}")
    if query.shape[0] != 1 or query.shape[2] < layout.total:
        raise NotSupported(f"a batch of shape {tuple(query.shape)}, which is not one row of {layout.total:,} tokens")


def _each_alone(
    query: Tensor, key: Tensor, value: Tensor, layout: Layout, dropout: float, scaling: float | None
) -> Tensor:
    rest = query.shape[2] - layout.total
    pieces = [count * length for count, length in layout.runs] + ([rest] if rest else [])
    # split, not slices: its gradient is one concatenation, a slice's is a row of zeros for each sequence.
    queries, keys, values = query.split(pieces, 2), key.split(pieces, 2), value.split(pieces, 2)
    prefixes: Sequence[Prefix | None] = layout.prefixes or (None,) * len(layout.runs)
    out: list[Tensor] = []
    for q, k, v, (count, length), prefix in zip(queries, keys, values, layout.runs, prefixes, strict=False):
        mask = None
        if count > 1:
            q, k, v = (tensor[0].unflatten(1, (count, length)).transpose(0, 1) for tensor in (q, k, v))
        elif prefix is not None:
            k = torch.cat([keys[prefix.place][:, :, : prefix.length], k], 2)
            v = torch.cat([values[prefix.place][:, :, : prefix.length], v], 2)
            mask = torch.ones(q.shape[2], k.shape[2], dtype=torch.bool, device=q.device).tril_(prefix.length)
        groups = q.shape[1] // k.shape[1]
        in_kernel = groups > 1 and not is_short(q, k, v) and use_gqa_in_sdpa(mask, k, v)
        if groups > 1 and not in_kernel:
            k, v = k.repeat_interleave(groups, 1), v.repeat_interleave(groups, 1)
        if not dropout and is_short(q, k, v):
            seen = short_attention(q, k, v, scaling)
        else:
            seen = F.scaled_dot_product_attention(
                _wide(q), _wide(k), _wide(v), mask, dropout, is_causal=mask is None, scale=scaling, enable_gqa=in_kernel
            ).to(v.dtype)
        out.append(seen.transpose(0, 1).flatten(1, 2)[None] if count > 1 else seen)
    if rest:
        out.append(out[0].new_zeros(1, query.shape[1], rest, value.shape[3]))
    return torch.cat(out, 2)


def _wide(tensor: Tensor) -> Tensor:
    """As a processor's kernel has it; other devices take 16 bits as they are."""
    return widened(tensor) if tensor.device.type == "cpu" else tensor
