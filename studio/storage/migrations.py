"""The project database's layout, as numbered steps. `PRAGMA user_version` counts the steps that a file has had.

A step is never edited once released; a change of layout is a new step.
"""

from __future__ import annotations

import sqlite3

from studio.core.errors import StudioError

STEPS: tuple[str, ...] = (
    # 1: datasets are rows of canonical JSON, numbered without gaps so that any page is one index lookup.
    """
    CREATE TABLE about (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE datasets (
        id TEXT PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        source TEXT NOT NULL,
        rows INTEGER NOT NULL,
        content_hash TEXT NOT NULL,
        created TEXT NOT NULL
    );
    CREATE TABLE examples (
        dataset TEXT NOT NULL REFERENCES datasets (id) ON DELETE CASCADE,
        position INTEGER NOT NULL,
        messages TEXT NOT NULL,
        PRIMARY KEY (dataset, position)
    ) WITHOUT ROWID;
    CREATE TABLE models (folder TEXT PRIMARY KEY, added TEXT NOT NULL) WITHOUT ROWID;
    """,
    # 2: a dataset can hold other kinds of records than conversations (core.records.KINDS).
    """
    ALTER TABLE datasets ADD COLUMN kind TEXT NOT NULL DEFAULT 'examples';
    ALTER TABLE examples RENAME COLUMN messages TO record;
    ALTER TABLE examples RENAME TO records;
    """,
)


def migrate(connection: sqlite3.Connection, name: str) -> None:
    """Bring a database to the newest layout, each step in a transaction of its own.

    Raises StudioError when the file is from a newer Plumbline. `name` names the project in the sentence.
    """
    while (version := _version(connection)) != len(STEPS):
        if version > len(STEPS):
            raise StudioError(
                f"“{name}” was made by a newer Plumbline (database layout {version}; this one knows {len(STEPS)}).",
                "Update Plumbline to open it. Nothing was changed.",
            )
        connection.execute("BEGIN IMMEDIATE")
        if _version(connection) == version:  # else another program took the step while this one waited
            for statement in STEPS[version].split(";"):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {version + 1}")
        connection.execute("COMMIT")


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])
