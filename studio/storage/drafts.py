"""Drafts in a project's database: questions out of a dataset, what a model wrote to each, and what a person said of it.

Every draft and every verdict is one transaction, so nothing is lost when a window or a worker dies. What was accepted
becomes a dataset of its own.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from studio.core.candidates import unlike
from studio.core.datasets import DatasetInfo
from studio.core.drafts import (
    ACCEPTED,
    ANSWER,
    FAILED,
    PARAPHRASE,
    QUESTION,
    REJECTED,
    WAITING,
    Draft,
    DraftPlan,
)
from studio.core.errors import StudioError
from studio.core.messages import Example, Message, turns_from_value, turns_to_json
from studio.core.records import Prompt, Record, prompt_of
from studio.storage.datasets import add_dataset, records_of
from studio.storage.origins import keep_origin
from studio.storage.project import Project, now

_COLUMNS = "id, kind, question, text, written, state, parent"


@dataclass(frozen=True, slots=True)
class DraftSet:
    """The drafts that one plan makes for one dataset."""

    id: int
    dataset: str
    name: str
    content_hash: str
    plan: DraftPlan


@dataclass(frozen=True, slots=True)
class Count:
    """How many drafts wait for a person, were accepted, rejected, couldn't be written, and are still to be written."""

    waiting: int = 0
    accepted: int = 0
    rejected: int = 0
    failed: int = 0
    unwritten: int = 0


@dataclass(frozen=True, slots=True)
class Wanted:
    """A draft that is to be written: for which question, of which kind, the how-maniest, and what is there already."""

    question: Draft
    kind: str
    number: int
    known: tuple[str, ...]


def begin_drafts(project: Project, dataset: DatasetInfo, plan: DraftPlan, limit: int) -> DraftSet:
    """Take the first different questions of a dataset. Raises StudioError when it asks nothing."""
    plan.check()
    questions = dict.fromkeys(_questions(project, dataset, limit))
    if not questions:
        raise StudioError(f"“{dataset.name}” asks nothing that could be answered.", "Choose a dataset with prompts.")
    with project.writing() as connection:
        values = (dataset.id, dataset.name, dataset.content_hash, plan.to_json(), now())
        cursor = connection.execute(
            "INSERT INTO draft_sets (dataset, name, content_hash, plan, created) VALUES (?, ?, ?, ?, ?)", values
        )
        made = DraftSet(int(cursor.lastrowid or 0), dataset.id, dataset.name, dataset.content_hash, plan)
        connection.executemany(
            "INSERT INTO drafts (draft_set, kind, question, text, written, state) VALUES (?, ?, ?, '', '', ?)",
            ((made.id, QUESTION, question, ACCEPTED) for question in questions),
        )
    return made


def _questions(project: Project, dataset: DatasetInfo, limit: int) -> Iterator[str]:
    seen: set[str] = set()
    for record in records_of(project, dataset):
        asked = prompt_of(record)
        if asked and asked[-1].role == "user" and asked[-1].content.strip():
            question = turns_to_json(asked)
            if question not in seen:
                seen.add(question)
                yield question
        if len(seen) >= limit:
            return


def unfinished_drafts(project: Project, dataset: DatasetInfo) -> DraftSet | None:
    """The newest set of drafts for a dataset that was not made into one yet."""
    with project.connect() as connection:
        row = connection.execute(
            "SELECT id, dataset, name, content_hash, plan FROM draft_sets WHERE dataset = ? ORDER BY id DESC",
            (dataset.id,),
        ).fetchone()
    return None if row is None else DraftSet(row[0], row[1], row[2], row[3], DraftPlan.from_json(row[4]))


def drop_drafts(project: Project, known: DraftSet) -> None:
    """Forget a set with all of its drafts."""
    with project.writing() as connection:
        connection.execute("DELETE FROM draft_sets WHERE id = ?", (known.id,))


def wanted_drafts(project: Project, known: DraftSet, count: int) -> list[Wanted]:
    """The next drafts to be written, paraphrases before answers."""
    plan, found = known.plan, list[Wanted]()
    with project.connect() as connection:
        for kind, each in ((PARAPHRASE, plan.paraphrases), (ANSWER, int(plan.answers))):
            if not each:
                continue
            kinds = (QUESTION,) if kind == PARAPHRASE else (QUESTION, PARAPHRASE)
            query = (
                f"SELECT {_COLUMNS} FROM drafts AS d WHERE draft_set = ? AND state = ? AND kind IN"
                f" ({', '.join('?' * len(kinds))}) AND (SELECT count(*) FROM drafts WHERE parent = d.id AND kind = ?)"
                " < ? ORDER BY id LIMIT ?"
            )
            values = (known.id, ACCEPTED, *kinds, kind, each, count)
            for question in map(_draft, connection.execute(query, values).fetchall()):
                there = connection.execute(
                    "SELECT written FROM drafts WHERE parent = ? AND kind = ?", (question.id, kind)
                ).fetchall()
                texts = tuple(text for (text,) in there)
                for number in range(len(texts), each):
                    if len(found) < count:
                        found.append(Wanted(question, kind, number, texts))
    return found


def keep_draft(project: Project, known: DraftSet, wanted: Wanted, text: str) -> None:
    """Keep what was written; empty text, or what the question says itself, is no draft."""
    own = [wanted.question.question[-1].content] if wanted.kind == PARAPHRASE else []
    with project.connect() as connection:  # others of the same question may have come since it was asked for
        query = "SELECT written FROM drafts WHERE parent = ? AND kind = ?"
        there = [row[0] for row in connection.execute(query, (wanted.question.id, wanted.kind))]
    usable = unlike([text], [*own, *there]) == [True]
    question = wanted.question.question
    if wanted.kind == PARAPHRASE and usable:
        question = (*question[:-1], question[-1]._replace(content=text.strip()))
    values = (
        known.id, wanted.question.id, wanted.kind, turns_to_json(question), text.strip(), text.strip(),
        WAITING if usable else FAILED,
    )  # fmt: skip
    with project.writing() as connection:
        asked = connection.execute("SELECT 1 FROM drafts WHERE id = ?", (wanted.question.id,)).fetchone()
        if asked:  # else the set was dropped meanwhile
            connection.execute(
                "INSERT INTO drafts (draft_set, parent, kind, question, text, written, state)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                values,
            )


def next_waiting(project: Project, known: DraftSet) -> Draft | None:
    """The draft that has been waiting longest for a person."""
    with project.connect() as connection:
        query = f"SELECT {_COLUMNS} FROM drafts WHERE draft_set = ? AND state = ? ORDER BY id LIMIT 1"
        row = connection.execute(query, (known.id, WAITING)).fetchone()
    return None if row is None else _draft(row)


def draft_at(project: Project, identity: int) -> Draft | None:
    """One draft."""
    with project.connect() as connection:
        row = connection.execute(f"SELECT {_COLUMNS} FROM drafts WHERE id = ?", (identity,)).fetchone()
    return None if row is None else _draft(row)


def judge_draft(project: Project, draft: Draft, state: str, text: str | None = None) -> None:
    """Accept a draft (with another text, perhaps), reject it, or let it wait again. Raises StudioError for no text."""
    text = draft.text if text is None else text.strip()
    if state == ACCEPTED and not text:
        raise StudioError("There is nothing to accept: the text is empty.", "Write something, or reject the draft.")
    question = draft.question
    if draft.kind == PARAPHRASE:
        question = (*question[:-1], question[-1]._replace(content=text))
    with project.writing() as connection:
        connection.execute(
            "UPDATE drafts SET state = ?, text = ?, question = ? WHERE id = ?",
            (state, text, turns_to_json(question), draft.id),
        )
        if state != ACCEPTED:  # answers to a question that is none any more go with it
            connection.execute("DELETE FROM drafts WHERE parent = ? AND kind = ?", (draft.id, ANSWER))


def count_drafts(project: Project, known: DraftSet) -> Count:
    """How far the set is."""
    plan = known.plan
    with project.connect() as connection:
        query = "SELECT state, count(*) FROM drafts WHERE draft_set = ? AND kind <> ? GROUP BY state"
        states = dict(connection.execute(query, (known.id, QUESTION)).fetchall())
        unwritten = 0
        for kind, each in ((PARAPHRASE, plan.paraphrases), (ANSWER, int(plan.answers))):
            kinds = (QUESTION,) if kind == PARAPHRASE else (QUESTION, PARAPHRASE)
            marks = ", ".join("?" * len(kinds))
            query = f"SELECT count(*) FROM drafts WHERE draft_set = ? AND state = ? AND kind IN ({marks})"
            (asked,) = connection.execute(query, (known.id, ACCEPTED, *kinds)).fetchone()
            query = (
                "SELECT count(*) FROM drafts AS d JOIN drafts AS q ON q.id = d.parent"
                " WHERE d.draft_set = ? AND d.kind = ? AND q.state = ?"
            )
            (there,) = connection.execute(query, (known.id, kind, ACCEPTED)).fetchone()
            unwritten += max(0, asked * each - there) if each else 0
    return Count(
        states.get(WAITING, 0), states.get(ACCEPTED, 0), states.get(REJECTED, 0), states.get(FAILED, 0), unwritten
    )


def finish_drafts(project: Project, known: DraftSet, name: str = "") -> DatasetInfo:
    """What was accepted as a new dataset: questions with their answers, or prompts with their paraphrases. The set is
    forgotten in the same transaction. Raises StudioError when nothing was accepted."""
    plan = known.plan
    with project.connect() as connection:
        kinds = (ANSWER,) if plan.answers else (QUESTION, PARAPHRASE)
        query = (
            f"SELECT {_COLUMNS} FROM drafts WHERE draft_set = ? AND state = ? AND kind IN"
            f" ({', '.join('?' * len(kinds))}) ORDER BY coalesce(parent, id), id"
        )
        drafts = [_draft(row) for row in connection.execute(query, (known.id, ACCEPTED, *kinds))]
    if not any(draft.kind != QUESTION for draft in drafts):
        raise StudioError("No draft was accepted yet.", "Accept at least one.")
    kind, what = ("examples", "drafted answers") if plan.answers else ("prompts", "drafted paraphrases")
    origin = {
        "made": "drafts", "from": known.name, "content_hash": known.content_hash, "author": plan.author.name,
        "how": plan.to_json(), "edited": sum(draft.is_edited for draft in drafts),
    }  # fmt: skip

    def also(connection: sqlite3.Connection, info: DatasetInfo) -> None:
        keep_origin(connection, info, origin)
        connection.execute("DELETE FROM draft_sets WHERE id = ?", (known.id,))

    return add_dataset(
        project, name.strip() or f"{known.name}, {what}", f"drafts of {plan.author.name}", _records(drafts), kind=kind,
        also=also,
    )  # fmt: skip


def _records(drafts: Sequence[Draft]) -> Iterator[Record]:
    for draft in drafts:
        if draft.kind == ANSWER:
            yield Example((*draft.question, Message("assistant", draft.text)))
        else:
            yield Prompt(draft.question)


def _draft(row: Sequence[object]) -> Draft:
    identity, kind, question, text, written, state, parent = row
    turns = turns_from_value(json.loads(str(question)))
    return Draft(
        int(str(identity)),
        str(kind),
        turns,
        str(text),
        str(written),
        str(state),
        None if parent is None else int(str(parent)),
    )
