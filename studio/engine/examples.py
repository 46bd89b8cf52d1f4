"""Rows: a dataset's records encoded for training, with a part held out. What has nothing to learn from is left out.

How one record is encoded is each method's own; what a person is told about the rest is said here, once for all.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from studio.core.errors import StudioError
from studio.core.records import Kind, Record
from studio.engine.encoding import Encoded, Encoder

IGNORED = -100  # a label that the loss doesn't count, as everywhere in torch and transformers
_REPORT_EVERY = 0.2  # seconds
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Row:
    """One encoded sequence: its token ids, and the labels, which are the ids where the loss counts them."""

    ids: NDArray[np.int32]
    labels: NDArray[np.int32]

    @staticmethod
    def of(encoded: Encoded) -> Row:
        """The row that a conversation makes."""
        ids = np.array(encoded.ids, dtype=np.int32)
        return Row(ids, np.where(np.array(encoded.mask), ids, np.int32(IGNORED)))

    @property
    def trained(self) -> int:
        """How many tokens the loss counts."""
        return int((self.labels != IGNORED).sum())

    @property
    def room(self) -> int:
        """How many tokens it takes of a budget."""
        return len(self.ids)


@dataclass(slots=True)
class EncodedRows(Generic[R]):
    """What is trained on, what is held out, and sentences about rows that were cut or left out."""

    train: list[R] = field(default_factory=list[R])
    held_out: list[R] = field(default_factory=list[R])
    warnings: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])


@dataclass(frozen=True, slots=True)
class Reading:
    """A dataset to be encoded. held_out: positions that are never trained on. `report(done, total)` is called now and
    then, and may raise to end the work."""

    records: Iterable[Record]
    kind: Kind
    total: int
    held_out: frozenset[int]
    report: Callable[[int, int], None]


def held_out_positions(rows: int, count: int, seed: int, prompts: Sequence[Hashable] | None = None) -> frozenset[int]:
    """Which `count` of the rows are never trained on: the same ones for the same seed.

    prompts: of each row. Rows of one prompt then stay on one side, so that nothing is tested on a prompt that was
    trained on. Whole prompts don't always add up to `count`; then it is fewer rows, or those of the smallest prompt.
    """
    rng = random.Random(seed)
    if prompts is None or len(set(prompts)) == rows:
        return frozenset(rng.sample(range(rows), count))
    together: dict[Hashable, list[int]] = {}
    for position, prompt in enumerate(prompts):
        together.setdefault(prompt, []).append(position)
    if len(together) < 2:
        return frozenset()
    groups = rng.sample(list(together.values()), len(together))
    taken: list[int] = []
    for group in groups if count else ():
        if len(taken) + len(group) <= count:
            taken += group
    return frozenset(taken or (min(groups, key=len) if count else ()))


def encode_rows(
    reading: Reading, encode: Callable[[Any], tuple[R, bool]], limit: int, *, full: bool = False
) -> EncodedRows[R]:
    """Encode all records. `encode` returns a row and whether it was cut at `limit` tokens, and raises StudioError for a
    record that nothing can be learned from. Raises StudioError when that is so for all. full: the model reads no more
    tokens than the limit."""
    rows: EncodedRows[R] = EncodedRows()
    kind, total = reading.kind, reading.total
    cut, reported, left_out = 0, 0.0, list[tuple[int, str]]()
    for position, record in enumerate(reading.records):
        if time.monotonic() - reported >= _REPORT_EVERY:
            reading.report(position, total)
            reported = time.monotonic()
        try:
            row, was_cut = encode(record)
        except StudioError as error:
            left_out.append((position, error.what))
            continue
        cut += was_cut
        (rows.held_out if position in reading.held_out else rows.train).append(row)
    reading.report(total, total)
    if left_out:
        position, reason = left_out[0]
        first = f"The first is {kind.rows.removesuffix('s')} {position + 1:,}: {reason}"
        if not rows.train:
            raise StudioError(
                f"None of the {total:,} {kind.rows} can be learned from. {first}",
                "Choose another dataset or prompt template, or a model that reads more."
                if full
                else "Allow longer examples, or choose another prompt template or dataset.",
            )
        count = f"{len(left_out):,} of {total:,} {kind.rows} {'is' if len(left_out) == 1 else 'are'} left out"
        rows.warnings.append((f"{count}, because nothing can be learned from them.", first))
    if cut:
        rows.warnings.append(
            (
                f"{cut:,} of {total:,} {kind.rows} {'is' if cut == 1 else 'are'} cut at {limit:,} tokens.",
                "Their answers end early, without the end-of-turn token. This model reads no more."
                if full
                else "Their answers end early, without the end-of-turn token. Allow longer examples if memory permits.",
            )
        )
    if not rows.train:
        raise StudioError(
            f"There is no {kind.rows.removesuffix('s')} to train on.", "Choose another dataset, or hold out less of it."
        )
    return rows


def trained_part(encoded: Encoded) -> Encoded:
    """The same, unless nothing of it is trained: then StudioError says why."""
    if not encoded.trained:
        raise StudioError(encoded.warnings[1] if encoded.cut else encoded.warnings[-1])
    return encoded


def warn_of_endless_answers(rows: EncodedRows[Any], encoder: Encoder) -> None:
    """Say so when answers are learned without a token that ends them."""
    if encoder.end_of_turn is None:
        rows.warnings.append(
            (
                "This prompt template ends answers without an end-of-turn token, so the model may never stop talking.",
                "Choose another prompt template.",
            )
        )
