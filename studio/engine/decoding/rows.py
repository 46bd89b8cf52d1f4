"""Keys and values of answers that are being written, a row each, in one buffer a layer.

Rows end at the same column however long their prompts are, so the next token of all is written in one stroke, and a
single row needs no mask. What a row holds can be taken out and put back: a conversation goes on where it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from studio.engine.decoding.low_rank import Adapter

_MORE = 256  # tokens that are made room for beyond the prompts, at first


@dataclass(slots=True)
class Kept:
    """What was read and written of one conversation through an adapter.

    tokens: of the conversation. layers: keys and values of each [2, heads, tokens, width], of all tokens but, at times,
    the last. prompt: tokens of the prompt; logits: [vocabulary], what followed its end.
    """

    adapter: Adapter | None
    tokens: list[int]
    layers: list[Tensor]
    prompt: int
    logits: Tensor

    def in_common(self, prompt: Sequence[int]) -> int:
        """The tokens at the beginning of a prompt whose keys and values are here."""
        most = min(len(prompt), self.layers[0].shape[2])
        return next((place for place in range(most) if prompt[place] != self.tokens[place]), most)


class Rows:
    """Room for the keys and values of rows of `lengths` tokens, and for more as they grow. layers: of each
    [2, rows, heads, columns, width]."""

    def __init__(
        self, layers: int, lengths: Sequence[int], heads: int, width: int, dtype: torch.dtype, device: torch.device
    ) -> None:
        self.end = max(lengths)  # the column that comes next
        self.starts = [self.end - length for length in lengths]
        self._room = self.end + _MORE
        self.offsets = torch.tensor(self.starts, device=device)
        shape = (2, len(lengths), heads, self._room, width)
        self.layers = [torch.zeros(shape, dtype=dtype, device=device) for _ in range(layers)]
        self.mask: Tensor | None = None
        self._tell()

    def advance(self) -> int:
        """Make room for one token more in each row. Returns its column."""
        if self.end == self._room:
            self._grow()
        self.end += 1
        return self.end - 1

    def keep(self, rows: Sequence[int]) -> None:
        """Let go of all rows but these."""
        places = torch.tensor(list(rows), device=self.offsets.device)
        self.layers = [kept[:, places] for kept in self.layers]
        self.offsets = self.offsets[places]
        self.starts = [self.starts[row] for row in rows]
        self._tell()

    def take(self, row: int) -> list[Tensor]:
        """What a row holds, copied."""
        seen = slice(self.starts[row], self.end)
        return [kept[:, row, :, seen].clone() for kept in self.layers]

    def first_of(self, row: int, count: int) -> list[Tensor]:
        """The first tokens of a row, as they stand here."""
        seen = slice(self.starts[row], self.starts[row] + count)
        return [kept[:, row, :, seen] for kept in self.layers]

    def put(self, row: int, layers: Sequence[Tensor], count: int) -> None:
        """Begin a row with the first `count` tokens of what another held."""
        start = self.starts[row]
        for kept, before in zip(self.layers, layers, strict=True):
            kept[:, row, :, start : start + count] = before[:, :, :count]

    def _grow(self) -> None:
        more = max(_MORE, self._room // 2)
        self._room += more
        self.layers = [torch.nn.functional.pad(kept, (0, 0, 0, more)) for kept in self.layers]
        self._tell()

    def _tell(self) -> None:
        """Which columns each row looks at: [rows, 1, 1, room]; None when they all begin at the first."""
        self.mask = None
        if any(self.starts):
            columns = torch.arange(self._room, device=self.offsets.device)
            self.mask = (columns[None, :] >= self.offsets[:, None])[:, None, None, :]
