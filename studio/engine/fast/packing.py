"""Packing: examples laid end to end in one row, with a list of the places that are trained. Nothing is padded between.

The row as a whole is rounded up to a few lengths, because oneDNN compiles a bf16 product for each new shape. Which
examples go together is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from studio.engine.examples import IGNORED
from studio.engine.fast.attention import Layout, Prefix

ROUND = 64
# A shared beginning shorter than this costs more, as attention over it, than reading it again.
WORTH_SHARING = 4


@dataclass(frozen=True)
class Piece:
    """One whole sequence: its ids, and labels that are the ids where they are trained and `IGNORED` elsewhere.

    prefix: the tokens it begins with that stand in the row already, at the beginning of an earlier piece.
    """

    ids: NDArray[np.int64]
    labels: NDArray[np.int64]
    prefix: Prefix | None = None


@dataclass(frozen=True)
class Packed:
    """Pieces in one row. `rows[k]` is the place in the row whose hidden state predicts `targets[k]`, which belongs to
    piece `owners[k]`; `last[p]` is the place of piece p's last token."""

    input_ids: Tensor  # [1, tokens]
    position_ids: Tensor  # [1, tokens]
    layout: Layout
    rows: Tensor
    targets: Tensor
    owners: Tensor
    last: Tensor

    def to(self, device: Any, non_blocking: bool = False) -> Packed:
        """The same on that device."""
        tensors = {
            field.name: value.to(device, non_blocking=non_blocking)
            for field in fields(self)
            if isinstance(value := getattr(self, field.name), Tensor)
        }
        return replace(self, **tensors)


def pack(pieces: Sequence[Piece], *, round_to: int = ROUND) -> Packed:
    """Lay the pieces end to end, what they share once. Every piece adds at least one token of its own."""
    ids: list[NDArray[np.int64]] = []
    positions: list[NDArray[np.int64]] = []
    rows: list[NDArray[np.int64]] = []
    targets: list[NDArray[np.int64]] = []
    places: list[NDArray[np.int64]] = []  # of every token of a whole sequence, shared ones included
    end = 0
    for piece in pieces:
        shared = piece.prefix.length if piece.prefix else 0
        own = len(piece.ids) - shared
        before = places[piece.prefix.place][:shared] if piece.prefix else np.empty(0, np.int64)
        place = np.concatenate([before, np.arange(end, end + own)])
        trained = np.flatnonzero(piece.labels[1:] != IGNORED)  # the first token is predicted by nothing
        ids.append(piece.ids[shared:])
        positions.append(np.arange(shared, len(piece.ids)))
        rows.append(place[trained])
        targets.append(piece.labels[trained + 1])
        places.append(place)
        end += own
    slack = np.zeros(-end % round_to, np.int64)  # seen by nobody and trained nowhere
    prefixes = tuple(piece.prefix for piece in pieces)
    return Packed(
        torch.from_numpy(np.concatenate([*ids, slack]))[None],
        torch.from_numpy(np.concatenate([*positions, slack]))[None],
        Layout(tuple(len(own) for own in ids), prefixes if any(prefixes) else ()),
        torch.from_numpy(np.concatenate(rows)),
        torch.from_numpy(np.concatenate(targets)),
        torch.from_numpy(np.repeat(np.arange(len(pieces)), [len(found) for found in targets])),
        torch.tensor([int(place[-1]) for place in places]),
    )


def sharing(sequences: Sequence[tuple[ArrayLike, ArrayLike]], first: Sequence[int]) -> list[Piece]:
    """Sequences, each (ids, labels), as pieces in their order. What sequence k begins with like sequence `first[k]`
    before it is read once; where `first[k]` is k itself, nothing is shared."""
    whole = [Piece(_whole(ids), _whole(labels)) for ids, labels in sequences]
    pieces: list[Piece] = []
    for place, piece in enumerate(whole):
        length = alike(whole[first[place]].ids, piece.ids) if first[place] < place else 0
        pieces.append(
            Piece(piece.ids, piece.labels, Prefix(first[place], length)) if length >= WORTH_SHARING else piece
        )
    return pieces


def alike(first: NDArray[np.int64], second: NDArray[np.int64]) -> int:
    """How many tokens the two begin with alike, at least one of the second's left out."""
    length = min(len(first), len(second) - 1)
    differs = np.flatnonzero(first[:length] != second[:length])
    return int(differs[0]) if len(differs) else length


@dataclass(frozen=True, slots=True)
class EndToEnd:
    """Makes a batch out of rows with `input_ids` and `labels`, as `engine.batches.PaddedBatch` does, without padding.

    `labels` [1, tokens] are there for who counts what is trained; the model takes `packed` alone.
    """

    round_to: int = ROUND

    def __call__(self, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
        packed = pack([Piece(_whole(row["input_ids"]), _whole(row["labels"])) for row in rows], round_to=self.round_to)
        labels = torch.full_like(packed.input_ids, IGNORED)
        labels[0, packed.rows + 1] = packed.targets
        return {"input_ids": packed.input_ids, "labels": labels, "packed": packed}


def _whole(numbers: ArrayLike) -> NDArray[np.int64]:
    return np.asarray(numbers, dtype=np.int64)
