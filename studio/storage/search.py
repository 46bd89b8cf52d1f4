"""Searching a dataset: which records hold these words, have this length, source or tag, a page at a time, by key.

The words are in an index of their own file, search.db, which is made of the records, catches up when asked, and may be
deleted at any time. Records never change, so neither does what it says about them. What it does not know yet, and what
is written without spaces between words, is looked through as it stands.
"""

from __future__ import annotations

import contextlib
import json
import re
import sqlite3
from collections.abc import Generator
from pathlib import Path

from studio.core.datasets import DatasetInfo
from studio.core.errors import Cancelled
from studio.core.filters import Filter
from studio.core.scripts import script_of
from studio.storage.progress import Cancel, Report, never, quiet
from studio.storage.project import Project
from studio.storage.revisions import ids_between

FILE = "search.db"
_CHUNK = 20_000  # records indexed, or looked through, at a time
_ROLES = ("user", "assistant", "system", "tool")
_WORD = re.compile(r"\w+")
_AROUND = re.compile(r'\["(?:user|assistant|system|tool)",|\\[ntr]|\b(?:true|false|null)\b')
_QUOTED = re.compile(r"[\"“„]([^\"”“]+)[\"”“]")
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]")
_SHORTEST_BEGINNING = 2  # characters; beginnings of one letter stand for half of all words


def index_dataset(
    project: Project,
    dataset: DatasetInfo,
    report: Report = quiet,
    cancelled: Cancel = never,
) -> None:
    """Let the index catch up with a dataset. Raises StudioError, or Cancelled; what was indexed by then stays so."""
    text = "record"
    for role in _ROLES:
        text = f"replace({text}, '[\"{role}\",', ' ')"
    text = rf"replace(replace({text}, '\n', ' '), '\t', ' ')"
    with _index(project) as connection:
        first, last = ids_between(dataset.number)
        query = "SELECT max(id) FROM project.records WHERE id BETWEEN ? AND ?"
        end = connection.execute(query, (first, last)).fetchone()[0]
        done = _indexed(connection, dataset.number)
        while end is not None and done < end:
            if cancelled():
                raise Cancelled
            report(done - first, end - first + 1, "")
            through = min(done + _CHUNK, end)
            connection.execute("BEGIN IMMEDIATE")
            if _indexed(connection, dataset.number) == done:  # else another program was here meanwhile
                connection.execute(
                    f"INSERT INTO texts (rowid, text) SELECT id, {text} FROM project.records WHERE id BETWEEN ? AND ?",
                    (done + 1, through),
                )
                connection.execute("INSERT OR REPLACE INTO indexed VALUES (?, ?)", (dataset.number, through))
            connection.execute("COMMIT")
            done = _indexed(connection, dataset.number)


def find(
    project: Project, dataset: DatasetInfo, wanted: Filter, after: int = -1, count: int = 1000
) -> tuple[list[int], int | None]:
    """Ids of records that the dataset has now, in order from the one after `after`, about `count` of them at most.

    Also the id to go on after, None when that was all. Words that the index knows are found at once; else a part of the
    dataset is looked through at a time.
    """
    with _index(project) as connection:
        first, last = ids_between(dataset.number)
        query = "SELECT max(id) FROM project.records WHERE id BETWEEN ? AND ?"
        last = connection.execute(query, (first, last)).fetchone()[0] or first
        start = max(after + 1, first)
        conditions, values = _conditions(wanted)
        words = _match(wanted.text)
        known = _indexed(connection, dataset.number)
        if words and start <= known:
            query = (
                "SELECT texts.rowid FROM texts CROSS JOIN project.records AS r ON r.id = texts.rowid"
                f" WHERE texts MATCH ? AND texts.rowid BETWEEN ? AND ? AND {conditions} ORDER BY texts.rowid LIMIT ?"
            )
            found = [row[0] for row in connection.execute(query, (words, start, known, *values, count))]
            if len(found) == count:
                return found, found[-1]
            return found, known if known < last else None
        through = min(start + _CHUNK - 1, last)
        if not words and not wanted.text and wanted.script is None:
            through = last  # SQLite ends by itself as soon as there are enough
        scanned, texts = _scanned(wanted.text)
        query = f"SELECT r.id FROM project.records AS r WHERE r.id BETWEEN ? AND ? AND {conditions}{scanned} LIMIT ?"
        found = [row[0] for row in connection.execute(query, (start, through, *values, *texts, count))]
        if len(found) == count:
            return found, found[-1]
        return found, through if through < last else None


def sources_of(project: Project, dataset: DatasetInfo) -> list[str]:
    """Where records are from that the file did not bring."""
    with project.connect() as connection:
        query = (
            "SELECT DISTINCT source FROM records INDEXED BY sourced"
            " WHERE source IS NOT NULL AND id BETWEEN ? AND ? ORDER BY source"
        )
        return [row[0] for row in connection.execute(query, ids_between(dataset.number))]


def tags_of(project: Project, dataset: DatasetInfo) -> dict[str, int]:
    """The tags that records of the dataset have, and how many have each."""
    with project.connect() as connection:
        query = (
            "SELECT tag, count(*) FROM tags JOIN records ON records.id = tags.record"
            " WHERE tags.live AND records.live AND tags.record BETWEEN ? AND ? GROUP BY tag ORDER BY tag"
        )
        return dict(connection.execute(query, ids_between(dataset.number)).fetchall())


def tags_at(project: Project, ids: list[int]) -> dict[int, list[str]]:
    """The tags of some records."""
    found: dict[int, list[str]] = {}
    with project.connect() as connection:
        query = "SELECT record, tag FROM tags WHERE live AND record IN (SELECT value FROM json_each(?)) ORDER BY tag"
        for record, tag in connection.execute(query, (json.dumps(ids),)):
            found.setdefault(record, []).append(tag)
    return found


# -------------------------------------------------------------------------------------------- the query


def _conditions(wanted: Filter) -> tuple[str, list[object]]:
    parts, values = ["r.live"], list[object]()
    if wanted.shortest:
        parts.append("length(r.record) >= ?")
        values.append(wanted.shortest)
    if wanted.longest is not None:
        parts.append("length(r.record) <= ?")
        values.append(wanted.longest)
    if wanted.source is not None:
        parts.append("coalesce(r.source, '') = ?")
        values.append(wanted.source)
    if wanted.tag is not None:
        parts.append("r.id IN (SELECT record FROM project.tags WHERE live AND tag = ?)")
        values.append(wanted.tag)
    if wanted.script is not None:
        parts.append("script_of(r.record) = ?")
        values.append(wanted.script)
    for phrase in _QUOTED.findall(wanted.text):
        parts.append("r.record LIKE ? ESCAPE '\\'")
        values.append(_anywhere(phrase))
    return " AND ".join(parts), values


def _match(text: str) -> str:
    """What FTS5 is asked; empty when it can't be."""
    if _UNSPACED.search(text):
        return ""
    words = _WORD.findall(text.replace("_", " "))
    ending = bool(words) and text.rstrip()[-1:] not in '"”' and len(words[-1]) >= _SHORTEST_BEGINNING
    return " AND ".join(f'"{word}"' for word in words) + ("*" if ending else "")


def _scanned(text: str) -> tuple[str, list[str]]:
    words = [*_QUOTED.findall(text), *_QUOTED.sub(" ", text).split()]
    return "".join(" AND r.record LIKE ? ESCAPE '\\'" for _ in words), [_anywhere(word) for word in words]


def _anywhere(words: str) -> str:
    """A LIKE pattern for words as they stand in a record's JSON."""
    written = json.dumps(words, ensure_ascii=False)[1:-1]
    return "%" + re.sub(r"([\\%_])", r"\\\1", written) + "%"


def _script_of(record: str) -> str:
    """The script of a record's words, without what its JSON says of roles."""
    return script_of(_AROUND.sub(" ", record))


# -------------------------------------------------------------------------------------------- the file


@contextlib.contextmanager
def _index(project: Project) -> Generator[sqlite3.Connection]:
    """A connection to the index, with the project beside it. A damaged index is made anew."""
    file = project.folder / FILE
    try:
        connection = _opened(project, file)
    except sqlite3.DatabaseError as error:
        if "malformed" not in str(error) and "not a database" not in str(error):
            with project.told():
                raise
        file.unlink(missing_ok=True)
        connection = _opened(project, file)
    try:
        with project.told():
            yield connection
    finally:
        connection.close()


def _opened(project: Project, file: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(file, timeout=30, isolation_level=None)
    try:
        connection.create_function("script_of", 1, _script_of, deterministic=True)
        connection.execute("PRAGMA synchronous = OFF")  # what a power cut breaks is made again
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE IF NOT EXISTS indexed (dataset INTEGER PRIMARY KEY, through INTEGER NOT NULL)")
        connection.execute(
            "CREATE VIRTUAL TABLE IF NOT EXISTS texts USING fts5(text, content='', columnsize=0, detail=none,"
            " prefix='2 3', tokenize='unicode61 remove_diacritics 2')"
        )
        connection.execute("ATTACH ? AS project", (str(project.database),))
    except BaseException:
        connection.close()
        raise
    return connection


def _indexed(connection: sqlite3.Connection, number: int) -> int:
    """Through which record the index knows a dataset."""
    row = connection.execute("SELECT through FROM indexed WHERE dataset = ?", (number,)).fetchone()
    return ids_between(number)[0] - 1 if row is None else int(row[0])
