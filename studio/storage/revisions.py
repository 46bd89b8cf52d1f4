"""Revisions: the states that a dataset has been in. Each is a change of the one before, and none is ever lost.

A change switches records and tags on or off, so undoing it is doing it again, and any earlier state is the present one
with some records switched: a run finds exactly what it was trained on. An edited record is a new one in the old one's
place. What is searched and filtered is `storage.search`.
"""

from __future__ import annotations

import hashlib
import sqlite3
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from studio.core.datasets import DatasetInfo
from studio.core.errors import StudioError
from studio.core.records import Record
from studio.storage.project import Project, now

SHIFT = 32  # bits of an id below the dataset's number


@dataclass(frozen=True, slots=True)
class Revision:
    """A state of a dataset: what was changed to come to it."""

    id: int
    parent: int | None
    what: str
    created: str
    rows: int
    content_hash: str


_COLUMNS = "id, parent, what, created, rows, content_hash"


def history(project: Project, dataset: DatasetInfo) -> list[Revision]:
    """All revisions, the newest first."""
    with project.connect() as connection:
        query = f"SELECT {_COLUMNS} FROM revisions WHERE dataset = ? ORDER BY id DESC"
        return [Revision(*row) for row in connection.execute(query, (dataset.number,))]


def at_hash(project: Project, dataset: DatasetInfo, content_hash: str) -> DatasetInfo | None:
    """The dataset as it was when it had this content; None when it never had."""
    if content_hash == dataset.content_hash:
        return dataset
    with project.connect() as connection:
        query = "SELECT id, rows FROM revisions WHERE dataset = ? AND content_hash = ? ORDER BY id DESC"
        found = connection.execute(query, (dataset.number, content_hash)).fetchone()
    return None if found is None else replace(dataset, revision=found[0], rows=found[1], content_hash=content_hash)


def order_of(project: Project, dataset: DatasetInfo) -> Sequence[int]:
    """The ids of the records of a revision, in order."""
    with project.connect() as connection:
        return _order(connection, dataset)


def _order(connection: sqlite3.Connection, dataset: DatasetInfo) -> Sequence[int]:
    # Both are indexes of few rows: a dataset of a million, never changed, costs nothing here.
    first, last = dataset.number << SHIFT, _last_id(connection, dataset.number)
    bounds = (first, last)
    gone = {
        row[0] for row in connection.execute("SELECT id FROM records WHERE live = 0 AND id BETWEEN ? AND ?", bounds)
    }
    query = "SELECT id, place FROM records WHERE place IS NOT NULL AND id BETWEEN ? AND ?"
    placed = dict(connection.execute(query, bounds).fetchall())
    current = connection.execute("SELECT revision FROM datasets WHERE number = ?", (dataset.number,)).fetchone()
    if current is not None and current[0] != dataset.revision:
        gone ^= _between(connection, current[0], dataset.revision)
    ids = range(first, last + 1)
    if not gone and not placed:
        return ids
    kept = array("q", (identity for identity in ids if identity not in gone))
    if any(identity not in gone for identity in placed):
        kept = array("q", sorted(kept, key=lambda identity: (placed.get(identity, identity), identity)))
    return kept


def ids_between(number: int) -> tuple[int, int]:
    """The first and the last id that a record of a dataset can have."""
    return number << SHIFT, ((number + 1) << SHIFT) - 1


def _last_id(connection: sqlite3.Connection, number: int) -> int:
    """The newest record's id; one less than the first possible when there is none."""
    query = "SELECT max(id) FROM records WHERE id BETWEEN ? AND ?"
    (found,) = connection.execute(query, ids_between(number)).fetchone()
    return (number << SHIFT) - 1 if found is None else int(found)


def _between(connection: sqlite3.Connection, one: int, other: int) -> set[int]:
    """The records that are switched on the way from a revision to another, over the one that both come from."""
    switched: set[int] = set()
    parents = dict[int, int | None]()

    def path(revision: int | None) -> list[int]:
        steps: list[int] = []
        while revision is not None:
            steps.append(revision)
            if revision not in parents:
                row = connection.execute("SELECT parent FROM revisions WHERE id = ?", (revision,)).fetchone()
                parents[revision] = row[0] if row else None
            revision = parents[revision]
        return steps

    for revision in set(path(one)) ^ set(path(other)):
        query = "SELECT record FROM changes WHERE revision = ?"
        switched ^= {row[0] for row in connection.execute(query, (revision,))}
    return switched


# -------------------------------------------------------------------------------------------- changes


def delete_records(project: Project, dataset: DatasetInfo, ids: Sequence[int]) -> DatasetInfo:
    """Take records out. Raises StudioError when none would be left."""
    if len(ids) >= dataset.rows:
        raise StudioError(f"Nothing would be left of “{dataset.name}”.", "Delete the dataset instead.")
    with project.writing() as connection:
        revision = _begin(connection, dataset, f"Deleted {dataset.kind.count(len(ids))}", -len(ids))
        _note(connection, revision, ids)
        return _finish(connection, dataset, revision)


def replace_record(project: Project, dataset: DatasetInfo, old: int, record: Record) -> tuple[DatasetInfo, int]:
    """Put another record in one's place; also its new id."""
    with project.writing() as connection:
        identity = _last_id(connection, dataset.number) + 1
        found = connection.execute("SELECT place, source FROM records WHERE id = ?", (old,)).fetchone()
        place, source = (None, None) if found is None else found
        values = (identity, old if place is None else place, source, record.to_json())
        connection.execute("INSERT INTO records (id, place, live, source, record) VALUES (?, ?, 0, ?, ?)", values)
        connection.execute(
            "INSERT INTO tags (record, tag) SELECT ?, tag FROM tags WHERE record = ? AND live", (identity, old)
        )
        revision = _begin(connection, dataset, f"Edited {_one(dataset)}", 0)
        _note(connection, revision, (old, identity))
        return _finish(connection, dataset, revision), identity


def add_records(
    project: Project, dataset: DatasetInfo, records: Iterable[Record], source: str = "by hand"
) -> tuple[DatasetInfo, list[int]]:
    """Add records at the end; also their ids."""
    with project.writing() as connection:
        first = _last_id(connection, dataset.number) + 1
        rows = [(first + k, source, record.to_json()) for k, record in enumerate(records)]
        connection.executemany("INSERT INTO records (id, live, source, record) VALUES (?, 0, ?, ?)", rows)
        ids = [row[0] for row in rows]
        revision = _begin(connection, dataset, f"Added {dataset.kind.count(len(ids))}", len(ids))
        _note(connection, revision, ids)
        return _finish(connection, dataset, revision), ids


def tag_records(project: Project, dataset: DatasetInfo, ids: Sequence[int], tag: str, *, on: bool) -> DatasetInfo:
    """Give records a tag, or take it away. What they hold stays the same, so the content's name does too."""
    if not tag.strip():
        raise StudioError("A tag needs a name.", "Type one.")
    tag = tag.strip()
    with project.writing() as connection:
        _list(connection, ids)
        if on:
            before = connection.execute("SELECT coalesce(max(id), 0) FROM tags").fetchone()[0]
            connection.execute(
                "INSERT INTO tags (record, tag, live) SELECT id, :tag, 0 FROM temp.listed WHERE NOT EXISTS"
                " (SELECT 1 FROM tags WHERE record = listed.id AND tag = :tag AND live)",
                {"tag": tag},
            )
            query = "SELECT id FROM tags WHERE id > ?"
            switched = [row[0] for row in connection.execute(query, (before,))]
        else:
            query = "SELECT id FROM tags WHERE tag = ? AND live AND record IN (SELECT id FROM temp.listed)"
            switched = [row[0] for row in connection.execute(query, (tag,))]
        if not switched:
            return dataset
        what = f"{'Tagged' if on else 'Untagged'} {dataset.kind.count(len(ids))} “{tag}”"
        revision = _begin(connection, dataset, what, 0)
        connection.executemany("INSERT INTO tag_changes VALUES (?, ?)", [(revision, one) for one in switched])
        return _finish(connection, dataset, revision)


def undo(project: Project, dataset: DatasetInfo) -> tuple[DatasetInfo, str]:
    """Go back to the revision before; also what was undone. Raises StudioError when there is none."""
    with project.writing() as connection:
        parent, what = connection.execute(
            "SELECT parent, what FROM revisions WHERE id = ?", (dataset.revision,)
        ).fetchone()
        if parent is None:
            raise StudioError(f"There is nothing to undo in “{dataset.name}”.")
        _switch(connection, dataset.revision)
        return _moved(connection, dataset, parent), what


def redo(project: Project, dataset: DatasetInfo) -> tuple[DatasetInfo, str]:
    """Go on to the revision that was undone last; also what was done again. Raises StudioError when there is none."""
    with project.writing() as connection:
        found = connection.execute(
            "SELECT id, what FROM revisions WHERE parent = ? ORDER BY id DESC", (dataset.revision,)
        ).fetchone()
        if found is None:
            raise StudioError(f"There is nothing to do again in “{dataset.name}”.")
        _switch(connection, found[0])
        return _moved(connection, dataset, found[0]), found[1]


def can_undo_redo(project: Project, dataset: DatasetInfo) -> tuple[str, str]:
    """What undoing would undo and redoing do, each empty when there is nothing."""
    with project.connect() as connection:
        back = connection.execute(
            "SELECT what FROM revisions WHERE id = ? AND parent IS NOT NULL", (dataset.revision,)
        ).fetchone()
        on = connection.execute(
            "SELECT what FROM revisions WHERE parent = ? ORDER BY id DESC", (dataset.revision,)
        ).fetchone()
    return back[0] if back else "", on[0] if on else ""


def _begin(connection: sqlite3.Connection, dataset: DatasetInfo, what: str, more: int) -> int:
    row = connection.execute("SELECT revision FROM datasets WHERE number = ?", (dataset.number,)).fetchone()
    if row is None:
        raise StudioError(f"The dataset “{dataset.name}” is gone.", "It was deleted meanwhile.")
    if row[0] != dataset.revision:
        raise StudioError(f"“{dataset.name}” was changed by another program.", "Look at it again, then change it.")
    values = (dataset.number, dataset.revision, what, now(), dataset.rows + more, dataset.content_hash)
    cursor = connection.execute(
        "INSERT INTO revisions (dataset, parent, what, created, rows, content_hash) VALUES (?, ?, ?, ?, ?, ?)", values
    )
    return int(cursor.lastrowid or 0)


def _list(connection: sqlite3.Connection, ids: Iterable[int]) -> None:
    connection.execute("CREATE TEMP TABLE IF NOT EXISTS listed (id INTEGER PRIMARY KEY)")
    connection.execute("DELETE FROM temp.listed")
    connection.executemany("INSERT OR IGNORE INTO temp.listed VALUES (?)", ((identity,) for identity in ids))


def _note(connection: sqlite3.Connection, revision: int, ids: Iterable[int]) -> None:
    connection.executemany("INSERT INTO changes VALUES (?, ?)", ((revision, identity) for identity in ids))


def _finish(connection: sqlite3.Connection, dataset: DatasetInfo, revision: int) -> DatasetInfo:
    """Name the new content: the old name with all that changed, so equal names mean equal content."""
    number = dataset.number << SHIFT
    digest, changed = hashlib.sha256(dataset.content_hash.encode()), False
    query = (
        "SELECT id, coalesce(place, id), live, record FROM records"
        " WHERE id IN (SELECT record FROM changes WHERE revision = ?) ORDER BY id"
    )
    for identity, place, live, record in connection.execute(query, (revision,)):
        digest.update(f"{identity - number} {place - number} {live} {record}\n".encode())
        changed = True
    if changed:
        connection.execute("UPDATE revisions SET content_hash = ? WHERE id = ?", (digest.hexdigest(), revision))
    _switch(connection, revision)
    return _moved(connection, dataset, revision)


def _switch(connection: sqlite3.Connection, revision: int) -> None:
    connection.execute(
        "UPDATE records SET live = 1 - live WHERE id IN (SELECT record FROM changes WHERE revision = ?)", (revision,)
    )
    connection.execute(
        "UPDATE tags SET live = 1 - live WHERE id IN (SELECT tag FROM tag_changes WHERE revision = ?)", (revision,)
    )


def _moved(connection: sqlite3.Connection, dataset: DatasetInfo, revision: int) -> DatasetInfo:
    rows, content_hash = connection.execute(
        "SELECT rows, content_hash FROM revisions WHERE id = ?", (revision,)
    ).fetchone()
    connection.execute(
        "UPDATE datasets SET revision = ?, rows = ?, content_hash = ? WHERE number = ?",
        (revision, rows, content_hash, dataset.number),
    )
    return replace(dataset, revision=revision, rows=rows, content_hash=content_hash)


def _one(dataset: DatasetInfo) -> str:
    return f"one {dataset.kind.rows.removesuffix('s')}"
