"""Splitting a dataset in two: one to train on, one to measure with. Equal prompts stay together, so nothing leaks."""

from __future__ import annotations

import random
from collections.abc import Iterator

from studio.core.datasets import DatasetInfo
from studio.core.errors import StudioError
from studio.core.records import Record
from studio.storage.datasets import add_dataset
from studio.storage.duplicates import prompt_key, texts_of
from studio.storage.progress import Cancel, Report, never, quiet
from studio.storage.project import Project

_PARTS = 1_000_000


def split_dataset(
    project: Project,
    dataset: DatasetInfo,
    share: float,
    *,
    seed: int | None = None,
    report: Report = quiet,
    cancelled: Cancel = never,
) -> tuple[DatasetInfo, DatasetInfo]:
    """Two new datasets, “… (train)” and “… (eval)”; `share` of the prompts, about, go to the second.

    Without a seed a prompt's own hash decides: it goes the same way in every dataset and whatever is added later. With
    one, the prompts are shuffled and the share is met as exactly as equal prompts allow. Raises StudioError when one
    side would be empty, Cancelled.
    """
    if not 0 < share < 1:
        raise StudioError(f"A share of {share:g} leaves one side empty.", "Choose one between 0 and 1.")
    held_out = _drawn(project, dataset, share, seed, report, cancelled)

    def half(evaluated: bool) -> Iterator[Record]:
        for _, record in texts_of(project, dataset, report, cancelled):
            if (prompt_key(record) in held_out) == evaluated:
                yield record

    counts = [0, 0]
    for _, record in texts_of(project, dataset, quiet, cancelled):
        counts[prompt_key(record) in held_out] += 1
    if not all(counts):
        raise StudioError(
            f"“{dataset.name}” has too few different prompts to split: one side would be empty.",
            "Choose another share, or split it by chance.",
        )
    made = [
        add_dataset(
            project, f"{dataset.name} ({name})", dataset.source, half(evaluated), kind=dataset.kind_name,
            cancelled=cancelled,
        )
        for name, evaluated in (("train", False), ("eval", True))
    ]  # fmt: skip
    return made[0], made[1]


def _drawn(
    project: Project, dataset: DatasetInfo, share: float, seed: int | None, report: Report, cancelled: Cancel
) -> set[bytes]:
    """The keys of the prompts that are held out."""
    counts: dict[bytes, int] = {}
    for _, record in texts_of(project, dataset, report, cancelled):
        key = prompt_key(record)
        counts[key] = counts.get(key, 0) + 1
    if seed is None:
        return {key for key in counts if int.from_bytes(key[:8]) % _PARTS < share * _PARTS}
    keys = sorted(counts)
    random.Random(seed).shuffle(keys)
    wanted, drawn = share * sum(counts.values()), set[bytes]()
    for key in keys:
        if wanted <= 0:
            break
        if counts[key] <= wanted + 0.5 or not drawn:
            drawn.add(key)
            wanted -= counts[key]
    return drawn
