"""How long the records of a dataset are: in characters, or in tokens of a model. No template is put around them."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from studio.core.datasets import DatasetInfo
from studio.core.errors import StudioError
from studio.storage.duplicates import texts_of, words_of
from studio.storage.packages import package
from studio.storage.progress import Cancel, Report, never, quiet
from studio.storage.project import Project

_BATCH = 500


@dataclass(frozen=True, slots=True)
class Lengths:
    """unit: "characters" or "tokens". values: ascending."""

    unit: str
    values: tuple[int, ...]

    def quantile(self, share: float) -> int:
        """The length that this share of the records does not exceed."""
        return self.values[min(len(self.values) - 1, int(share * len(self.values)))]

    def bars(self, count: int = 40) -> list[tuple[int, int, int]]:
        """(from, to, how many) for bars of equal width; the last holds all that is longer than nearly all others."""
        low, high = self.values[0], max(self.quantile(0.995), self.values[0] + 1)
        width = max(1, -(-(high - low + 1) // count))
        bars = [0] * (-(-(high - low + 1) // width))
        for value in self.values:
            bars[min((value - low) // width, len(bars) - 1)] += 1
        ends = [(low + k * width, low + (k + 1) * width - 1) for k in range(len(bars))]
        ends[-1] = (ends[-1][0], max(self.values[-1], ends[-1][1]))
        return [(start, end, many) for (start, end), many in zip(ends, bars, strict=True)]


def lengths_of(
    project: Project,
    dataset: DatasetInfo,
    model: Path | None = None,
    report: Report = quiet,
    cancelled: Cancel = never,
) -> Lengths:
    """The lengths of all records. model: a folder whose tokenizer counts; none for characters. Raises StudioError."""
    measure = _characters if model is None else _tokens(model)
    values: list[int] = []
    texts: list[str] = []
    for _, record in texts_of(project, dataset, report, cancelled):
        texts.append(words_of(record))
        if len(texts) == _BATCH:
            values += measure(texts)
            texts.clear()
    values += measure(texts) if texts else []
    return Lengths("characters" if model is None else "tokens", tuple(sorted(values)))


def _characters(texts: list[str]) -> list[int]:
    return [len(text) for text in texts]


def _tokens(model: Path) -> Callable[[list[str]], list[int]]:
    file = model / "tokenizer.json"
    if not os.path.isfile(file):
        raise StudioError(f"“{model.name}” has no tokenizer.json to count tokens with.", "Choose another model.")
    tokenizers = package("tokenizers")
    try:
        tokenizer: Any = tokenizers.Tokenizer.from_file(str(file))
    except Exception as error:  # the library raises nothing more particular
        raise StudioError(
            f"The tokenizer of “{model.name}” can't be read: {error}.", "Choose another model."
        ) from error
    tokenizer.no_truncation()
    tokenizer.no_padding()

    def measure(texts: list[str]) -> list[int]:
        # A lone half of a character is one that no tokenizer takes.
        whole = [text.encode("utf-8", "replace").decode() for text in texts]
        return [len(one.ids) for one in tokenizer.encode_batch(whole, add_special_tokens=False)]

    return measure
