"""Datasets: what one is, and how a row of a known shape becomes an example.

Reading files is `storage.interchange`; keeping rows is `storage.datasets`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from studio.core.messages import Example, Message

ALPACA_COLUMNS = ("instruction", "input", "output", "system", "history")


@dataclass(frozen=True, slots=True)
class DatasetInfo:
    """A dataset in a project. `content_hash`: SHA-256 over its examples in order, so that runs can name their data."""

    id: str
    name: str
    source: str
    rows: int
    content_hash: str
    created: str


@dataclass(frozen=True, slots=True)
class RowProblem:
    """A row that cannot be used: the line it begins on (from 1) and why, in words."""

    line: int
    reason: str


@dataclass(slots=True)
class ImportPreview:
    """What an import would do, known before anything is written.

    rows: examples that can be used. broken: rows that can't be, of which `problems` names the first.
    """

    path: str
    shape: str
    rows: int = 0
    broken: int = 0
    problems: list[RowProblem] = field(default_factory=list[RowProblem])
    first: list[Example] = field(default_factory=list[Example])

    @property
    def summary(self) -> str:
        """One line for a person: how many rows, of which shape, how many cannot be used."""
        text = f"{self.rows:,} example{'s' * (self.rows != 1)} in {self.shape} form"
        if self.broken:
            text += f"; {self.broken:,} row{'s' * (self.broken != 1)} cannot be used"
        return text


def example_from_alpaca(row: Any) -> Example:
    """An example from one Alpaca row: `instruction`, optional `input`, `output`, optional `system` and `history`.

    `input` follows the instruction on a new line, as in LLaMA-Factory. `history` is a list of (prompt, answer) pairs
    before it. Raises ValueError with the reason, in words that follow "Line 12: ".
    """
    if not isinstance(row, Mapping):
        raise ValueError(f"this is {_kind(row)}, not an object with “instruction” and “output”")
    columns = cast("Mapping[str, Any]", row)
    instruction, answer = _text(columns, "instruction"), _text(columns, "output")
    extra = _text(columns, "input", needed=False)
    if not instruction.strip() and not extra.strip():
        raise ValueError("“instruction” is empty")
    if not answer.strip():
        raise ValueError("“output” is empty, so there is nothing to learn")
    turns: list[Message] = []
    system = _text(columns, "system", needed=False)
    if system.strip():
        turns.append(Message("system", system))
    turns += _history(columns.get("history"))
    prompt = "\n".join(part for part in (instruction, extra) if part.strip())
    return Example((*turns, Message("user", prompt), Message("assistant", answer)))


def looks_like_alpaca(row: Any) -> bool:
    """Whether a row has the columns that make it Alpaca."""
    return isinstance(row, Mapping) and "instruction" in row and "output" in row


def _text(row: Mapping[str, Any], column: str, *, needed: bool = True) -> str:
    value = row.get(column)
    if value is None and not needed:
        return ""
    if value is None:
        raise ValueError(f"there is no “{column}”")
    if not isinstance(value, str):
        raise ValueError(f"“{column}” is {_kind(value)}, not text")
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise ValueError(f"“{column}” holds half of a character (a lone surrogate), which no text file can keep")
    return value


def _history(value: Any) -> list[Message]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise ValueError(f"“history” is {_kind(value)}, not a list of [prompt, answer]")
    turns: list[Message] = []
    for pair in cast("list[Any]", value):
        match pair:
            case [str(prompt), str(answer)]:
                turns += [Message("user", prompt), Message("assistant", answer)]
            case _:
                raise ValueError("“history” has an entry that is not [prompt, answer]")
    return turns


def _kind(value: Any) -> str:
    """A JSON value's type in words."""
    if value is None:
        return "null"
    kinds: dict[type, str] = {
        bool: "true or false",
        int: "a number",
        float: "a number",
        str: "text",
        list: "a list",
    }
    if isinstance(value, Mapping):
        return "an object"
    return next((words for kind, words in kinds.items() if isinstance(value, kind)), "something else")
