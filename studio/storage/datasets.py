"""Datasets in a project's database: added in one transaction, read by key, hashed so that a run can name its data.

Changing one is `storage.revisions`.
"""

from __future__ import annotations

import hashlib
import secrets
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

from studio.core.datasets import DatasetInfo
from studio.core.errors import Cancelled, StudioError, did_you_mean
from studio.core.records import KINDS, Record
from studio.storage.project import Project, now
from studio.storage.revisions import SHIFT, ids_between, order_of

_COLUMNS = "id, name, source, rows, content_hash, created, kind, number, revision"
_BATCH = 500
_FIRST = "Imported"  # what the first state of a dataset is called


def list_datasets(project: Project) -> list[DatasetInfo]:
    """All datasets, newest first."""
    with project.connect() as connection:
        found = connection.execute(f"SELECT {_COLUMNS} FROM datasets ORDER BY created DESC, rowid DESC")
        return [DatasetInfo(*row) for row in found]


def find_dataset(project: Project, id_or_name: str) -> DatasetInfo:
    """The dataset with that id or name. Raises StudioError when there is none."""
    with project.connect() as connection:
        query = f"SELECT {_COLUMNS} FROM datasets WHERE id = :asked OR name = :asked ORDER BY id = :asked DESC"
        row = connection.execute(query, {"asked": id_or_name}).fetchone()
    if row is None:
        names = [info.name for info in list_datasets(project)]
        known = did_you_mean(id_or_name, names) or (f"It has {', '.join(names[:5])}." if names else "Import one first.")
        raise StudioError(f"The project “{project.name}” has no dataset “{id_or_name}”.", known)
    return DatasetInfo(*row)


def records_at(project: Project, dataset: DatasetInfo, ids: Sequence[int]) -> dict[int, Record]:
    """The records of those ids that there are."""
    with project.connect() as connection:
        return dict(_read(connection, dataset, ids))


def _read(connection: sqlite3.Connection, dataset: DatasetInfo, ids: Sequence[int]) -> Iterator[tuple[int, Record]]:
    if isinstance(ids, range):  # as they stand in the file
        query, values = "SELECT id, record FROM records WHERE id BETWEEN ? AND ?", (ids.start, ids.stop - 1)
    else:
        query, values = "SELECT id, record FROM records WHERE id IN (SELECT value FROM json_each(?))", (str(list(ids)),)
    read = dataset.kind.read
    return ((identity, read(text)) for identity, text in connection.execute(query, values))


def records_of(project: Project, dataset: DatasetInfo) -> Iterator[Record]:
    """All records of a revision in order, read some at a time."""
    order = order_of(project, dataset)
    for start in range(0, len(order), _BATCH):
        ids = order[start : start + _BATCH]
        found = records_at(project, dataset, ids)
        yield from (found[identity] for identity in ids if identity in found)


def longest_record(project: Project, dataset: DatasetInfo) -> int:
    """Bytes of the longest record as it is kept. All of them are looked at, so a window asks in a thread."""
    query = "SELECT MAX(LENGTH(CAST(record AS BLOB))) FROM records WHERE id BETWEEN ? AND ?"
    with project.connect() as connection:
        (found,) = connection.execute(query, ids_between(dataset.number)).fetchone()
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
    with project.writing() as connection:
        free = _free_name(connection, name.strip() or "dataset")
        made = "UPDATE counters SET value = value + 1 WHERE name = 'datasets' RETURNING value"
        number = int(connection.execute(made).fetchone()[0])
        values = (identity, free, source, 0, "", now(), KINDS[kind].name, number, 0)
        connection.execute(f"INSERT INTO datasets ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", values)
        first, wanted = number << SHIFT, iter(records)
        # One statement for a whole batch: SQLite then works without Python in between, and on the other core.
        while texts := [record.to_json() for record in islice(wanted, _BATCH)]:
            if cancelled():
                raise Cancelled
            digest.update(("\n".join(texts) + "\n").encode("utf-8", "surrogatepass"))
            parameters: list[object] = [None] * (2 * len(texts))
            parameters[::2], parameters[1::2] = range(first + rows, first + rows + len(texts)), texts
            places = ",".join(["(?,?)"] * len(texts))
            connection.execute(f"INSERT INTO records (id, record) VALUES {places}", parameters)
            rows += len(texts)
        if rows == 0:
            raise StudioError(f"“{source}” has no row that can be used.", "Choose another file, or correct this one.")
        cursor = connection.execute(
            "INSERT INTO revisions (dataset, what, created, rows, content_hash) VALUES (?, ?, ?, ?, ?)",
            (number, _FIRST, values[5], rows, digest.hexdigest()),
        )
        info = DatasetInfo(
            identity, free, source, rows, digest.hexdigest(), values[5], kind, number, int(cursor.lastrowid or 0)
        )
        connection.execute(
            "UPDATE datasets SET rows = ?, content_hash = ?, revision = ? WHERE id = ?",
            (rows, info.content_hash, info.revision, identity),
        )
        if also is not None:
            also(connection, info)
    return info


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
        row = connection.execute("DELETE FROM datasets WHERE id = ? RETURNING number", (dataset,)).fetchone()
        if row is None:
            return
        for table, column in (("records", "id"), ("tags", "record")):
            connection.execute(f"DELETE FROM {table} WHERE {column} BETWEEN ? AND ?", ids_between(row[0]))
        for table in ("changes", "tag_changes"):
            connection.execute(
                f"DELETE FROM {table} WHERE revision IN (SELECT id FROM revisions WHERE dataset = ?)", (row[0],)
            )
        connection.execute("DELETE FROM revisions WHERE dataset = ?", (row[0],))
        connection.execute("DELETE FROM origins WHERE dataset = ?", (dataset,))
