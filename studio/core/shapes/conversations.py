"""Shapes of examples (Alpaca, OpenAI's messages, ShareGPT, prompt and completion), of prompts, and of plain text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

from studio.core.messages import Example, Message, check_text, messages_from, with_tools
from studio.core.records import Passage, Prompt, TaskRow
from studio.core.shapes.parts import (
    Row,
    answer_of,
    asked_of,
    columns_of,
    first_of,
    kind_in_words,
    sharegpt_turns,
    text_of,
)

_BESIDE_PROMPTS = {
    "prompt", "system", "tools", "id", "idx", "category", "source", "family", "kind", "type", "topic", "language",
    "difficulty", "check",
}  # fmt: skip
COMPLETIONS = ("completion", "gold", "reference")
_USUAL = {"instruction", "input", "output"}


def example_from_alpaca(row: Any) -> Example:
    """An example from one Alpaca row: `instruction`, optional `input`, `output`, optional `system`, `history`, `tools`.

    `input` follows the instruction on a new line, as in LLaMA-Factory. `history` is a list of (prompt, answer) pairs
    before it. Raises ValueError with the reason, in words that follow "Line 12: ".
    """
    columns = columns_of(row)
    instruction, answer = text_of(columns, "instruction"), text_of(columns, "output")
    extra = text_of(columns, "input", needed=False)
    has_extra = bool(extra) and not extra.isspace()
    if not instruction or instruction.isspace():
        if not has_extra:
            raise ValueError("“instruction” is empty")
        prompt = extra
    else:
        prompt = f"{instruction}\n{extra}" if has_extra else instruction
    if not answer or answer.isspace():
        raise ValueError("“output” is empty, so there is nothing to learn")
    asked, answered = Message("user", prompt), Message("assistant", answer)
    if columns.keys() <= _USUAL:
        return Example((asked, answered))
    turns: list[Message] = []
    system = text_of(columns, "system", needed=False)
    if system.strip():
        turns.append(Message("system", system))
    turns += _history(columns.get("history"))
    return Example(with_tools((*turns, asked, answered), columns.get("tools")))


def _history(value: Any) -> list[Message]:
    if value is None or value == "":  # a table's empty cell
        return []
    if not isinstance(value, list):
        raise ValueError(f"“history” is {kind_in_words(value)}, not a list of [prompt, answer]")
    turns: list[Message] = []
    for pair in cast("list[Any]", value):
        match pair:
            case [str(prompt), str(answer)]:
                turns.append(Message("user", check_text(prompt, "“history”")))
                turns.append(Message("assistant", check_text(answer, "“history”")))
            case _:
                raise ValueError("“history” has an entry that is not [prompt, answer]")
    return turns


def from_messages(row: Any) -> Example:
    """An example from a column of OpenAI's messages."""
    columns = columns_of(row)
    return _learnable(messages_from(columns.get("messages"), columns.get("tools")))


def from_sharegpt(row: Any) -> Example:
    """An example from ShareGPT's conversations, with their tools and their system column when there are any."""
    columns = columns_of(row)
    turns = sharegpt_turns(columns.get("conversations"))
    system = columns.get("system")
    if isinstance(system, str) and system.strip() and turns[0].role != "system":
        turns = (Message("system", check_text(system, "“system”")), *turns)
    return _learnable(with_tools(turns, columns.get("tools")))


def from_completion(row: Any) -> Example:
    """An example from a prompt and its completion."""
    columns = columns_of(row)
    before = asked_of(columns)
    if not before:
        raise ValueError("there is no “prompt”")
    return Example((*before, Message("assistant", answer_of(columns, first_of(columns, COMPLETIONS)))))


def waits(row: Row) -> bool:
    """Whether a row has a prompt and nothing that could be an answer to it."""
    if "messages" in row:
        turns: Any = row["messages"]
        last: Any = cast("list[Any]", turns)[-1] if isinstance(turns, list) and turns else None
        return isinstance(last, Mapping) and cast("Row", last).get("role") == "user"
    return "prompt" in row and row.keys() <= _BESIDE_PROMPTS


def from_prompt(row: Any) -> Prompt:
    """A prompt: text, or a conversation that ends with a question."""
    columns = columns_of(row)
    tools = columns.get("tools")
    turns = messages_from(columns["messages"], tools) if "messages" in columns else asked_of(columns)
    if not turns:
        raise ValueError("there is no prompt")
    if turns[-1].role != "user" or not turns[-1].content.strip():
        raise ValueError("the conversation does not end with a question")
    return Prompt(turns)


def from_task(row: Any) -> TaskRow:
    """A row of a labelled task: its columns, each as text, or as a list or an object where it is one."""
    columns = {name: _cell(name, value) for name, value in columns_of(row).items()}
    if not any(columns.values()):
        raise ValueError("all of its columns are empty")
    return TaskRow(tuple(columns.items()))


def _cell(name: str, value: Any) -> Any:
    """A value in the one form that all files give it: a table writes numbers and lists as text."""
    if isinstance(value, str):
        check_text(value, f"“{name}”")
        if not value.startswith(("[", "{")):
            return value
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return value
    if value is None or isinstance(value, (bool, int, float)):
        if value is None:
            return ""
        whole = isinstance(value, float) and value.is_integer()
        return str(value).lower() if isinstance(value, bool) else f"{value:.0f}" if whole else str(value)
    try:
        return json.loads(check_text(json.dumps(value, ensure_ascii=False, allow_nan=False), f"“{name}”"))
    except (TypeError, ValueError, RecursionError):
        raise ValueError(f"“{name}” holds something that can't be kept") from None


def from_text(row: Any) -> Passage:
    """A passage of plain text."""
    text = text_of(columns_of(row), "text")
    if not text.strip():
        raise ValueError("“text” is empty")
    return Passage(text)


def _learnable(turns: tuple[Message, ...]) -> Example:
    if not any(turn.role == "assistant" and (turn.calls or turn.content.strip()) for turn in turns):
        raise ValueError("no turn is an answer, so there is nothing to learn")
    return Example(turns)
