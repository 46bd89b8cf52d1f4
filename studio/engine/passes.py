"""Passes: whole sequences through a model's body, hidden states out; and the next tokens of sequences being written.

Sequences are laid end to end where the model allows it (`engine.fast`), else padded side by side. Which adapter is on,
and what is made of the hidden states, is up to who asks. The output layer is never run over prompts.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn
from transformers import DynamicCache

from studio.engine.examples import IGNORED
from studio.engine.fast.attention import Layout
from studio.engine.fast.forward import enable, head_of, hidden_states
from studio.engine.fast.key_values import KeyValues
from studio.engine.fast.losses import Head
from studio.engine.fast.packing import ROUND, Piece, pack
from studio.engine.loading import Precision

Ids = Sequence[int]


@dataclass(frozen=True, slots=True)
class Sequences:
    """Prompts with their answers, as token ids, one answer to each prompt. An answer has one token at least."""

    prompts: Sequence[Ids]
    answers: Sequence[Ids]

    def __len__(self) -> int:
        return len(self.prompts)

    @property
    def lengths(self) -> list[int]:
        """Tokens of each answer."""
        return [len(answer) for answer in self.answers]

    def pick(self, places: Sequence[int]) -> Sequences:
        """Some of them."""
        return Sequences([self.prompts[place] for place in places], [self.answers[place] for place in places])


@dataclass(frozen=True, slots=True)
class Read:
    """What a pass gives. hidden: [tokens, width]. rows: [answer tokens], the places in `hidden` that foretell an
    answer's tokens, which are `targets`, answer after answer. last: [sequences], the place of each last token."""

    hidden: Tensor
    rows: Tensor
    targets: Tensor
    last: Tensor

    @property
    def before_answers(self) -> Tensor:
        """The hidden states from which each token of the answers is foretold: [answer tokens, width]."""
        return self.hidden.index_select(0, self.rows)

    @property
    def at_ends(self) -> Tensor:
        """The hidden states at the last tokens: [sequences, width]."""
        return self.hidden.index_select(0, self.last)


class Passes:
    """Passes through one model. slower_because: why it is read with padding (“it has ...”), or None when it isn't."""

    def __init__(self, model: Any, longest: int, precision: Precision) -> None:
        self.base = model.get_base_model() if hasattr(model, "get_base_model") else model
        self._precision = precision
        self.device: torch.device = self.base.device
        self.slower_because = enable(model, longest)
        self._head = head_of(self.base)
        # Autocast on a processor compiles its products for each new shape, so there are few.
        self._round = ROUND if precision.autocast and self.device.type == "cpu" else 1

    def computing(self) -> AbstractContextManager[Any]:
        """In which passes are made: autocast where the number format asks for it."""
        half = torch.float16 if self._precision.name == "fp16" else torch.bfloat16
        return torch.autocast(self.device.type, dtype=half, enabled=self._precision.autocast)

    def head(self, hidden: Tensor, temperature: float) -> Head:
        """The output layer for hidden states, at a temperature."""
        return replace(self._head(hidden), temperature=temperature)

    def read(self, sequences: Sequences) -> Read:
        """Whole sequences, through the model with whatever adapter is on."""
        pieces: list[Piece] = []
        for prompt, answer in zip(sequences.prompts, sequences.answers, strict=True):
            ids = np.array([*prompt, *answer], dtype=np.int64)
            pieces.append(Piece(ids, np.where(np.arange(len(ids)) < len(prompt), IGNORED, ids)))
        packed = pack(pieces, round_to=self._round)
        if self.slower_because is None:
            hidden = self._end_to_end(packed.input_ids, packed.position_ids, layout=packed.layout)
            rows, last = packed.rows, packed.last
        else:
            hidden, rows, last = self._padded(pieces)
        return Read(hidden, rows.to(self.device), packed.targets.to(self.device), last.to(self.device))

    def begin(self, prompts: Sequence[Ids], room: int) -> tuple[Writing, Tensor]:
        """Read prompts to go on writing up to `room` tokens after each. Returns the hidden states at their ends too."""
        if self.slower_because is None:
            return _EndToEnd.begin(self, prompts, room)
        return _Padded.begin(self, prompts)

    def _end_to_end(self, ids: Tensor, positions: Tensor, **how: Any) -> Tensor:
        return hidden_states(self.base, ids.to(self.device), positions.to(self.device), **how)

    def _padded(self, pieces: Sequence[Piece]) -> tuple[Tensor, Tensor, Tensor]:
        longest = max(len(piece.ids) for piece in pieces)
        ids = torch.zeros(len(pieces), longest, dtype=torch.long)
        mask = torch.zeros_like(ids)
        rows: list[Tensor] = []
        for place, piece in enumerate(pieces):
            ids[place, : len(piece.ids)] = torch.from_numpy(piece.ids)
            mask[place, : len(piece.ids)] = 1
            rows.append(torch.from_numpy(np.flatnonzero(piece.labels[1:] != IGNORED)) + place * longest)
        hidden = self.base.base_model(
            input_ids=ids.to(self.device), attention_mask=mask.to(self.device), use_cache=False
        ).last_hidden_state
        last = mask.sum(1) - 1 + torch.arange(len(pieces)) * longest
        return hidden.reshape(-1, hidden.shape[-1]), torch.cat(rows), last


def judged(head: nn.Module, hidden: Tensor) -> Tensor:
    """What a head of one number makes of hidden states [rows, width]: [rows], in 32 bits."""
    with torch.autocast(hidden.device.type, enabled=False):
        return head(hidden.float())[:, 0]


def in_passes(lengths: Sequence[int], at_a_time: int) -> list[list[int]]:
    """Places of sequences by length, so many to a pass: alike ones together, as little as possible to pad."""
    order = sorted(range(len(lengths)), key=lambda place: lengths[place])
    return [order[first : first + at_a_time] for first in range(0, len(order), at_a_time)]


class Writing(Protocol):
    """Sequences that are being written, a row each."""

    def go_on(self, tokens: Tensor) -> Tensor:
        """Put one token [rows] behind each; the hidden states [rows, width] that foretell the next ones."""
        ...

    def keep(self, rows: Tensor) -> None:
        """Let go of all rows but these."""
        ...


class _EndToEnd:
    def __init__(self, passes: Passes, kept: KeyValues) -> None:
        self._passes, self._kept = passes, kept

    @staticmethod
    def begin(passes: Passes, prompts: Sequence[Ids], room: int) -> tuple[_EndToEnd, Tensor]:
        lengths = [len(prompt) for prompt in prompts]
        kept = KeyValues(lengths, max(lengths) + room, passes.device)
        packed = pack([Piece(np.array(ids, np.int64), np.array(ids, np.int64)) for ids in prompts])
        layout = Layout(tuple(lengths))
        hidden = passes._end_to_end(packed.input_ids, packed.position_ids, layout=layout, writing=kept)
        return _EndToEnd(passes, kept), hidden[packed.last.to(passes.device)]

    def go_on(self, tokens: Tensor) -> Tensor:
        positions = self._kept.advance()
        return self._passes._end_to_end(tokens[None], positions, writing=self._kept)

    def keep(self, rows: Tensor) -> None:
        self._kept.keep(rows)


class _Padded:
    """By transformers' own cache, prompts padded at the left."""

    def __init__(self, passes: Passes, mask: Tensor) -> None:
        self._body, self._mask = passes.base.base_model, mask
        self._cache: Any = DynamicCache(config=passes.base.config.get_text_config(decoder=True))

    @staticmethod
    def begin(passes: Passes, prompts: Sequence[Ids]) -> tuple[_Padded, Tensor]:
        longest = max(len(prompt) for prompt in prompts)
        ids = torch.zeros(len(prompts), longest, dtype=torch.long)
        mask = torch.zeros_like(ids)
        for row, prompt in enumerate(prompts):
            ids[row, longest - len(prompt) :] = torch.tensor(list(prompt))
            mask[row, longest - len(prompt) :] = 1
        writing = _Padded(passes, mask.to(passes.device))
        positions = (mask.cumsum(1) - 1).clamp(min=0)
        return writing, writing._pass(ids.to(passes.device), positions.to(passes.device))

    def go_on(self, tokens: Tensor) -> Tensor:
        self._mask = torch.cat([self._mask, torch.ones_like(self._mask[:, :1])], 1)
        return self._pass(tokens[:, None], self._mask.sum(1, keepdim=True) - 1)

    def keep(self, rows: Tensor) -> None:
        self._mask = self._mask[rows]
        self._cache.batch_select_indices(rows)

    def _pass(self, ids: Tensor, positions: Tensor) -> Tensor:
        return self._body(
            input_ids=ids,
            position_ids=positions,
            attention_mask=self._mask,
            past_key_values=self._cache,
            use_cache=True,
        ).last_hidden_state[:, -1]
