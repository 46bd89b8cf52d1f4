"""Pairs: two answers to one prompt encoded side by side, and batches of them for TRL's preference losses.

Each side is a sequence of its own whose labels mark the answer with its end-of-turn token, and nothing of the prompt.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from numpy.typing import NDArray

from studio.core.errors import StudioError
from studio.core.messages import Message
from studio.core.records import Pair
from studio.engine.batches import PaddedBatch
from studio.engine.encoding import LAST_ANSWER, Encoder
from studio.engine.examples import IGNORED, EncodedRows, Reading, Row, encode_rows, trained_part
from studio.engine.fast.packing import pack, sharing


@dataclass(frozen=True, slots=True)
class PairRow:
    """A preferred answer and the other one, each after the same prompt."""

    chosen: Row
    rejected: Row

    @property
    def sides(self) -> tuple[Row, Row]:
        """Both."""
        return self.chosen, self.rejected

    @property
    def room(self) -> int:
        """How many tokens it takes of a budget: both sides, as long as the longer one."""
        return 2 * max(len(side.ids) for side in self.sides)


def encode_answer(encoder: Encoder, prompt: Sequence[Message], answer: str, max_length: int) -> tuple[Row, bool]:
    """A prompt with one answer, of which the answer alone is trained, and whether it was cut. Raises StudioError.

    What a template writes after the end-of-turn token (a line break, mostly) is left away: no model is asked for it.
    """
    messages = (*prompt, Message("assistant", answer))
    encoded = trained_part(encoder.encode(messages, max_length=max_length, train_on=LAST_ANSWER))
    row = Row.of(encoded)
    end = int(np.flatnonzero(row.labels != IGNORED)[-1]) + 1
    return Row(row.ids[:end], row.labels[:end]), encoded.cut


def encode_pairs(reading: Reading, encoder: Encoder, max_length: int) -> EncodedRows[PairRow]:
    """All pairs; those whose answers are the same once encoded are left out. Raises StudioError."""

    def one(pair: Pair) -> tuple[PairRow, bool]:
        chosen, chosen_cut = encode_answer(encoder, pair.prompt, pair.chosen, max_length)
        rejected, rejected_cut = encode_answer(encoder, pair.prompt, pair.rejected, max_length)
        if np.array_equal(chosen.ids, rejected.ids):
            where = f" in the first {encoder.limit(max_length):,} tokens" if chosen_cut or rejected_cut else ""
            raise StudioError(f"Its chosen and its rejected answer are the same{where}.")
        return PairRow(chosen, rejected), chosen_cut or rejected_cut

    return encode_rows(reading, one, encoder.limit(max_length), full=encoder.is_full(max_length))


def answer_dataset(columns: dict[str, list[Any]]) -> Dataset:
    """Columns of arrays of unequal lengths, given back as they are."""
    return Dataset.from_dict(columns).with_format("numpy")


def pair_columns(rows: Sequence[PairRow]) -> dict[str, list[Any]]:
    """The rows as columns of a dataset."""
    return {
        "chosen_ids": [row.chosen.ids for row in rows],
        "chosen_labels": [row.chosen.labels for row in rows],
        "rejected_ids": [row.rejected.ids for row in rows],
        "rejected_labels": [row.rejected.labels for row in rows],
    }


@dataclass(frozen=True, slots=True)
class PairBatch:
    """Makes `input_ids`, `attention_mask` and `completion_mask`, each [2 x pairs, longest], the chosen sides first, as
    TRL's losses take them; and `reference` [2 x pairs, longest - 1]: the reference's log-probability of each token of
    an answer, 0 elsewhere.

    round_to: where the model takes the fast way, `packed` is added: the same sequences in one row rounded up so.
    """

    pad: int
    round_to: int | None = None

    def __call__(self, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
        sides = [(row, side) for side in ("chosen", "rejected") for row in rows]
        sequences = [(row[f"{side}_ids"], row[f"{side}_labels"]) for row, side in sides]
        batch: dict[str, Any] = answer_batch(self.pad, sequences, [row.get(f"{side}_reference") for row, side in sides])
        if self.round_to is not None:
            batch["packed"] = pack(sharing(sequences, [*range(len(rows))] * 2), round_to=self.round_to)
        return batch


def answer_batch(
    pad: int,
    sequences: Sequence[tuple[NDArray[Any], NDArray[Any]]],
    references: Sequence[NDArray[Any] | None],
) -> dict[str, torch.Tensor]:
    """Sequences (ids, labels) with the reference's log-probabilities of their trained tokens, where there are any."""
    padded = PaddedBatch(pad)([{"input_ids": ids, "labels": labels} for ids, labels in sequences])
    completion = padded["labels"] != IGNORED
    batch = {
        "input_ids": padded["input_ids"],
        "attention_mask": padded["attention_mask"],
        "completion_mask": completion.long(),
    }
    if references[0] is not None:
        values = torch.from_numpy(np.concatenate([np.asarray(known, np.float32) for known in references]))
        batch["reference"] = torch.zeros_like(completion[:, 1:], dtype=torch.float32).masked_scatter(
            completion[:, 1:], values
        )
    return batch
