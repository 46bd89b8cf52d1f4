"""Answers of several panes written by the light way, a token of each at a time. Each may have an adapter of its own on
the one base; what a pane has read before is not read again."""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from studio.engine.decoding.decoder import Decoder
from studio.engine.decoding.low_rank import Adapter
from studio.engine.decoding.rows import Kept, Rows
from studio.engine.decoding.tuned import Way

_WORTH = 4  # what is known counts from a fourth of a prompt on


@dataclass(frozen=True, slots=True)
class Asked:
    """One answer to write. place: under which name its conversation is kept; adapter: None for the base alone."""

    place: str
    prompt: Sequence[int]
    adapter: Adapter | None


class LightWriting:
    """Writes answers; those with the same adapter had better stand side by side. kept: conversations by their places,
    from which what is known of a prompt is taken, and to which answers are given back as they end; None where nobody
    goes on with any."""

    def __init__(self, decoder: Decoder, asked: Sequence[Asked], kept: MutableMapping[str, Kept] | None) -> None:
        self._decoder, self._asked, self._kept = decoder, list(asked), kept
        self._rows: Rows | None = None
        self._first: list[Tensor] = []  # of each row: the logits at its prompt's end
        self._way: Way = ()  # that the rows go through

    def begin(self) -> Tensor:
        """Read the prompts. Returns the logits [rows, vocabulary] that follow them."""
        rows = self._decoder.rows([len(one.prompt) for one in self._asked])
        for row in range(len(self._asked)):
            self._first.append(self._read(rows, row))
        self._rows = rows
        self._way = self._decoder.way_of([one.adapter for one in self._asked])
        return torch.stack(self._first)

    def go_on(self, tokens: Tensor) -> Tensor:
        """Put one token [rows] behind each; the logits [rows, vocabulary] that follow."""
        assert self._rows is not None
        return self._decoder.write(self._rows, tokens, self._way)

    def keep(self, rows: Sequence[int]) -> None:
        """Let go of all rows but these."""
        assert self._rows is not None
        self._rows.keep(rows)
        self._asked = [self._asked[row] for row in rows]
        self._first = [self._first[row] for row in rows]
        self._way = self._decoder.way_of([one.adapter for one in self._asked])

    def remember(self, row: int, written: Sequence[int]) -> None:
        """An answer has ended: its conversation may go on later."""
        if self._rows is None or self._kept is None:
            return  # it was stopped before its prompt was read, or is not wanted
        asked = self._asked[row]
        tokens = [*asked.prompt, *written]
        self._kept[asked.place] = Kept(asked.adapter, tokens, self._rows.take(row), len(asked.prompt), self._first[row])

    def _read(self, rows: Rows, row: int) -> Tensor:
        asked = self._asked[row]
        for other in range(row):  # the same was just read for another answer
            if self._asked[other].adapter is asked.adapter and self._asked[other].prompt == asked.prompt:
                rows.put(row, rows.first_of(other, len(asked.prompt)), len(asked.prompt))
                return self._first[other]
        before = self._kept.pop(asked.place, None) if self._kept is not None else None
        known = before.in_common(asked.prompt) if before is not None and before.adapter is asked.adapter else 0
        if known * _WORTH < len(asked.prompt):
            known = 0  # a whole prompt is read faster than the end of one, token for token
        if before is not None and known:
            rows.put(row, before.layers, known)
            if known == before.prompt == len(asked.prompt):  # asked again: nothing at all is to be read
                return before.logits
            known = min(known, len(asked.prompt) - 1)
        return self._decoder.read(rows, row, asked.prompt, known, asked.adapter)
