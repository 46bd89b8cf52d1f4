"""Rows of tables (CSV, TSV) and of plain text.

A cell of a list column (turns, tools, ranks) is JSON, as `storage.export` writes it; the apostrophe that keeps a
spreadsheet from running a cell as a formula is taken away again.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from typing import Any, cast

from studio.core.datasets import RowProblem
from studio.core.errors import StudioError
from studio.storage.rows.sources import HINT, Found, Source

_LONGEST_CELL = 16_000_000  # characters, of four bytes each while csv collects them; its own limit is 131,072
# What a spreadsheet would take for a formula, and what would be read as turns: written with a ' before it.
_GUARDED = re.compile(r"'+(?:[=+\-@\t\r]|\[\s*\{)")
_FORMULA = re.compile(r"'*(?:[=+\-@\t\r]|\[\s*\{)")
_TURNS = {"prompt", "chosen", "rejected"}  # text, or turns
_LISTS = {"messages", "conversations", "history", "tools", "responses", "answers", "ranks"} | _TURNS


class _Lines:
    """The lines of a file with their ends, and how far it is read."""

    def __init__(self, source: Source) -> None:
        self._pieces = source.texts()
        self.done, self.total = 0, 0

    def __iter__(self) -> Iterator[str]:
        parts: list[str] = []
        for text, done, total in self._pieces:
            self.done, self.total = done, total
            if "\n" not in text and "\r" not in text:
                parts.append(text)
                continue
            # Unlike splitlines, StringIO takes no other characters for line breaks.
            lines = list(io.StringIO("".join([*parts, text]), newline=""))
            complete = lines[-1].endswith("\n")
            parts = [] if complete else [lines.pop()]  # "\r" at the end may be half of "\r\n"
            yield from lines
        if rest := "".join(parts):
            yield rest


def table_rows(source: Source) -> Iterator[Found]:
    """A row for each line below the first, which names the columns. Raises StudioError when there is none."""
    csv.field_size_limit(_LONGEST_CELL)
    lines = _Lines(source)
    stream = iter(lines)
    begun: list[str] = []
    for line in stream:
        begun.append(line)
        if line.strip():
            break
    else:
        raise StudioError(f"“{source.path.name}” is empty.", HINT)
    delimiter = _delimiter(begun[-1], source.ending)

    def whole() -> Iterator[str]:
        yield from begun
        yield from stream

    table = csv.reader(whole(), delimiter=delimiter, strict=True)
    try:
        names = next(cells for cells in table if cells)
    except csv.Error as error:
        raise StudioError(f"“{source.path.name}” is not a table: {error}.", "Save it as CSV again.") from error
    begins = table.line_num + 1
    while True:
        try:
            cells = next(table)
        except StopIteration:
            return
        except csv.Error as error:
            yield begins, RowProblem(begins, f"it is not CSV ({error})"), lines.done, lines.total
            begins = table.line_num + 1
            continue
        if len(cells) == len(names):
            yield begins, row_of_cells(names, cells), lines.done, lines.total
        elif cells:
            reason = f"it has {len(cells)} cells; the first line names {len(names)} columns"
            yield begins, RowProblem(begins, reason), lines.done, lines.total
        begins = table.line_num + 1


def _delimiter(head: str, ending: str) -> str:
    """What stands between the cells: Excel writes semicolons where the comma is for decimals."""
    if ending == ".tsv":
        return "\t"
    return max(",;\t", key=lambda sign: (head.count(sign), sign == ","))


def row_of_cells(names: list[str], cells: list[str]) -> dict[str, Any]:
    """A row out of a table's cells."""
    row: dict[str, Any] = {}
    for name, cell in zip(names, cells, strict=True):
        if cell[:1] == "[" and name in _LISTS:
            row[name] = _listed(name, cell)
        else:
            row[name] = cell[1:] if cell[:1] == "'" and _GUARDED.match(cell) else cell
    return row


def cell_of(value: Any) -> str:
    """A value as a table's cell, which `row_of_cells` reads: a formula of no spreadsheet."""
    if value is None:
        return ""
    if not isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    return "'" + value if _FORMULA.match(value) else value


def _listed(name: str, cell: str) -> Any:
    """The list that a cell holds, else its text. A prompt or an answer is a list only of turns."""
    try:
        value = json.loads(cell)
    except (ValueError, RecursionError):
        return cell
    if name not in _TURNS:
        return value
    turns = cast("list[Any]", value)
    return turns if turns and all(isinstance(turn, dict) and "role" in turn for turn in turns) else cell


def paragraph_rows(source: Source) -> Iterator[Found]:
    """Plain text, a row a line: what stands between line breaks belongs together, and blank lines are nothing.

    A first line that is the word “prompt” alone says that the others are prompts, as the head of a table would.
    """
    lines, column, found = _Lines(source), "text", False
    for number, line in enumerate(lines, start=1):
        if number == 1 and line.strip().lower() == "prompt":
            column = "prompt"
        elif line.strip():
            found = True
            yield number, {column: line.rstrip("\r\n")}, lines.done, lines.total
    if not found and column == "text":
        raise StudioError(f"“{source.path.name}” is empty.", HINT)
