"""Parts of rows: texts, prompts, answers, turns and numbers out of parsed JSON. Each raises ValueError with the reason.

The reason is in words that follow "Line 12: ".
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, cast

from studio.core.messages import Message, check_text, in_short, is_unlearned, messages_from, with_tools
from studio.core.tool_calls import calls_from

Row = Mapping[str, Any]
SPEAKERS = {
    "human": "user", "user": "user", "prompter": "user",
    "gpt": "assistant", "assistant": "assistant", "chatgpt": "assistant", "bot": "assistant", "model": "assistant",
    "system": "system", "developer": "system",
    "function_call": "call", "function-call": "call",
    "observation": "tool", "tool": "tool", "function_response": "tool", "function-response": "tool", "function": "tool",
}  # fmt: skip


def text_of(row: Row, column: str, *, needed: bool = True) -> str:
    """The text of a column; empty when there is none and none is needed."""
    value = row.get(column)
    if isinstance(value, str):
        return value if value.isascii() else check_text(value, f"“{column}”")
    if value is None and not needed:
        return ""
    if value is None:
        raise ValueError(f"there is no “{column}”")
    raise ValueError(f"“{column}” is {kind_in_words(value)}, not text")


def kind_in_words(value: Any) -> str:
    """A JSON value's type in words."""
    if value is None:
        return "null"
    kinds: dict[type, str] = {bool: "true or false", int: "a number", float: "a number", str: "text", list: "a list"}
    if isinstance(value, Mapping):
        return "an object"
    return next((words for kind, words in kinds.items() if isinstance(value, kind)), "something else")


def columns_of(row: Any) -> Row:
    """The row, when it is one."""
    if isinstance(row, dict):  # much quicker to ask than for any mapping
        return cast("Row", row)
    if not isinstance(row, Mapping):
        raise ValueError(no_columns(row))
    return cast("Row", row)


def no_columns(value: Any) -> str:
    """Why a value that has no columns is no row, in words that follow "Line 12: "."""
    return f"this is {kind_in_words(value)}, not an object with columns"


def asked_of(columns: Row) -> tuple[Message, ...]:
    """The prompt: text (with an optional system column) or messages. Without a prompt column: no turns."""
    value = columns.get("prompt")
    if value is None:
        return ()
    if isinstance(value, list):
        return messages_from(cast("list[Any]", value), columns.get("tools"))
    text, system = text_of(columns, "prompt"), columns.get("system")
    if not text.strip():
        raise ValueError("“prompt” is empty")
    asked = Message("user", text)
    if isinstance(system, str) and system.strip():
        return Message("system", check_text(system, "“system”")), asked
    return (asked,)


def answer_of(columns: Row, name: str) -> str:
    """An answer: text, or a list of one assistant's turn."""
    value = columns.get(name)
    if isinstance(value, list):
        turns = messages_from(cast("list[Any]", value))
        if len(turns) != 1 or turns[0].role != "assistant" or turns[0].calls:
            raise ValueError(f"“{name}” must be one answer")
        value = turns[0].content
    else:
        value = text_of(columns, name)
    if not value.strip():
        raise ValueError(f"“{name}” is empty, so there is nothing to learn")
    return value


def turns_of(values: list[Any]) -> tuple[Message, ...]:
    """Turns in OpenAI's or in ShareGPT's form."""
    first = values[0] if values else None
    return sharegpt_turns(values) if isinstance(first, Mapping) and "from" in first else messages_from(values)


def sharegpt_turns(values: Any, tools: Any = None) -> tuple[Message, ...]:
    """Turns of `from` and `value`, or of `role` and `content` under ShareGPT's names."""
    if not isinstance(values, list) or not values:
        raise ValueError("“conversations” is not a list of turns")
    turns: list[Message] = []
    for number, value in enumerate(cast("list[Any]", values), start=1):
        if not isinstance(value, Mapping):
            raise ValueError(f"turn {number} is {kind_in_words(value)}, not an object with “from” and “value”")
        turn = cast("Row", value)
        if "from" not in turn and "role" in turn and str(turn["role"]) in ("tool", "assistant", "function"):
            turns += messages_from([dict(turn)])
            continue
        named = turn.get("from", turn.get("role"))
        role = SPEAKERS.get(named.lower()) if isinstance(named, str) else None
        if role is None:
            raise ValueError(f"turn {number} is from “{in_short(named)}”; known are {', '.join(SPEAKERS)}")
        words = turn.get("value", turn.get("content"))
        if not isinstance(words, str):
            raise ValueError(f"turn {number} has no text in “value”")
        check_text(words, f"turn {number}")
        said = _called(words, number) if role == "call" else Message(cast("Any", role), words)
        turns.append(said._replace(unlearned=True) if len(turn) > 2 and is_unlearned(turn) else said)
    return with_tools(tuple(turns), tools)


def _called(words: str, number: int) -> Message:
    try:
        return Message("assistant", "", calls_from(words))
    except ValueError as error:
        raise ValueError(f"turn {number}: {error}") from None


def first_of(columns: Row, names: tuple[str, ...]) -> str:
    """The first of these names that is a column."""
    return next((name for name in names if name in columns), names[0])


def has(columns: Row, names: tuple[str, ...]) -> bool:
    """Whether one of these names is a column."""
    return any(name in columns for name in names)


def number_of(value: Any, column: str) -> float:
    """A finite number, as JSON or as a table has it."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            raise ValueError(f"“{column}” is “{in_short(value)}”, not a number") from None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"“{column}” is {kind_in_words(value)}, not a number")
    try:
        number = float(value)
    except OverflowError:
        raise ValueError(f"“{column}” is too large a number") from None
    if not math.isfinite(number):
        raise ValueError(f"“{column}” is {number}, not a finite number")
    return number


def truth_of(value: Any) -> bool:
    """True or false, as JSON, tables and people write it."""
    words = {"true": True, "1": True, "good": True, "false": False, "0": False, "bad": False}
    if isinstance(value, bool):
        return value
    if str(value).strip().lower() in words:
        return words[str(value).strip().lower()]
    raise ValueError(f"“label” is “{in_short(value)}”; it must be true or false")
