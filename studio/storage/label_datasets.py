"""Verdicts become datasets of the project, each with a note of the exact labels that went into it.

What verdicts become is `core.conversion`. The note stays when the set or the dataset is deleted, and is found by the
dataset's content hash, which every run keeps in its recipe.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from studio.core.conversion import ALL_CRITERIA, Account, Conversion, convert, counted, judged
from studio.core.datasets import DatasetInfo
from studio.core.errors import StudioError
from studio.core.records import KINDS, Record
from studio.storage.datasets import add_dataset
from studio.storage.label_log import opinions_of
from studio.storage.labels import LabelSet, candidates_of, prompts_of
from studio.storage.project import Project


@dataclass(frozen=True, slots=True)
class LabelsUsed:
    """Which labels a dataset was made of: how many, up to which entry of the log, and a hash over each of them."""

    set_name: str
    conversion: str
    verdicts: int
    last_entry: int
    digest: str

    @property
    def sentence(self) -> str:
        """In words, for the settings of a run."""
        return (
            f"{self.verdicts:,} verdicts of “{self.set_name}”, to entry {self.last_entry:,} (hash {self.digest[:12]})"
        )


@dataclass(frozen=True, slots=True)
class Converted:
    """What a conversion would make, before it is kept."""

    kind: str
    records: list[Record]
    account: Account

    @property
    def sentences(self) -> list[str]:
        """What it used and left out."""
        return self.account.sentences(KINDS[self.kind].count(self.account.rows))


def convert_set(
    connection: sqlite3.Connection, known: LabelSet, conversion: Conversion, criterion: str = ALL_CRITERIA
) -> Converted:
    """Convert what counts in a set now; nothing is written."""
    account = Account()
    opinions = counted(opinions_of(connection, known), conversion)
    texts = {identity: candidate.text for identity, candidate in candidates_of(connection, known).items()}
    groups = judged(opinions, known.plan, prompts_of(connection, known), texts, criterion, account)
    return Converted(conversion.make, convert(groups, known.plan, conversion, account), account)


def make_dataset(
    project: Project, known: LabelSet, conversion: Conversion, criterion: str = ALL_CRITERIA
) -> tuple[DatasetInfo, Converted]:
    """Make a dataset of a set's verdicts. Raises StudioError when they make no row."""
    with project.connect() as connection:
        found = convert_set(connection, known, conversion, criterion)
        if not found.records:
            raise StudioError(
                f"The verdicts of “{known.name}” make no {KINDS[found.kind].rows} yet.",
                "Judge more items, or keep ties and small differences.",
            )
        digest = _digest(connection, found.account.entries)
    used = LabelsUsed(
        known.name,
        json.dumps({**asdict(conversion), "criterion": criterion}),
        found.account.verdicts,
        max(found.account.entries),
        digest,
    )

    def note(connection: sqlite3.Connection, info: DatasetInfo) -> None:
        columns = "dataset, content_hash, label_set, set_name, conversion, verdicts, last_entry, digest"
        values = (info.id, info.content_hash, known.id, *asdict(used).values())
        connection.execute(f"INSERT INTO label_datasets ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)

    name = f"{known.name}, {KINDS[found.kind].rows}"
    source = f"labels of “{known.name}”"
    return add_dataset(project, name, source, found.records, kind=found.kind, also=note), found


def labels_used(project: Project, content_hash: str) -> LabelsUsed | None:
    """The labels that a dataset of this content was made of; None when it was not made of labels."""
    query = (
        "SELECT set_name, conversion, verdicts, last_entry, digest FROM label_datasets "
        "WHERE content_hash = ? ORDER BY last_entry LIMIT 1"
    )
    with project.connect() as connection:
        row = connection.execute(query, (content_hash,)).fetchone()
    return LabelsUsed(*row) if row else None


def _digest(connection: sqlite3.Connection, entries: Sequence[int]) -> str:
    """SHA-256 over the log's entries in order: item, labeller and mark of each."""
    digest = hashlib.sha256()
    wanted = set(entries)
    last = max(entries)
    rows = connection.execute("SELECT id, item, labeller, mark FROM label_log WHERE id <= ? ORDER BY id", (last,))
    for entry, item, labeller, mark in rows:
        if entry in wanted:
            digest.update(json.dumps([entry, item, labeller, mark]).encode() + b"\n")
    return digest.hexdigest()
