"""What is said of items: a log that only grows, each entry one transaction, and the queues that lead through a set.

An entry holds the whole mark of one labeller on one item. Undo and redo are entries too: they let an earlier entry
count again, so nothing that was ever said is lost.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections import defaultdict
from collections.abc import Generator, Hashable
from dataclasses import dataclass, replace
from typing import Any

from studio.core.agreement import category, disagreement
from studio.core.errors import StudioError
from studio.core.labelling import LabelPlan, Mark, Opinion, Status
from studio.storage.labels import LabelSet
from studio.storage.project import now

UNDONE, REDONE = "undone", "redone"
QUEUES = {"todo": "To do", "done": "Done", "skipped": "Skipped", "flagged": "Flagged", "all": "All"}
ORDERS = {
    "given": "In order",
    "random": "Random",
    "hardest": "Hardest first",
    "disagreement": "Disagreement first",
}
_WHICH = {
    "todo": "(n.status IS NULL OR n.status = 'todo')",
    "done": "n.status = 'done'",
    "skipped": "n.status = 'skipped'",
    "flagged": "n.flagged = 1",
    "all": "1",
}
_HOW = {
    "given": "i.position, i.id",
    "random": "i.shuffle, i.id",
    "hardest": "i.margin IS NULL, i.margin, i.position, i.id",
    "disagreement": "i.position, i.id",
}


@dataclass(frozen=True, slots=True)
class Counts:
    """How many items of a set stand where for one labeller. Flagged ones are counted in their status too."""

    todo: int = 0
    done: int = 0
    skipped: int = 0
    flagged: int = 0

    @property
    def total(self) -> int:
        """All items."""
        return self.todo + self.done + self.skipped


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Generator[None]:
    """One transaction: committed at the end, rolled back when anything is raised."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def write_entry(
    connection: sqlite3.Connection,
    known: LabelSet,
    item: int,
    labeller: str,
    mark: Mark,
    action: str,
    *,
    machine: bool = False,
) -> int:
    """Append what a labeller says of an item and let it count, inside the caller's transaction. The entry's id."""
    before = _entry_now(connection, item, labeller)
    query = (
        "INSERT INTO label_log (label_set, item, labeller, machine, at, action, mark, before) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
    )
    values = (known.id, item, labeller, machine, now(), action, mark.to_json(), before)
    entry = connection.execute(query, values).lastrowid
    assert entry is not None
    _let_count(connection, known.plan, item, labeller, machine, entry, mark)
    return entry


def _entry_now(connection: sqlite3.Connection, item: int, labeller: str) -> int | None:
    query = "SELECT entry FROM label_now WHERE item = ? AND labeller = ?"
    row = connection.execute(query, (item, labeller)).fetchone()
    return row[0] if row else None


def _let_count(
    connection: sqlite3.Connection,
    plan: LabelPlan,
    item: int,
    labeller: str,
    machine: bool,
    entry: int | None,
    mark: Mark,
) -> None:
    if entry is None:
        connection.execute("DELETE FROM label_now WHERE item = ? AND labeller = ?", (item, labeller))
        return
    values = (item, labeller, machine, entry, mark.status(plan).value, mark.flagged)
    query = (
        "INSERT OR REPLACE INTO label_now (item, labeller, machine, entry, status, flagged) VALUES (?, ?, ?, ?, ?, ?)"
    )
    connection.execute(query, values)


def mark_of(connection: sqlite3.Connection, item: int, labeller: str) -> Mark:
    """What a labeller says of an item now; an empty mark when that is nothing."""
    query = "SELECT l.mark FROM label_now n JOIN label_log l ON l.id = n.entry WHERE n.item = ? AND n.labeller = ?"
    row = connection.execute(query, (item, labeller)).fetchone()
    return Mark.from_json(row[0]) if row and row[0] else Mark()


def suggestions_for(connection: sqlite3.Connection, item: int, repeat_of: int | None) -> list[tuple[str, Mark]]:
    """What machine judges say of an item; a hidden repeat has those of its original."""
    query = (
        "SELECT n.labeller, l.mark FROM label_now n JOIN label_log l ON l.id = n.entry "
        "WHERE n.item = ? AND n.machine = 1 ORDER BY n.entry DESC"
    )
    found = connection.execute(query, (item if repeat_of is None else repeat_of,))
    return [(labeller, Mark.from_json(text)) for labeller, text in found if text]


class LabelSession:
    """One labeller at one set, with undo and redo back to the first entry. Every write is durable when it returns."""

    def __init__(self, connection: sqlite3.Connection, known: LabelSet, labeller: str) -> None:
        if not labeller.strip():
            raise StudioError("Verdicts need a name.", "Type who is labelling.")
        self._connection, self.known, self.labeller = connection, known, labeller.strip()
        if (self.labeller, True) in {(name, machine) for name, machine, _ in labellers_of(connection, known)}:
            raise StudioError(f"“{self.labeller}” is a machine judge of this set.", "Label under another name.")
        self._done: list[int] = []
        self._undone: list[int] = []
        query = "SELECT id, action, target FROM label_log WHERE label_set = ? AND labeller = ? ORDER BY id"
        for entry, action, target in connection.execute(query, (known.id, self.labeller)):
            self._replay(entry, action, target)
        self._newest = int(
            connection.execute("SELECT MAX(id) FROM label_items WHERE label_set = ?", (known.id,)).fetchone()[0] or 0
        )
        self.counts = self._count()

    def write(self, item: int, mark: Mark, action: str) -> None:
        """Say something of an item; `action` names the key that was pressed. Raises sqlite3.Error, writing nothing."""
        before = mark_of(self._connection, item, self.labeller)
        with transaction(self._connection):
            entry = write_entry(self._connection, self.known, item, self.labeller, mark, action)
        self._replay(entry, action, None)
        self._recount(before, mark)

    def undo(self) -> int | None:
        """Take the last thing back; the item that it was about, or None when there is nothing left."""
        if not self._done:
            return None
        entry = self._done[-1]
        item, previous = self._entry(entry, "before")
        self._go_to(item, previous, UNDONE, entry)
        return item

    def redo(self) -> int | None:
        """Do again what was taken back last; the item that it was about."""
        if not self._undone:
            return None
        entry = self._undone[-1]
        item, _ = self._entry(entry, "before")
        self._go_to(item, entry, REDONE, entry)
        return item

    @property
    def can_undo(self) -> bool:
        """Whether something can be taken back."""
        return bool(self._done)

    @property
    def can_redo(self) -> bool:
        """Whether something can be done again."""
        return bool(self._undone)

    def take_new(self) -> None:
        """Count the items that came in since the last time; they are still to do."""
        # The plus keeps SQLite at the newest rows instead of all rows of the set.
        query = "SELECT COUNT(*), MAX(id) FROM label_items WHERE id > ? AND +label_set = ?"
        count, newest = self._connection.execute(query, (self._newest, self.known.id)).fetchone()
        if count:
            self.counts = replace(self.counts, todo=self.counts.todo + int(count))
            self._newest = int(newest)

    def _replay(self, entry: int, action: str, target: int | None) -> None:
        if action == UNDONE:
            if self._done and self._done[-1] == target:
                self._undone.append(self._done.pop())
        elif action == REDONE:
            if self._undone and self._undone[-1] == target:
                self._done.append(self._undone.pop())
        else:
            self._done.append(entry)
            self._undone.clear()

    def _entry(self, entry: int, column: str) -> tuple[int, Any]:
        item, value = self._connection.execute(
            f"SELECT item, {column} FROM label_log WHERE id = ?", (entry,)
        ).fetchone()
        return int(item), value

    def _go_to(self, item: int, entry: int | None, action: str, target: int) -> None:
        before = mark_of(self._connection, item, self.labeller)
        mark = Mark()
        if entry is not None:
            _, text = self._entry(entry, "mark")
            mark = Mark.from_json(text)
        with transaction(self._connection):
            query = (
                "INSERT INTO label_log (label_set, item, labeller, machine, at, action, target) "
                "VALUES (?, ?, ?, 0, ?, ?, ?)"
            )
            self._connection.execute(query, (self.known.id, item, self.labeller, now(), action, target))
            _let_count(self._connection, self.known.plan, item, self.labeller, False, entry, mark)
        self._replay(0, action, target)
        self._recount(before, mark)

    def _count(self) -> Counts:
        query = (
            "SELECT n.status, COUNT(*), SUM(n.flagged) FROM label_items i "
            "JOIN label_now n ON n.item = i.id AND n.labeller = ? WHERE i.label_set = ? GROUP BY n.status"
        )
        found = {
            status: (count, flagged)
            for status, count, flagged in self._connection.execute(query, (self.labeller, self.known.id))
        }
        query = "SELECT COUNT(*) FROM label_items WHERE label_set = ?"
        (total,) = self._connection.execute(query, (self.known.id,)).fetchone()
        done, skipped = (found.get(status, (0, 0))[0] for status in (Status.DONE, Status.SKIPPED))
        flagged = sum(flagged for _, flagged in found.values())
        return Counts(total - done - skipped, done, skipped, flagged)

    def _recount(self, before: Mark, after: Mark) -> None:
        values = {name: getattr(self.counts, name) for name in ("todo", "done", "skipped", "flagged")}
        values[before.status(self.known.plan).value] -= 1
        values[after.status(self.known.plan).value] += 1
        values["flagged"] += after.flagged - before.flagged
        self.counts = Counts(**values)


def queue_of(
    connection: sqlite3.Connection, known: LabelSet, labeller: str, show: str, order: str, *, after: int = 0
) -> list[int]:
    """The items of a queue in their order; with `after`, only those that came in after that item."""
    of_set = "+i.label_set" if after else "i.label_set"  # the plus keeps SQLite at the newest rows
    query = (
        f"SELECT i.id FROM label_items i LEFT JOIN label_now n ON n.item = i.id AND n.labeller = ? "
        f"WHERE {of_set} = ? AND i.id > ? AND {_WHICH[show]} ORDER BY {_HOW[order]}"
    )
    ids = [row[0] for row in connection.execute(query, (labeller, known.id, after))]
    if order == "disagreement":
        apart = disagreements(connection, known)
        ids.sort(key=lambda item: -apart.get(item, 0.0))  # stable: what nobody disagrees on stays in order
    return ids


def disagreements(connection: sqlite3.Connection, known: LabelSet) -> dict[int, float]:
    """How far labellers, machine judges among them, disagree on each item; 0 is left out."""
    said: defaultdict[int, defaultdict[str, list[Hashable]]] = defaultdict(lambda: defaultdict(list))
    for opinion in opinions_of(connection, known):
        for criterion in opinion.mark.verdicts:
            found = category(opinion, criterion)
            if found is not None:
                said[opinion.item][criterion].append(found)
    apart = {item: max(map(disagreement, found.values()), default=0.0) for item, found in said.items()}
    return {item: value for item, value in apart.items() if value}


def opinions_of(connection: sqlite3.Connection, known: LabelSet) -> list[Opinion]:
    """Everything that counts in a set, by item and then by when it was said."""
    query = (
        "SELECT i.id, i.prompt, i.candidates, n.labeller, n.machine, l.mark, l.id FROM label_items i "
        "JOIN label_now n ON n.item = i.id JOIN label_log l ON l.id = n.entry "
        "WHERE i.label_set = ? ORDER BY i.id, l.id"
    )
    return [
        Opinion(item, prompt, tuple(json.loads(members)), labeller, bool(machine), Mark.from_json(mark), entry)
        for item, prompt, members, labeller, machine, mark, entry in connection.execute(query, (known.id,))
    ]


def labellers_of(connection: sqlite3.Connection, known: LabelSet) -> list[tuple[str, bool, int]]:
    """Who judged a set: name, whether it is a machine, and how many items."""
    query = (
        "SELECT n.labeller, n.machine, COUNT(*) FROM label_items i JOIN label_now n ON n.item = i.id "
        "WHERE i.label_set = ? AND n.status = 'done' GROUP BY n.labeller, n.machine ORDER BY n.machine, n.labeller"
    )
    return [(name, bool(machine), count) for name, machine, count in connection.execute(query, (known.id,))]


def judged_by(connection: sqlite3.Connection, known: LabelSet, labeller: str) -> set[int]:
    """The items that a labeller said something of."""
    query = "SELECT i.id FROM label_items i JOIN label_now n ON n.item = i.id AND n.labeller = ? WHERE i.label_set = ?"
    return {row[0] for row in connection.execute(query, (labeller, known.id))}


def set_margins(connection: sqlite3.Connection, margins: dict[int, float]) -> None:
    """Keep how far apart a reward model finds the best two answers of items, inside the caller's transaction."""
    connection.executemany("UPDATE label_items SET margin = ? WHERE id = ?", [(m, item) for item, m in margins.items()])
