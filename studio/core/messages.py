"""Messages and examples: the one form in which text to learn from travels through the program.

Every imported shape becomes an `Example`; every template renders one. What a tool call is, is `core.tool_calls`.
Templates and tokens are elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from json.encoder import encode_basestring
from typing import Any, Literal, NamedTuple, cast, get_args

from studio.core.tool_calls import ToolCall, calls_from, tools_from

Role = Literal["system", "user", "assistant", "tool"]
ROLES: tuple[str, ...] = get_args(Role)
_SHORT = 60  # characters
_NOTHING_MORE = ((), "", "", "", False)
_ALSO = {"developer": "system", "function": "tool"}  # OpenAI's newer and older words


class Message(NamedTuple):
    """One turn of a conversation. (A named tuple is made five times as fast as a frozen dataclass.)

    calls: what an assistant's turn asks tools for. tool, call_id: whose result a tool's turn is, and of which call.
    tools: the tools that may be called, as the JSON list that chat templates take; it stands on the first turn.
    unlearned: whether the turn is only read, whatever is learned of its role (OpenAI's `"weight": 0`).
    """

    role: Role
    content: str
    calls: tuple[ToolCall, ...] = ()
    tool: str = ""
    call_id: str = ""
    tools: str = ""
    unlearned: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether it is a role and words and nothing else."""
        return self[2:] == _NOTHING_MORE

    def as_dict(self) -> dict[str, Any]:
        """The form that chat templates take. Tools are not of a turn there: see `tools_of`."""
        turn: dict[str, Any] = {"role": self.role, "content": self.content}
        if self.calls:
            turn["tool_calls"] = [call.as_dict() for call in self.calls]
        if self.tool:
            turn["name"] = self.tool
        if self.call_id:
            turn["tool_call_id"] = self.call_id
        return turn

    def as_row(self) -> dict[str, Any]:
        """The form that files have: with whether the turn is learned, as OpenAI writes it."""
        return self.as_dict() | {"weight": 0} if self.unlearned else self.as_dict()

    def to_json(self) -> str:
        """Canonical JSON: [role, content], and a third part when there is more."""
        # Written around the encoder's own C function: three times as fast as json.dumps.
        words = f'["{self.role}",{encode_basestring(self.content)}'
        if self.is_plain:
            return words + "]"
        more: dict[str, Any] = {"calls": [[call.name, call.arguments, call.id] for call in self.calls]}
        more |= {"tool": self.tool, "call_id": self.call_id, "tools": self.tools, "unlearned": self.unlearned}
        more = {name: value for name, value in more.items() if value}
        return f"{words},{json.dumps(more, ensure_ascii=False, separators=(',', ':'))}]"

    @staticmethod
    def from_value(value: Sequence[Any]) -> Message:
        """Read what `to_json` wrote, parsed."""
        if len(value) == 2:
            return Message(value[0], value[1])
        role, content, more = value
        calls = tuple(ToolCall(*call) for call in more.get("calls", ()))
        told: tuple[str, str, str] = (more.get("tool", ""), more.get("call_id", ""), more.get("tools", ""))
        return Message(role, content, calls, *told, unlearned=more.get("unlearned", False))


def turns_to_json(turns: Iterable[Message]) -> str:
    """Canonical JSON of several turns."""
    # A dataset has millions of plain turns, so they are written here, without a call for each.
    parts = [
        f'["{turn[0]}",{encode_basestring(turn[1])}]' if turn[2:] == _NOTHING_MORE else turn.to_json() for turn in turns
    ]
    return f"[{','.join(parts)}]"


def turns_from_value(values: Iterable[Sequence[Any]]) -> tuple[Message, ...]:
    """Read what `turns_to_json` wrote, parsed."""
    return tuple([Message.from_value(value) for value in values])


def tools_of(turns: Sequence[Message]) -> list[dict[str, Any]] | None:
    """The tools that may be called in a conversation, as chat templates take them; None when there are none."""
    text = next((turn.tools for turn in turns if turn.tools), "")
    return cast("list[dict[str, Any]]", json.loads(text)) if text else None


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
        last = next((m for m in reversed(self.messages) if m.role == "assistant"), None)
        if last is None:
            return ""
        return last.content or " ".join(f"{call.name}({call.arguments})" for call in last.calls)

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
        return turns_to_json(self.messages)

    @staticmethod
    def from_json(text: str) -> Example:
        """Read `to_json`. Raises ValueError if the text is not of that form."""
        return Example(turns_from_value(json.loads(text)))


def messages_from(values: Any, tools: Any = None) -> tuple[Message, ...]:
    """Messages out of parsed JSON (`[{"role": ..., "content": ...}]`), with the tools that may be called in them.

    Raises ValueError with the reason.
    """
    if not isinstance(values, list) or not values:
        raise ValueError("messages must be a list with at least one turn")
    turns: list[Message] = []
    for number, value in enumerate(cast("list[Any]", values), start=1):
        if not isinstance(value, dict):
            raise ValueError(f"turn {number} is not an object with role and content")
        turns.append(_message(cast("dict[str, Any]", value), number))
    return with_tools(tuple(turns), tools)


def with_tools(turns: tuple[Message, ...], tools: Any) -> tuple[Message, ...]:
    """The turns with the tools that may be called noted on the first. Raises ValueError."""
    text = tools_from(tools) if tools is not None and tools != "" else ""
    if not text or not turns:
        return turns
    return (turns[0]._replace(tools=text), *turns[1:])


def _message(turn: dict[str, Any], number: int) -> Message:
    role, content = turn.get("role"), turn.get("content")
    if role not in ROLES:
        role = _ALSO.get(role, role) if isinstance(role, str) else role
        if role not in ROLES:
            raise ValueError(f"turn {number} has the role “{in_short(role)}”; known roles are {', '.join(ROLES)}")
    if isinstance(content, str) and len(turn) == 2:  # the usual case, quickly
        return Message(cast("Role", role), check_text(content, f"turn {number}"))
    try:
        calls = calls_from(turn.get("tool_calls") or turn.get("function_call")) if role == "assistant" else ()
    except ValueError as error:
        raise ValueError(f"turn {number}: {error}") from None
    text = _words(content, number) if content is not None or not calls else ""
    name, call = turn.get("name"), turn.get("tool_call_id")
    unlearned = is_unlearned(turn)
    if role != "tool":
        return Message(cast("Role", role), text, calls, unlearned=unlearned)
    return Message("tool", text, (), _name(name, number), _name(call, number), unlearned=unlearned)


def is_unlearned(turn: Mapping[str, Any]) -> bool:
    """Whether a turn says of itself that it is not to be learned: `"weight": 0`, or `"train": false`."""
    return turn.get("weight") == 0 or turn.get("train") is False


def _words(content: Any, number: int) -> str:
    """The text of a turn: plain, or in parts as newer interfaces write it."""
    if isinstance(content, list) and content:
        parts = cast("list[Any]", content)
        texts: list[str] = []
        for part in parts:
            kind = cast("dict[str, Any]", part).get("type") if isinstance(part, dict) else None
            text = cast("dict[str, Any]", part).get("text") if isinstance(part, dict) else None
            if not isinstance(text, str) or kind not in (None, "text", "input_text", "output_text"):
                raise ValueError(f"turn {number} holds something that is not text ({in_short(kind or 'of no kind')})")
            texts.append(text)
        content = "\n".join(texts)
    if not isinstance(content, str):
        raise ValueError(f"turn {number} has no text in “content”")
    return check_text(content, f"turn {number}")


def _name(value: Any, number: int) -> str:
    return check_text(value, f"turn {number}") if isinstance(value, str) else ""


def in_short(value: object) -> str:
    """A value as it is shown in a sentence: its beginning."""
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= _SHORT else text[:_SHORT] + "…"


def check_text(text: str, where: str) -> str:
    """The text, unless it can't be kept: half of a character out of broken JSON. Raises ValueError."""
    if not text.isascii():  # which is known without looking
        try:
            text.encode()
        except UnicodeEncodeError:
            raise ValueError(f"{where} holds half of a character (a lone surrogate), which no file can keep") from None
    return text
