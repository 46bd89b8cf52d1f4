"""Mixing: one dataset out of several of a kind, each with its share, in an order drawn by a seed.

The counts are exact. Each record says which dataset it is from, and what was mixed is kept beside the result.
"""

from __future__ import annotations

import random
import sqlite3
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from studio.core.datasets import DatasetInfo
from studio.core.errors import Cancelled, StudioError
from studio.core.records import Record
from studio.storage.datasets import add_dataset, records_at
from studio.storage.origins import keep_origin
from studio.storage.progress import Cancel, Report, never, quiet
from studio.storage.project import Project
from studio.storage.revisions import SHIFT, order_of

_BATCH = 500


@dataclass(frozen=True, slots=True)
class Part:
    """A dataset with its weight: of weights 3 and 1, three rows of four are of the first."""

    dataset: DatasetInfo
    weight: float


def most_without_repeating(parts: Sequence[Part]) -> int:
    """How many rows a mix of these shares can have before a row comes twice."""
    whole = sum(part.weight for part in parts)
    wanted = [part for part in parts if part.weight > 0]
    total = min((int(part.dataset.rows * whole / part.weight) for part in wanted), default=0)
    while total and any(count > part.dataset.rows for part, count in zip(parts, counts_of(parts, total), strict=True)):
        total -= 1  # rounding may give one part one row too many
    return total


def counts_of(parts: Sequence[Part], total: int) -> list[int]:
    """How many rows of each part, by largest remainders: they add up to `total` exactly."""
    whole = sum(part.weight for part in parts)
    if whole <= 0:
        return [0] * len(parts)
    exact = [total * part.weight / whole for part in parts]
    counts = [int(share) for share in exact]
    by_rest = sorted(range(len(parts)), key=lambda k: (counts[k] - exact[k], k))
    for k in by_rest[: total - sum(counts)]:
        counts[k] += 1
    return counts


def mix_datasets(
    project: Project, parts: Sequence[Part], total: int = 0, *, seed: int = 42, name: str = "",
    report: Report = quiet, cancelled: Cancel = never,
) -> DatasetInfo:  # fmt: skip
    """A new dataset of `total` rows, or of as many as come without a row twice. A part that has fewer than its share
    gives all of them as often as they go into it, and some once more. All or nothing. Raises StudioError, Cancelled."""
    _check(parts)
    total = total or most_without_repeating(parts)
    counts = counts_of(parts, total)
    if not any(counts):
        raise StudioError("The mix would be empty.", "Give at least one dataset a weight above 0.")
    chance = random.Random(seed)
    ids = array("q")
    for part, count in zip(parts, counts, strict=True):
        order = order_of(project, part.dataset)
        times, rest = divmod(count, len(order)) if len(order) else (0, 0)
        for _ in range(times):
            ids.extend(order)
        ids.extend(chance.sample(order, rest))
    chance.shuffle(ids)
    by_number = {part.dataset.number: part.dataset for part in parts}

    def records() -> Iterator[Record]:
        for start in range(0, len(ids), _BATCH):
            if cancelled():
                raise Cancelled
            report(start, len(ids), "")
            batch = ids[start : start + _BATCH]
            found: dict[int, Record] = {}
            for number, dataset in by_number.items():
                own = [identity for identity in batch if identity >> SHIFT == number]
                found |= records_at(project, dataset, own) if own else {}
            yield from (found[identity] for identity in batch)
        report(len(ids), len(ids), "")

    def also(connection: sqlite3.Connection, made: DatasetInfo) -> None:
        first = made.number << SHIFT
        rows = ((by_number[identity >> SHIFT].name, first + k) for k, identity in enumerate(ids))
        connection.executemany("UPDATE records SET source = ? WHERE id = ?", rows)
        taken = [
            {"name": part.dataset.name, "id": part.dataset.id, "content_hash": part.dataset.content_hash,
             "rows": part.dataset.rows, "weight": part.weight, "taken": count}
            for part, count in zip(parts, counts, strict=True)
        ]  # fmt: skip
        keep_origin(connection, made, {"made": "mix", "seed": seed, "total": total, "parts": taken})

    named = " + ".join(part.dataset.name for part, count in zip(parts, counts, strict=True) if count)
    kind = parts[0].dataset.kind_name
    return add_dataset(
        project, name.strip() or f"Mix of {named}", "a mix", records(), kind=kind, cancelled=cancelled, also=also
    )


def _check(parts: Sequence[Part]) -> None:
    kinds = {part.dataset.kind_name for part in parts}
    if len(parts) < 2:
        raise StudioError("A mix needs two datasets or more.", "Tick another one.")
    if len(kinds) > 1:
        raise StudioError(f"{' and '.join(sorted(kinds))} can't be mixed.", "Mix datasets of one kind.")
    if len({part.dataset.id for part in parts}) < len(parts):
        raise StudioError("A dataset is named twice.", "Give it one weight.")
    for part in parts:
        if not 0 <= part.weight < 1e9:
            raise StudioError(f"The weight {part.weight:g} can't be used.", "Choose a number from 0 up.")
