"""Conversations and sampling presets in a project's database: kept, listed, searched, exported, sent to Data.

A conversation is one JSON document; beside it stands all of its text, in which searches look.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from studio.core.chat_sessions import ChatSession, as_json_lines, as_markdown, conversation_of
from studio.core.errors import StudioError
from studio.core.messages import Example
from studio.storage.datasets import DatasetInfo, add_dataset, list_datasets
from studio.storage.files import write_whole
from studio.storage.project import Project, now
from studio.storage.revisions import add_records

EXAMPLES = "Chat examples"


@dataclass(frozen=True, slots=True)
class ChatEntry:
    """A line in the list of conversations."""

    identity: int
    heading: str
    changed: str


def keep_chat(project: Project, session: ChatSession) -> int:
    """Keep a conversation, a new one or over what was kept of it. Returns its number."""
    values = (session.heading, now(), session.words.casefold(), session.to_json())
    with project.writing() as connection:
        if session.identity:
            query = (
                "UPDATE chats SET heading = CASE title WHEN '' THEN ? ELSE title END, changed = ?, words = ?, "
                "content = ? WHERE id = ?"
            )
            if connection.execute(query, (*values, session.identity)).rowcount:
                return session.identity
        query = "INSERT INTO chats (title, heading, changed, words, content) VALUES ('', ?, ?, ?, ?)"
        return int(connection.execute(query, values).lastrowid or 0)


def list_chats(project: Project, words: str = "") -> list[ChatEntry]:
    """Conversations that hold all of some words, the latest first."""
    wanted = words.casefold().split()
    where = " AND ".join(["instr(words, ?) > 0"] * len(wanted)) or "1"
    query = f"SELECT id, heading, changed FROM chats WHERE {where} ORDER BY changed DESC, id DESC"
    with project.connect() as connection:
        return [ChatEntry(*row) for row in connection.execute(query, wanted)]


def load_chat(project: Project, identity: int) -> ChatSession:
    """A conversation. Raises StudioError when it is gone or can't be read."""
    with project.connect() as connection:
        row = connection.execute("SELECT title, changed, content FROM chats WHERE id = ?", (identity,)).fetchone()
    if row is None:
        raise StudioError("This conversation is gone.", "Choose another one.")
    try:
        session = ChatSession.from_json(row[2])
    except (ValueError, RecursionError) as error:
        raise StudioError("This conversation can't be read.", "Choose another one.", str(error)) from error
    session.identity, session.title, session.changed = identity, str(row[0]), str(row[1])
    return session


def rename_chat(project: Project, identity: int, title: str) -> None:
    """Give a conversation a title; none, and it is called as it begins."""
    session = load_chat(project, identity)
    session.title = title.strip()
    with project.writing() as connection:
        query = "UPDATE chats SET title = ?, heading = ?, words = ? WHERE id = ?"
        connection.execute(query, (session.title, session.heading, session.words.casefold(), identity))


def delete_chats(project: Project, identities: Sequence[int]) -> None:
    """Remove conversations."""
    with project.writing() as connection:
        connection.executemany("DELETE FROM chats WHERE id = ?", [(identity,) for identity in identities])


def export_chats(project: Project, identities: Sequence[int], target: Path) -> int:
    """Write conversations to a file, as Markdown when it is called .md, else as JSON lines. Returns how many."""
    sessions = [load_chat(project, identity) for identity in identities]
    text = as_markdown(sessions) if target.suffix.lower() in (".md", ".markdown") else as_json_lines(sessions)
    write_whole(target, text)
    return len(sessions)


def send_to_data(project: Project, session: ChatSession, places: Sequence[int]) -> DatasetInfo:
    """Add what was said in panes, by their places, to the dataset of chat examples. Raises StudioError when nothing was
    answered."""
    found = [Example(turns) for place in places if (turns := conversation_of(session.panes[place]))]
    if not found:
        raise StudioError("There is no answer yet to learn from.", "Ask something first.")
    known = next((one for one in list_datasets(project) if one.name == EXAMPLES and one.kind.name == "examples"), None)
    if known is None:
        return add_dataset(project, EXAMPLES, "Chat", found)
    return add_records(project, known, found, "chat")[0]


# ------------------------------------------------------------------------------------------------------- presets


def list_presets(project: Project) -> dict[str, Mapping[str, Any]]:
    """The sampling settings that a person saved, by name."""
    with project.connect() as connection:
        rows = connection.execute("SELECT name, sampling FROM chat_presets ORDER BY name").fetchall()
    return {str(name): json.loads(sampling) for name, sampling in rows}


def save_preset(project: Project, name: str, sampling: Mapping[str, Any]) -> None:
    """Keep sampling settings under a name, in the place of what it named."""
    with project.writing() as connection:
        query = "INSERT OR REPLACE INTO chat_presets (name, sampling) VALUES (?, ?)"
        connection.execute(query, (name, json.dumps(dict(sampling))))


def delete_preset(project: Project, name: str) -> None:
    """Forget a preset."""
    with project.writing() as connection:
        connection.execute("DELETE FROM chat_presets WHERE name = ?", (name,))
