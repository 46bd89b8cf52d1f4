"""A conversation that is kept: what was said in each pane, to whom, and how it was asked; and its forms for others."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from studio.core.conversation import Voice
from studio.core.dialogue import Dialogue, answered
from studio.core.messages import Message

_TITLE = 60  # characters


@dataclass(slots=True)
class PaneState:
    """One pane: its model, what was said, and how it is asked, where that differs from the other panes."""

    voice: Voice | None
    dialogue: Dialogue
    name: str = ""
    sampling: Mapping[str, Any] = field(default_factory=dict[str, Any])
    system: str = ""


@dataclass(slots=True)
class ChatSession:
    """What is kept of a conversation. identity: 0 until it is kept. changed: when, as the database has it."""

    panes: list[PaneState]
    identity: int = 0
    title: str = ""
    changed: str = ""

    @property
    def is_empty(self) -> bool:
        """Nothing was said in any pane."""
        return all(pane.dialogue.is_empty for pane in self.panes)

    @property
    def heading(self) -> str:
        """Its title, else how it begins."""
        if self.title:
            return self.title
        first = next((pane.dialogue.path[0].prompt for pane in self.panes if pane.dialogue.path), "")
        line = " ".join(first.split())
        return line if len(line) <= _TITLE else f"{line[: _TITLE - 1].rstrip()}…"

    @property
    def words(self) -> str:
        """All that is searched."""
        found = [self.title]
        for pane in self.panes:
            found.append(pane.name)
            for turn in pane.dialogue.path:
                found += [turn.prompt, turn.answer]
        return "\n".join(found)

    def to_json(self) -> str:
        """To be kept."""
        panes = [
            {
                "voice": pane.voice.as_dict() if pane.voice else None,
                "dialogue": pane.dialogue.as_dict(),
                "name": pane.name,
                "sampling": dict(pane.sampling),
                "system": pane.system,
            }
            for pane in self.panes
        ]
        return json.dumps({"format": 1, "panes": panes}, ensure_ascii=False)

    @staticmethod
    def from_json(text: str) -> ChatSession:
        """Read what `to_json` wrote. Raises ValueError for anything else."""
        parsed: Any = json.loads(text)
        try:
            panes = [
                PaneState(
                    _voice(value["voice"]),
                    Dialogue.from_dict(value["dialogue"]),
                    str(value["name"]),
                    cast("dict[str, Any]", dict(value["sampling"])),
                    str(value["system"]),
                )
                for value in parsed["panes"]
            ]
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"it is no conversation ({error})") from error
        return ChatSession(panes)


def _voice(values: Any) -> Voice | None:
    if values is None:
        return None
    folders = [Path(values[name]) if values[name] else None for name in ("base", "adapter", "asked_like")]
    return Voice(folders[0] or Path(), folders[1], str(values["template"]), folders[2])


def conversation_of(pane: PaneState) -> tuple[Message, ...]:
    """What was said in a pane and answered, as an example to learn from; empty when nothing was."""
    turns = answered(pane.dialogue.path)
    if not turns:
        return ()
    found = [Message("system", pane.system)] if pane.system else []
    for turn in turns:
        found += [Message("user", turn.prompt), Message("assistant", turn.answer)]
    return tuple(found)


def as_json_lines(sessions: Sequence[ChatSession]) -> str:
    """One line a pane: its model and its messages."""
    lines: list[str] = []
    for session in sessions:
        for pane in session.panes:
            turns = conversation_of(pane)
            if turns:
                messages = [turn.as_dict() for turn in turns]
                values = {"conversation": session.heading, "model": pane.name, "messages": messages}
                lines.append(json.dumps(values, ensure_ascii=False))
    return "".join(f"{line}\n" for line in lines)


def as_markdown(sessions: Sequence[ChatSession]) -> str:
    """To be read: a heading for each conversation and each pane."""
    parts: list[str] = []
    for session in sessions:
        parts.append(f"# {session.heading}\n")
        for pane in session.panes:
            turns = conversation_of(pane)
            if turns:
                parts.append(f"## {pane.name}\n")
                parts += [f"**{_WHO[turn.role]}**\n\n{turn.content.strip()}\n" for turn in turns]
    return "\n".join(parts)


_WHO = {"system": "System", "user": "You", "assistant": "Answer", "tool": "Tool"}
