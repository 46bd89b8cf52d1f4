"""Duplicates in a dataset: records that say the same, and records that say nearly the same (MinHash over word triples).

Also what two datasets share, so that nothing is measured on what was trained. Only records are compared; taking them
out is `storage.revisions`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from itertools import islice
from typing import Any, cast

from studio.core.datasets import DatasetInfo
from studio.core.errors import Cancelled
from studio.core.records import Record
from studio.storage.datasets import records_at
from studio.storage.packages import package
from studio.storage.progress import Cancel, Report, never, quiet
from studio.storage.project import Project
from studio.storage.revisions import order_of

_BATCH = 1000
_WORD = re.compile(r"\w+")
_PLACES, _BANDS, _SEED = 128, 32, 42  # of MinHash: 32 bands of 4 find nearly all pairs that share 80 % of their triples
LIKENESS = 0.8


@dataclass(frozen=True, slots=True)
class Group:
    """Records that say the same, by their ids: the first is the one to keep. exact: to the letter, but for spaces."""

    ids: tuple[int, ...]
    exact: bool


def words_of(record: Record) -> str:
    """What a record says, without who says it."""
    turns = record.conversation
    return "\n".join([turn.content for turn in turns] or record.cells) if turns else "\n".join(record.cells)


def texts_of(
    project: Project, dataset: DatasetInfo, report: Report = quiet, cancelled: Cancel = never
) -> Iterator[tuple[int, Record]]:
    """The records of a dataset with their ids, in order."""
    order = order_of(project, dataset)
    for start in range(0, len(order), _BATCH):
        if cancelled():
            raise Cancelled
        report(start, len(order), "")
        ids = order[start : start + _BATCH]
        found = records_at(project, dataset, ids)
        yield from ((identity, found[identity]) for identity in ids if identity in found)
    report(len(order), len(order), "")


def find_duplicates(
    project: Project,
    dataset: DatasetInfo,
    *,
    near: bool = True,
    report: Report = quiet,
    cancelled: Cancel = never,
) -> list[Group]:
    """Groups of records that say the same; with `near` also those that nearly do. The largest groups first."""
    first: dict[bytes, int] = {}
    same: dict[int, list[int]] = {}
    sketches = _Sketches() if near else None
    for identity, record in texts_of(project, dataset, report, cancelled):
        key = _key(record)
        if key in first:
            same.setdefault(first[key], [first[key]]).append(identity)
            continue
        first[key] = identity
        if sketches is not None:
            sketches.add(identity, words_of(record))
    groups = [Group(tuple(ids), True) for ids in same.values()]
    if sketches is not None:
        groups += [Group(tuple(ids), False) for ids in sketches.groups()]
    return sorted(groups, key=lambda group: (-len(group.ids), group.ids))


def shared(
    project: Project, one: DatasetInfo, other: DatasetInfo, report: Report = quiet, cancelled: Cancel = never
) -> list[int]:
    """The ids of records of `one` whose prompt stands in `other` too, spaces and capitals aside."""
    asked = {prompt_key(record) for _, record in texts_of(project, other, report, cancelled)}
    return [identity for identity, record in texts_of(project, one, report, cancelled) if prompt_key(record) in asked]


def _key(record: Record) -> bytes:
    text = " ".join("\x1f".join([*record.cells, words_of(record)]).split())
    return blake2b(text.encode("utf-8", "replace"), digest_size=16).digest()


def prompt_key(record: Record) -> bytes:
    """Names what is asked, spaces and capitals aside; of plain text all of it."""
    return blake2b(" ".join(record.cells[0].lower().split()).encode("utf-8", "replace"), digest_size=16).digest()


class _Sketches:
    """Short sketches of texts; texts that are alike have sketches that agree in many places."""

    def __init__(self) -> None:
        rensa: Any = package("rensa")
        self._sketch: Any = rensa.RMinHash
        self._index: Any = rensa.RMinHashLSH(threshold=LIKENESS, num_perm=_PLACES, num_bands=_BANDS)
        self._parents: dict[int, int] = {}
        self._numbers: list[int] = []
        self._made: list[Any] = []

    def add(self, identity: int, text: str) -> None:
        """Join a text with those before it that it is like."""
        words = _WORD.findall(text.lower())
        if len(words) < 5:  # a few words are alike by chance
            return
        sketch = self._sketch(num_perm=_PLACES, seed=_SEED)
        sketch.update([" ".join(words[k : k + 3]) for k in range(len(words) - 2)])
        number = len(self._made)
        for other in islice(cast("list[int]", self._index.query(sketch)), 50):
            if sketch.jaccard(self._made[other]) >= LIKENESS:
                self._join(identity, self._numbers[other])
                break
        self._index.insert(number, sketch)
        self._made.append(sketch)
        self._numbers.append(identity)

    def _join(self, identity: int, other: int) -> None:
        self._parents[identity] = self._parents.get(other, other)

    def groups(self) -> list[list[int]]:
        """Texts that are alike, with the first of each group at its head."""
        found: dict[int, list[int]] = {}
        for identity, head in self._parents.items():
            found.setdefault(head, [head]).append(identity)
        return list(found.values())
