"""Labelling sets in a project's database: their prompts, the candidates to each, and the items that these make.

How a set is begun is `storage.label_intake`; what is said of items is `storage.label_log`.
"""

from __future__ import annotations

import json
import random
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from studio.core.errors import StudioError
from studio.core.labelling import Candidate, Item, LabelPlan
from studio.core.messages import Message, turns_from_value
from studio.storage.project import Project

WAITING, READY, NO_CHOICE = 0, 1, 2  # of a prompt: for candidates; has items; its candidates are too few to choose from
_REPEAT_AFTER, _REPEAT_WITHIN = 10, 20  # prompts between an item and its hidden repeat


@dataclass(frozen=True, slots=True)
class LabelSet:
    """A labelling set. writing: how its candidates are written (core.candidates), as JSON; empty when they came in."""

    id: str
    name: str
    plan: LabelPlan
    writing: str
    created: str


def list_sets(project: Project) -> list[LabelSet]:
    """All labelling sets, newest first."""
    with project.connect() as connection:
        query = "SELECT id, name, plan, writing, created FROM label_sets ORDER BY created DESC, rowid DESC"
        return [_set(row) for row in connection.execute(query)]


def find_set(project: Project, identity: str) -> LabelSet:
    """The set with that id. Raises StudioError when it is gone."""
    with project.connect() as connection:
        query = "SELECT id, name, plan, writing, created FROM label_sets WHERE id = ?"
        row = connection.execute(query, (identity,)).fetchone()
    if row is None:
        raise StudioError("The labelling set is gone.", "It may have been deleted; choose another one.")
    return _set(row)


def _set(row: Sequence[Any]) -> LabelSet:
    return LabelSet(row[0], row[1], LabelPlan.from_json(row[2]), row[3], row[4])


def add_candidates(
    connection: sqlite3.Connection,
    known: LabelSet,
    prompt: int,
    candidates: Sequence[Candidate],
    *,
    complete: bool = True,
) -> dict[str, int]:
    """Add answers to a prompt, without those that say the same, and make its items; the id of each text.

    Inside the caller's transaction. A prompt whose items are there already keeps them and gets no more. complete:
    False when a model will write more, so that nothing is judged yet.
    """
    ids: dict[str, int] = {}
    found = connection.execute("SELECT id, text FROM candidates WHERE prompt = ? ORDER BY id", (prompt,))
    for identity, text in found:
        ids[str(text).strip()] = identity
    for candidate in candidates:
        text = candidate.text.strip()
        if text and text not in ids:
            query = "INSERT INTO candidates (prompt, text, author, sampling) VALUES (?, ?, ?, ?)"
            row = connection.execute(query, (prompt, candidate.text, candidate.author, candidate.sampling)).lastrowid
            assert row is not None
            ids[text] = row
    if not complete:
        return ids
    groups = known.plan.groups(list(ids.values()))
    if not items_of(connection, prompt):
        (position,) = connection.execute("SELECT position FROM label_prompts WHERE id = ?", (prompt,)).fetchone()
        for group in groups:
            add_item(connection, known, prompt, int(position), group)
    state = READY if groups else NO_CHOICE
    connection.execute("UPDATE label_prompts SET state = ? WHERE id = ?", (state, prompt))
    return ids


def add_item(
    connection: sqlite3.Connection, known: LabelSet, prompt: int, position: int, group: tuple[int, ...]
) -> int:
    """Add an item, and perhaps a hidden repeat of it, inside the caller's transaction; its id."""
    rng = random.Random(f"{known.plan.seed}/{group}")
    columns = "label_set, prompt, candidates, position, shuffle, repeat_of"
    query = f"INSERT INTO label_items ({columns}) VALUES (?, ?, ?, ?, ?, ?)"
    shuffle, text = rng.random(), json.dumps(group)
    item = connection.execute(query, (known.id, prompt, text, position, shuffle, None)).lastrowid
    assert item is not None
    if rng.random() < known.plan.repeats:
        later = position + _REPEAT_AFTER + _REPEAT_WITHIN * rng.random()
        connection.execute(query, (known.id, prompt, text, later, shuffle + 0.5, item))
    return item


def items_of(connection: sqlite3.Connection, prompt: int) -> dict[tuple[int, ...], int]:
    """The items of a prompt by what they compare; repeats are left out."""
    query = "SELECT candidates, id FROM label_items WHERE prompt = ? AND repeat_of IS NULL"
    return {tuple(json.loads(text)): identity for text, identity in connection.execute(query, (prompt,))}


def rename_set(project: Project, identity: str, name: str) -> None:
    """Give a set another name. Raises StudioError for an empty or taken one."""
    if not name.strip():
        raise StudioError("A labelling set needs a name.", "Type one.")
    with project.writing() as connection:
        query = "SELECT 1 FROM label_sets WHERE name = ? AND id <> ?"
        if connection.execute(query, (name.strip(), identity)).fetchone():
            raise StudioError(f"There is already a labelling set called “{name.strip()}”.", "Choose another name.")
        connection.execute("UPDATE label_sets SET name = ? WHERE id = ?", (name.strip(), identity))


def change_guidelines(project: Project, known: LabelSet, guidelines: str) -> LabelSet:
    """Keep other guidelines; everything else of a plan stays as it was when the set was made."""
    changed = replace(known, plan=replace(known.plan, guidelines=guidelines))
    with project.writing() as connection:
        connection.execute("UPDATE label_sets SET plan = ? WHERE id = ?", (changed.plan.to_json(), known.id))
    return changed


def delete_set(project: Project, identity: str) -> None:
    """Remove a set with its prompts, candidates and verdicts. Datasets that were made of it stay."""
    with project.writing() as connection:
        connection.execute("DELETE FROM label_sets WHERE id = ?", (identity,))


def item_of(connection: sqlite3.Connection, identity: int) -> Item:
    """One item, whole. Raises StudioError when it is gone."""
    query = (
        "SELECT i.prompt, p.prompt, i.candidates, i.repeat_of, i.margin FROM label_items i "
        "JOIN label_prompts p ON p.id = i.prompt WHERE i.id = ?"
    )
    row = connection.execute(query, (identity,)).fetchone()
    if row is None:
        raise StudioError("The item is gone.", "The labelling set may have been deleted; choose another one.")
    prompt, turns, members, repeat_of, margin = row
    wanted = cast("list[int]", json.loads(members))
    query = "SELECT id, text, author, sampling FROM candidates WHERE prompt = ?"
    found = {row[0]: Candidate(*row) for row in connection.execute(query, (prompt,))}
    return Item(identity, prompt, _turns(turns), tuple(found[one] for one in wanted), repeat_of, margin)


def waiting_prompts(project: Project, known: LabelSet, count: int) -> list[tuple[int, tuple[Message, ...]]]:
    """The next prompts that wait for candidates."""
    query = "SELECT id, prompt FROM label_prompts WHERE label_set = ? AND state = ? ORDER BY position LIMIT ?"
    with project.connect() as connection:
        found = connection.execute(query, (known.id, WAITING, count))
        return [(identity, _turns(text)) for identity, text in found]


def prompt_states(project: Project, known: LabelSet) -> tuple[int, int, int]:
    """How many prompts wait for candidates, are ready, and have too few different answers to choose from."""
    query = "SELECT state, COUNT(*) FROM label_prompts WHERE label_set = ? GROUP BY state"
    with project.connect() as connection:
        found = dict(connection.execute(query, (known.id,)).fetchall())
    return found.get(WAITING, 0), found.get(READY, 0), found.get(NO_CHOICE, 0)


def prompts_of(connection: sqlite3.Connection, known: LabelSet) -> dict[int, tuple[Message, ...]]:
    """All prompts of a set."""
    found = connection.execute("SELECT id, prompt FROM label_prompts WHERE label_set = ?", (known.id,))
    return {identity: _turns(text) for identity, text in found}


def candidates_of(connection: sqlite3.Connection, known: LabelSet) -> dict[int, Candidate]:
    """All candidates of a set."""
    query = (
        "SELECT c.id, c.text, c.author, c.sampling FROM candidates c "
        "JOIN label_prompts p ON p.id = c.prompt WHERE p.label_set = ?"
    )
    return {row[0]: Candidate(*row) for row in connection.execute(query, (known.id,))}


def original_items(connection: sqlite3.Connection, known: LabelSet) -> list[int]:
    """All items in order, without hidden repeats."""
    query = "SELECT id FROM label_items WHERE label_set = ? AND repeat_of IS NULL ORDER BY position, id"
    return [row[0] for row in connection.execute(query, (known.id,))]


def repeats_of(connection: sqlite3.Connection, known: LabelSet) -> dict[int, int]:
    """The original of each hidden repeat."""
    query = "SELECT id, repeat_of FROM label_items WHERE label_set = ? AND repeat_of IS NOT NULL"
    return dict(connection.execute(query, (known.id,)).fetchall())


def _turns(text: str) -> tuple[Message, ...]:
    return turns_from_value(json.loads(text))


def count_of(connection: sqlite3.Connection, table: str, label_set: str) -> int:
    return int(connection.execute(f"SELECT COUNT(*) FROM {table} WHERE label_set = ?", (label_set,)).fetchone()[0])


def free_set_name(connection: sqlite3.Connection, name: str) -> str:
    taken = {row[0] for row in connection.execute("SELECT name FROM label_sets")}
    wanted = name.strip() or "Labels"
    number, free = 1, wanted
    while free in taken:
        number += 1
        free = f"{wanted} ({number})"
    return free
