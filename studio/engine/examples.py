"""Examples: a dataset's rows encoded for training, with a part held out. What has nothing to learn from is left out."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from studio.core.errors import StudioError
from studio.core.messages import Example
from studio.engine.encoding import Encoder

IGNORED = -100  # a label that the loss doesn't count, as everywhere in torch and transformers
_REPORT_EVERY = 0.2  # seconds


@dataclass(frozen=True, slots=True)
class Row:
    """One encoded example: its token ids, and the labels, which are the ids where the loss counts them."""

    ids: NDArray[np.int32]
    labels: NDArray[np.int32]


@dataclass(slots=True)
class EncodedRows:
    """What is trained on, what is held out, and sentences about rows that were cut or left out."""

    train: list[Row] = field(default_factory=list[Row])
    held_out: list[Row] = field(default_factory=list[Row])
    warnings: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])


def held_out_positions(rows: int, count: int, seed: int) -> frozenset[int]:
    """Which `count` of the rows are never trained on: the same ones for the same seed."""
    return frozenset(random.Random(seed).sample(range(rows), count))


def encode_examples(
    examples: Iterable[Example],
    total: int,
    encoder: Encoder,
    *,
    max_length: int,
    train_on: str,
    held_out: frozenset[int],
    report: Callable[[int, int], None],
) -> EncodedRows:
    """Encode all examples, calling `report(done, total)` now and then; it may raise to end the work.

    Raises StudioError when no example has anything to learn from.
    """
    rows, cut, reported = EncodedRows(), 0, 0.0
    left_out: list[tuple[int, str]] = []
    for position, example in enumerate(examples):
        if time.monotonic() - reported >= _REPORT_EVERY:
            report(position, total)
            reported = time.monotonic()
        try:
            encoded = encoder.encode(example.messages, max_length=max_length, train_on=train_on)
        except StudioError as error:
            left_out.append((position, error.what))
            continue
        if not encoded.trained:
            left_out.append((position, encoded.warnings[-1] if not encoded.cut else encoded.warnings[1]))
            continue
        cut += encoded.cut
        ids = np.array(encoded.ids, dtype=np.int32)
        labels = np.where(np.array(encoded.mask), ids, np.int32(IGNORED))
        (rows.held_out if position in held_out else rows.train).append(Row(ids, labels))
    report(total, total)
    if left_out:
        position, reason = left_out[0]
        first = f"The first is example {position + 1:,}: {reason}"
        if not rows.train:
            raise StudioError(
                f"None of the {total:,} examples can be learned from. {first}",
                "Allow longer examples, or choose another prompt template or dataset.",
            )
        count = f"{len(left_out):,} of {total:,} examples {'is' if len(left_out) == 1 else 'are'} left out"
        rows.warnings.append((f"{count}, because nothing can be learned from them.", first))
    if cut:
        limit = min(max_length, encoder.context or max_length)
        verb = "is" if cut == 1 else "are"
        rows.warnings.append(
            (
                f"{cut:,} of {total:,} examples {verb} cut at {limit:,} tokens.",
                "Their answers end early, without the end-of-turn token. Allow longer examples if memory permits.",
            )
        )
    if encoder.end_of_turn is None and train_on == "answers":
        rows.warnings.append(
            (
                "This prompt template ends answers without an end-of-turn token, so the model may never stop talking.",
                "Choose another prompt template.",
            )
        )
    if not rows.train:
        raise StudioError("There is no example to train on.", "Choose another dataset, or hold out less of it.")
    return rows
