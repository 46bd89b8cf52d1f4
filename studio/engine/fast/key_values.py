"""Keys and values of sequences that are being written, a row each in one buffer a layer, and attention over them.

Rows are of unequal lengths and nothing is padded away: each looks at as many places as it has. A sequence that has
ended leaves with `keep`, so that it costs nothing more.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

_ROUND = 32  # places looked at: few different shapes, as some kernels are compiled for each


class KeyValues:
    """Room for `room` tokens of each sequence at first, and for more as they grow.

    Call `begin` in the pass that reads the prompts; then, for each token more, `advance`, and one pass in which
    attention calls `next_token`.
    """

    def __init__(self, lengths: Sequence[int], room: int, device: torch.device) -> None:
        self.seen = torch.tensor(list(lengths), device=device)  # [rows] tokens of each row, the next one included
        self._room = -(-room // _ROUND) * _ROUND
        self._longest = max(lengths)
        self._layers: dict[int, tuple[Tensor, Tensor]] = {}  # each [rows, key heads, room, width]
        self._mask = torch.empty(0)

    def begin(self, layer: int, keys: Tensor, values: Tensor, lengths: Sequence[int]) -> None:
        """Keep what the prompts, laid end to end, gave: keys and values [1, key heads, tokens, width]."""
        kept: list[Tensor] = []
        for given in (keys, values):
            # A processor's 16-bit attention is slower than its 32-bit one, and less exact.
            dtype = torch.float32 if given.device.type == "cpu" else given.dtype
            buffer = torch.zeros(
                len(lengths), given.shape[1], self._room, given.shape[3], dtype=dtype, device=given.device
            )
            for row, part in enumerate(given[0, :, : sum(lengths)].split(list(lengths), 1)):
                buffer[row, :, : part.shape[1]] = part
            kept.append(buffer)
        self._layers[layer] = (kept[0], kept[1])

    def advance(self) -> Tensor:
        """Make room for the next token of each row. Returns their positions, as the model takes them: [1, rows]."""
        places = self.seen.clone()
        self.seen += 1
        self._longest += 1
        if self._longest > self._room:
            self._grow()
        looked_at = min(-(-self._longest // _ROUND) * _ROUND, self._room)
        self._mask = torch.arange(looked_at, device=places.device)[None, :] <= places[:, None]
        return places[None]

    def next_token(self, layer: int, query: Tensor, key: Tensor, value: Tensor, scaling: float | None) -> Tensor:
        """Attention of one token a row, [1, heads, rows, width] each, over all before it: [1, rows, heads, width]."""
        keys, values = self._layers[layer]
        rows, heads, width = query.shape[2], query.shape[1], query.shape[3]
        at = torch.arange(rows, device=query.device), slice(None), self.seen - 1
        keys[at] = key[0].transpose(0, 1).to(keys.dtype)
        values[at] = value[0].transpose(0, 1).to(values.dtype)
        looked_at = self._mask.shape[1]
        # Heads that share keys stand side by side as if they were tokens, so keys need not be repeated.
        grouped = query[0].transpose(0, 1).reshape(rows, keys.shape[1], heads // keys.shape[1], width).to(keys.dtype)
        with torch.autocast(query.device.type, enabled=False):
            out = F.scaled_dot_product_attention(
                grouped,
                keys[:, :, :looked_at],
                values[:, :, :looked_at],
                self._mask[:, None, None, :],
                scale=scaling,
            )
        return out.reshape(1, rows, heads, values.shape[3]).to(value.dtype)

    def _grow(self) -> None:
        """Make room for half as many tokens more."""
        more = -(-self._room // 2 // _ROUND) * _ROUND
        self._room += more
        self._layers = {
            layer: (F.pad(keys, (0, 0, 0, more)), F.pad(values, (0, 0, 0, more)))
            for layer, (keys, values) in self._layers.items()
        }

    def keep(self, rows: Tensor) -> None:
        """Let go of all rows but these."""
        self.seen = self.seen[rows]
        self._layers = {layer: (keys[rows], values[rows]) for layer, (keys, values) in self._layers.items()}
        self._longest = int(self.seen.max())
