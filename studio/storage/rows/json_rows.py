"""Rows of JSON: a value a line, a list of values, or values one after another, each read as it comes.

Lines are parsed by orjson; what it refuses is tried again by the standard library, which takes more (NaN, half a
character, numbers of any size) and says better what is wrong.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import orjson

from studio.core.datasets import RowProblem
from studio.core.errors import StudioError
from studio.storage.rows.sources import HINT, LONGEST, Found, Source

_NEXT_ROW = re.compile(r"\}\s*,?\s*(?=\{)")
_SPACE = re.compile(r"[\s,]*")
_NUMBER = re.compile(r"line \d+ ")
_LAST = 16  # characters at the end of what was read where an error may only mean that more is to be read
_TOO_LONG = f"it is longer than {LONGEST // 1_000_000} million characters"
_TOO_DEEP = "it is nested too deeply"


def json_rows(source: Source) -> Iterator[Found]:
    """The rows of a file of JSON. Raises StudioError when it is something else."""
    text = ""
    for piece, _, _ in source.texts():
        text += piece
        if len(text.lstrip()) > 100 or len(text) > LONGEST:
            break
    start = text.lstrip().lstrip("\ufeff").lstrip()
    if not start:
        raise StudioError(f"“{source.path.name}” is empty.", HINT)
    if start[0] == "[" and source.ending not in (".jsonl", ".ndjson"):
        return _Stream(source).rows(in_list=True)
    if start[0] == "[" and not _is_value(start.split("\n", 1)[0]):
        return _Stream(source).rows(in_list=True)
    if start[0] in "{[":
        return _Stream(source).rows(in_list=False) if _spans_lines(source) else _line_rows(source)
    beginning = start[:30].split("\n")[0].rstrip("\r")
    raise StudioError(f"“{source.path.name}” is not JSON: it begins with “{beginning}”.", HINT)


def _is_value(line: str) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def _spans_lines(source: Source) -> bool:
    """Whether the first value goes over several lines, so that a line is no row."""
    stream = _Stream(source)
    while "\n" not in stream.text.lstrip() and stream.more():
        pass
    first = stream.text.lstrip().split("\n", 1)[0]
    if _is_value(first):
        return False
    found = next(stream.rows(in_list=False), None)
    return found is not None and not isinstance(found[1], RowProblem)


def _line_rows(source: Source) -> Iterator[Found]:
    loads, number = orjson.loads, 0
    for lines, done, total in _lines(source):
        for line in lines:
            number += 1
            if line is None:
                yield number, RowProblem(number, _TOO_LONG), done, total
                continue
            try:
                value = loads(line)
            except ValueError:
                if not line.strip():
                    continue
                value = _read_slowly(line, number)
            yield number, value, done, total


def _read_slowly(line: bytes, number: int) -> Any:
    try:
        return json.loads(line.decode())
    except ValueError as error:
        return RowProblem(number, f"it is not JSON ({_NUMBER.sub('', str(error))})")
    except RecursionError:
        return RowProblem(number, _TOO_DEEP)


def _lines(source: Source) -> Iterator[tuple[list[bytes | None], int, int]]:
    """Lines by the blockful; None for one that is too long to be looked at."""
    parts: list[bytes] = []
    length, done, total = 0, 0, 0
    for block, done, total in source.utf8():
        if b"\n" not in block:
            length += len(block)
            parts = [*parts, block] if length <= LONGEST else []
            continue
        first, *lines = block.split(b"\n")
        length += len(first)
        begun: bytes | None = b"".join([*parts, first]) if length <= LONGEST else None
        parts, length = [lines[-1]], len(lines[-1])
        yield [begun, *lines[:-1]], done, total
    yield [b"".join(parts) if length <= LONGEST else None], done, total


class _Stream:
    """Values one after another in a window on the text, which moves on as they are read."""

    def __init__(self, source: Source) -> None:
        self.text = ""
        self._pieces = source.texts()
        self._place = 0  # in the window
        self._line, self._counted, self._column = 1, 0, 0
        self._done, self._total = 0, 0

    def more(self) -> bool:
        """Read on, at least doubling what is not read yet. False at the end of the file."""
        self._move()
        wanted, parts = max(len(self.text), 1), list[str]()
        while wanted > 0 and (piece := next(self._pieces, None)) is not None:
            parts.append(piece[0])
            self._done, self._total = piece[1:]
            wanted -= len(piece[0])
        self.text += "".join(parts)
        return bool(parts)

    def _move(self) -> None:
        """Forget what was read."""
        self._count()
        last = self.text.rfind("\n", 0, self._place)
        self._column = self._column + self._place if last < 0 else self._place - last - 1
        self.text, self._place, self._counted = self.text[self._place :], 0, 0

    def _count(self) -> int:
        self._line += self.text.count("\n", self._counted, self._place)
        self._counted = self._place
        return self._line

    def _skip(self) -> str:
        """Move to the next thing that is neither space nor comma; empty at the end of the file."""
        while True:
            matched = _SPACE.match(self.text, self._place)
            self._place = matched.end() if matched else self._place
            if self._place < len(self.text):
                return self.text[self._place]
            if not self.more():
                return ""

    def rows(self, *, in_list: bool) -> Iterator[Found]:
        """The values of a list, or of a file without one."""
        decoder = json.JSONDecoder()
        if self._skip() == "\ufeff":
            self._place += 1
            self._skip()
        if in_list:
            self._place += 1
        while sign := self._skip():
            if sign == "]" and in_list:
                return
            line, place = self._count(), self._place
            try:
                value, end = decoder.raw_decode(self.text, place)
                if end == len(self.text) and sign not in "{[" and self.more():
                    continue  # a number may go on
                self._place = end
            except (ValueError, RecursionError) as error:
                if self._may_go_on(error) and self.more():
                    continue
                yield line, RowProblem(line, self._reason(error, line)), self._done, self._total
                if not self._find_next():
                    return
                continue
            yield line, value, self._done, self._total
        if in_list:
            line = self._count()
            problem = RowProblem(line, "the file ends here without the closing “]”; it may be cut off")
            yield line, problem, self._done, self._total

    def _may_go_on(self, error: Exception) -> bool:
        if not isinstance(error, json.JSONDecodeError) or len(self.text) - self._place > LONGEST:
            return False
        return error.pos >= len(self.text) - _LAST or error.msg.startswith("Unterminated string")

    def _reason(self, error: Exception, line: int) -> str:
        if isinstance(error, RecursionError):
            return _TOO_DEEP
        if len(self.text) - self._place > LONGEST and self._may_be_cut(error):
            return _TOO_LONG
        if isinstance(error, json.JSONDecodeError):
            below = self.text.count("\n", self._place, error.pos)
            last = self.text.rfind("\n", 0, error.pos)
            column = error.pos - last if last >= 0 else error.pos + self._column + 1
            return f"it is not JSON ({error.msg}, line {line + below}, column {column})"
        return f"it is not JSON ({error})"

    def _may_be_cut(self, error: Exception) -> bool:
        return isinstance(error, json.JSONDecodeError) and (
            error.pos >= len(self.text) - _LAST or error.msg.startswith("Unterminated string")
        )

    def _find_next(self) -> bool:
        """Go to where a row ends and another begins: "}, {". False at the end of the file."""
        while (following := _NEXT_ROW.search(self.text, self._place)) is None:
            self._place = max(self._place, len(self.text) - 4096)  # white space between two rows
            if not self.more():
                return False
        self._place = following.end()
        return True
