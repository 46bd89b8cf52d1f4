"""Datasets in a project's database: added in one transaction, read by page, hashed so that a run can name its data."""

from __future__ import annotations

import hashlib
import secrets
import sqlite3
from collections.abc import Callable, Iterable, Iterator

from studio.core.datasets import DatasetInfo
from studio.core.errors import Cancelled, StudioError, did_you_mean
from studio.core.records import KINDS, Record
from studio.storage.project import Project, now

_COLUMNS = "id, name, source, rows, content_hash, created, kind"
_BATCH = 500


def list_datasets(project: Project) -> list[DatasetInfo]:
    """All datasets, newest first."""
    with project.connect() as connection:
        found = connection.execute(f"SELECT {_COLUMNS} FROM datasets ORDER BY created DESC, name")
        return [DatasetInfo(*row) for row in found]


def find_dataset(project: Project, id_or_name: str) -> DatasetInfo:
    """The dataset with that id or name. Raises StudioError when there is none."""
    with project.connect() as connection:
        query = f"SELECT {_COLUMNS} FROM datasets WHERE id = ?1 OR name = ?1 ORDER BY id = ?1 DESC"
        row = connection.execute(query, (id_or_name,)).fetchone()
    if row is None:
        names = [info.name for info in list_datasets(project)]
        known = did_you_mean(id_or_name, names) or (f"It has {', '.join(names[:5])}." if names else "Import one first.")
        raise StudioError(f"The project “{project.name}” has no dataset “{id_or_name}”.", known)
    return DatasetInfo(*row)


def page_of(project: Project, dataset: DatasetInfo, first: int, count: int) -> list[Record]:
    """Up to `count` records from position `first` (from 0)."""
    query = "SELECT record FROM records WHERE dataset = ? AND position >= ? AND position < ? ORDER BY position"
    with project.connect() as connection:
        found = connection.execute(query, (dataset.id, first, first + count))
        return [dataset.kind.read(text) for (text,) in found]


def records_of(project: Project, dataset: DatasetInfo) -> Iterator[Record]:
    """All records in order, read page by page."""
    first = 0
    while page := page_of(project, dataset, first, _BATCH):
        yield from page
        first += len(page)


def longest_record(project: Project, dataset: DatasetInfo) -> int:
    """Bytes of the longest record as it is kept. All of them are looked at, so a window asks in a thread."""
    query = "SELECT MAX(LENGTH(CAST(record AS BLOB))) FROM records WHERE dataset = ?"
    with project.connect() as connection:
        (found,) = connection.execute(query, (dataset.id,)).fetchone()
    return int(found or 0)


def add_dataset(
    project: Project,
    name: str,
    source: str,
    records: Iterable[Record],
    *,
    kind: str = "examples",
    cancelled: Callable[[], bool] = lambda: False,
    also: Callable[[sqlite3.Connection, DatasetInfo], None] | None = None,
) -> DatasetInfo:
    """Store records of one kind as a new dataset, all or nothing. A taken name gets a number behind it.

    `also` writes what belongs to the dataset in the same transaction.
    Raises StudioError when there is no record or the disk is full, Cancelled when `cancelled` turns true.
    """
    identity, digest, rows = secrets.token_hex(8), hashlib.sha256(), 0
    batch: list[tuple[str, int, str]] = []
    with project.writing() as connection:
        free = _free_name(connection, name.strip() or "dataset")
        values = (identity, free, source, 0, "", now(), KINDS[kind].name)
        connection.execute(f"INSERT INTO datasets ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)", values)
        for record in records:
            text = record.to_json()
            digest.update(text.encode("utf-8", "surrogatepass") + b"\n")
            batch.append((identity, rows, text))
            rows += 1
            if len(batch) == _BATCH:
                _insert(connection, batch, cancelled)
        _insert(connection, batch, cancelled)
        if rows == 0:
            raise StudioError(f"“{source}” has no row that can be used.", "Choose another file, or correct this one.")
        info = DatasetInfo(identity, free, source, rows, digest.hexdigest(), values[5], kind)
        connection.execute(
            "UPDATE datasets SET rows = ?, content_hash = ? WHERE id = ?", (rows, info.content_hash, identity)
        )
        if also is not None:
            also(connection, info)
    return info


def _insert(connection: sqlite3.Connection, batch: list[tuple[str, int, str]], cancelled: Callable[[], bool]) -> None:
    if cancelled():
        raise Cancelled
    connection.executemany("INSERT INTO records (dataset, position, record) VALUES (?, ?, ?)", batch)
    batch.clear()


def _free_name(connection: sqlite3.Connection, name: str) -> str:
    taken = {row[0] for row in connection.execute("SELECT name FROM datasets")}
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name} ({number})"
    return free


def rename_dataset(project: Project, dataset: str, name: str) -> None:
    """Give a dataset another name. Raises StudioError for an empty or taken one."""
    if not name.strip():
        raise StudioError("A dataset needs a name.", "Type one.")
    with project.writing() as connection:
        taken = connection.execute(
            "SELECT 1 FROM datasets WHERE name = ? AND id <> ?", (name.strip(), dataset)
        ).fetchone()
        if taken:
            raise StudioError(f"There is already a dataset called “{name.strip()}”.", "Choose another name.")
        connection.execute("UPDATE datasets SET name = ? WHERE id = ?", (name.strip(), dataset))


def delete_dataset(project: Project, dataset: str) -> None:
    """Remove a dataset and its records. Runs that used it keep their adapters but can't be resumed."""
    with project.writing() as connection:
        connection.execute("DELETE FROM datasets WHERE id = ?", (dataset,))
