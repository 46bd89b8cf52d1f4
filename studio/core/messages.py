"""Messages and examples: the one form in which text to learn from travels through the program.

Every imported shape becomes an `Example`; every template renders one. Templates and tokens are elsewhere.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

Role = Literal["system", "user", "assistant"]
ROLES: tuple[str, ...] = get_args(Role)


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: Role
    content: str

    def as_dict(self) -> dict[str, str]:
        """The form that chat templates take."""
        return {"role": self.role, "content": self.content}


@dataclass(frozen=True, slots=True)
class Example:
    """One training example: a conversation whose assistant turns are what a model learns to write."""

    messages: tuple[Message, ...]

    @property
    def prompt(self) -> str:
        """The first user turn, for lists."""
        return next((m.content for m in self.messages if m.role == "user"), "")

    @property
    def answer(self) -> str:
        """The last assistant turn, for lists."""
        return next((m.content for m in reversed(self.messages) if m.role == "assistant"), "")

    @property
    def cells(self) -> tuple[str, ...]:
        """Prompt and answer: what a table shows."""
        return self.prompt, self.answer

    @property
    def conversation(self) -> tuple[Message, ...]:
        """All turns."""
        return self.messages

    def to_json(self) -> str:
        """Canonical JSON: equal examples give equal text, so that it can be hashed."""
        return json.dumps([[m.role, m.content] for m in self.messages], ensure_ascii=False, separators=(",", ":"))

    @staticmethod
    def from_json(text: str) -> Example:
        """Read `to_json`. Raises ValueError if the text is not of that form."""
        pairs = cast("list[tuple[Role, str]]", json.loads(text))
        return Example(tuple(Message(role, content) for role, content in pairs))


def messages_from(values: Any) -> tuple[Message, ...]:
    """Messages out of parsed JSON (`[{"role": ..., "content": ...}]`). Raises ValueError with the reason."""
    if not isinstance(values, list) or not values:
        raise ValueError("messages must be a list with at least one turn")
    turns: list[Message] = []
    for number, value in enumerate(cast("list[Any]", values), start=1):
        if not isinstance(value, dict):
            raise ValueError(f"turn {number} is not an object with role and content")
        turn = cast("dict[str, Any]", value)
        role, content = turn.get("role"), turn.get("content")
        if role not in ROLES:
            raise ValueError(f"turn {number} has the role {role!r}; known roles are {', '.join(ROLES)}")
        if not isinstance(content, str):
            raise ValueError(f"turn {number} has no text in “content”")
        turns.append(Message(cast("Role", role), check_text(content, f"turn {number}")))
    return tuple(turns)


def check_text(text: str, where: str) -> str:
    """The text, unless it can't be kept: half of a character out of broken JSON. Raises ValueError."""
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError(f"{where} holds half of a character (a lone surrogate), which no file can keep")
    return text
