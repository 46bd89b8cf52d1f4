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
    # 3: labelling sets. What is said of an item is a log that only grows; label_now points to the entry that counts.
    """
    CREATE TABLE label_sets (
        id TEXT PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        plan TEXT NOT NULL,
        writing TEXT NOT NULL,
        created TEXT NOT NULL
    );
    CREATE TABLE label_prompts (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        label_set TEXT NOT NULL REFERENCES label_sets (id) ON DELETE CASCADE,
        position INTEGER NOT NULL,
        prompt TEXT NOT NULL,
        state INTEGER NOT NULL,
        UNIQUE (label_set, position)
    );
    CREATE INDEX label_prompts_waiting ON label_prompts (label_set, state, position);
    CREATE TABLE candidates (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        prompt INTEGER NOT NULL REFERENCES label_prompts (id) ON DELETE CASCADE,
        text TEXT NOT NULL,
        author TEXT NOT NULL,
        sampling TEXT NOT NULL
    );
    CREATE INDEX candidates_of_prompt ON candidates (prompt);
    CREATE TABLE label_items (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        label_set TEXT NOT NULL REFERENCES label_sets (id) ON DELETE CASCADE,
        prompt INTEGER NOT NULL REFERENCES label_prompts (id) ON DELETE CASCADE,
        candidates TEXT NOT NULL,
        position REAL NOT NULL,
        shuffle REAL NOT NULL,
        margin REAL,
        repeat_of INTEGER
    );
    CREATE INDEX label_items_in_order ON label_items (label_set, position);
    CREATE INDEX label_items_of_prompt ON label_items (prompt);
    CREATE TABLE label_log (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        label_set TEXT NOT NULL REFERENCES label_sets (id) ON DELETE CASCADE,
        item INTEGER NOT NULL,
        labeller TEXT NOT NULL,
        machine INTEGER NOT NULL,
        at TEXT NOT NULL,
        action TEXT NOT NULL,
        mark TEXT,
        target INTEGER,
        before INTEGER
    );
    CREATE INDEX label_log_of_labeller ON label_log (label_set, labeller, id);
    CREATE TABLE label_now (
        item INTEGER NOT NULL REFERENCES label_items (id) ON DELETE CASCADE,
        labeller TEXT NOT NULL,
        machine INTEGER NOT NULL,
        entry INTEGER NOT NULL,
        status TEXT NOT NULL,
        flagged INTEGER NOT NULL,
        PRIMARY KEY (item, labeller)
    ) WITHOUT ROWID;
    CREATE TABLE label_datasets (
        dataset TEXT PRIMARY KEY,
        content_hash TEXT NOT NULL,
        label_set TEXT NOT NULL,
        set_name TEXT NOT NULL,
        conversion TEXT NOT NULL,
        verdicts INTEGER NOT NULL,
        last_entry INTEGER NOT NULL,
        digest TEXT NOT NULL
    ) WITHOUT ROWID;
    """,
    # 4: records are never changed. A dataset's number is the upper half of its records' ids, so they stand together and
    # no index is needed to find them; `place` is whose place in the order a later one takes; `live` says that the
    # dataset as it is now has it. A revision switches records (and tags) on or off: undoing it is doing it again.
    """
    ALTER TABLE datasets ADD COLUMN number INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE datasets ADD COLUMN revision INTEGER NOT NULL DEFAULT 0;
    UPDATE datasets SET number = rowid;
    CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
    INSERT INTO counters VALUES ('datasets', (SELECT coalesce(max(number), 0) FROM datasets));
    ALTER TABLE records RENAME TO old_records;
    CREATE TABLE records (
        id INTEGER PRIMARY KEY,
        place INTEGER,
        live INTEGER NOT NULL DEFAULT 1,
        source TEXT,
        record TEXT NOT NULL
    );
    INSERT INTO records (id, record)
        SELECT (datasets.number << 32) + position, record FROM old_records JOIN datasets ON datasets.id = dataset
        ORDER BY 1;
    DROP TABLE old_records;
    CREATE INDEX placed ON records (id) WHERE place IS NOT NULL;
    CREATE INDEX dead ON records (id) WHERE live = 0;
    CREATE TABLE revisions (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        dataset INTEGER NOT NULL,
        parent INTEGER,
        what TEXT NOT NULL,
        created TEXT NOT NULL,
        rows INTEGER NOT NULL,
        content_hash TEXT NOT NULL
    );
    CREATE INDEX revisions_of ON revisions (dataset);
    INSERT INTO revisions (dataset, what, created, rows, content_hash)
        SELECT number, 'Imported', created, rows, content_hash FROM datasets;
    UPDATE datasets SET revision = (SELECT id FROM revisions WHERE dataset = datasets.number);
    CREATE TABLE changes (
        revision INTEGER NOT NULL,
        record INTEGER NOT NULL,
        PRIMARY KEY (revision, record)
    ) WITHOUT ROWID;
    CREATE TABLE tags (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        record INTEGER NOT NULL,
        tag TEXT NOT NULL,
        live INTEGER NOT NULL DEFAULT 1
    );
    CREATE INDEX tags_of ON tags (record);
    CREATE TABLE tag_changes (
        revision INTEGER NOT NULL,
        tag INTEGER NOT NULL,
        PRIMARY KEY (revision, tag)
    ) WITHOUT ROWID;
    CREATE TABLE layouts (columns TEXT PRIMARY KEY, layout TEXT NOT NULL) WITHOUT ROWID;
    """,
    # 5: the few records that no file brought are found without looking at the others.
    """
    CREATE INDEX sourced ON records (source) WHERE source IS NOT NULL;
    """,
    # 6: prompt templates of one's own; how a dataset was made from others or by a model, in one JSON document.
    """
    CREATE TABLE prompt_templates (name TEXT PRIMARY KEY, jinja TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE origins (dataset TEXT PRIMARY KEY, origin TEXT NOT NULL) WITHOUT ROWID;
    """,
    # 7: adapters that lie elsewhere, each with the base model that it was trained on.
    """
    CREATE TABLE adapters (folder TEXT PRIMARY KEY, base TEXT NOT NULL, added TEXT NOT NULL) WITHOUT ROWID;
    """,
    # 8: drafts that a model writes, question by question, and what a person says of each.
    """
    CREATE TABLE draft_sets (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        dataset TEXT NOT NULL,
        name TEXT NOT NULL,
        content_hash TEXT NOT NULL,
        plan TEXT NOT NULL,
        created TEXT NOT NULL
    );
    CREATE TABLE drafts (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        draft_set INTEGER NOT NULL REFERENCES draft_sets (id) ON DELETE CASCADE,
        parent INTEGER REFERENCES drafts (id) ON DELETE CASCADE,
        kind TEXT NOT NULL,
        question TEXT NOT NULL,
        text TEXT NOT NULL,
        written TEXT NOT NULL,
        state TEXT NOT NULL
    );
    CREATE INDEX drafts_by_state ON drafts (draft_set, state, id);
    CREATE INDEX drafts_of ON drafts (parent);
    """,
    # 9: conversations with models, each one document beside its text; sampling settings that a person saved.
    """
    CREATE TABLE chats (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        title TEXT NOT NULL,
        heading TEXT NOT NULL,
        changed TEXT NOT NULL,
        words TEXT NOT NULL,
        content TEXT NOT NULL
    );
    CREATE TABLE chat_presets (name TEXT PRIMARY KEY, sampling TEXT NOT NULL) WITHOUT ROWID;
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
