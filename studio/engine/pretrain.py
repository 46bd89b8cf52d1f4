"""Continued pretraining: plain text read as it stands, every token of it learned, by the trainer of `engine.sft`.

Passages are documents: each ends with the tokenizer's EOS, then they are joined and cut into blocks of the longest
length. What is held out are whole passages. Within a block a document sees the ones before it, as is usual.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from studio.core.errors import StudioError
from studio.core.methods import PretrainSettings
from studio.core.records import Passage
from studio.engine.encoding import Encoder
from studio.engine.examples import EncodedRows, Reading, Row, encode_rows
from studio.engine.sft import build_trainer, load

__all__ = ["build_trainer", "encode", "load"]
Ids = NDArray[np.int32]


def encode(reading: Reading, encoder: Encoder, settings: PretrainSettings) -> EncodedRows[Row]:
    """Blocks of passages. Raises StudioError when there is no text."""

    def one(passage: Passage) -> tuple[Ids, bool]:
        if not passage.text.strip():
            raise StudioError("It is empty.")
        return np.array(encoder.passage(passage.text), np.int32), False

    length = encoder.limit(settings.max_length)
    passages = encode_rows(reading, one, length)
    rows = EncodedRows(blocks(passages.train, length), blocks(passages.held_out, length), passages.warnings)
    if not rows.train:
        raise StudioError("The text is a single token, so there is nothing to learn.", "Choose another dataset.")
    return rows


def blocks(documents: Sequence[Ids], length: int) -> list[Row]:
    """The documents end to end, cut every `length` tokens; the last block may be shorter. A block's first token is
    predicted by nothing, so one that is all alone is left away."""
    if not documents:
        return []
    joined = np.concatenate(documents)
    cuts = [joined[first : first + length] for first in range(0, len(joined), length)]
    return [Row(cut, cut) for cut in cuts if len(cut) > 1]
