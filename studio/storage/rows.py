"""Rows of files: JSON lists and lines, CSV, TSV, Parquet and plain text; one broken row never fails a file.

Each reader yields (line the row begins on, parsed value or RowProblem, how far it is, out of how much).
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
import stat
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from studio.core.datasets import RowProblem
from studio.core.errors import StudioError
from studio.storage.files import reading_trouble

Found = tuple[int, Any, int, int]

HINT = "Choose a file of rows such as [{“instruction”: “...”, “input”: “”, “output”: “...”}]."
_NEXT_ROW = re.compile(r"\}\s*,\s*(?=\{)")
_SPACE = re.compile(r"[\s,]*")
_NUMBER = re.compile(r"line \d+ ")
_LONGEST_CELL = 100_000_000  # characters; the csv module's own limit is 131,072
_BATCH = 1000


def rows_of(path: Path) -> Iterator[Found]:
    """The rows of a file, by its ending and its content. Raises StudioError when it can't be read at all."""
    try:
        mode = os.stat(path).st_mode
    except OSError as error:
        raise reading_trouble(error, path) from error
    if stat.S_ISDIR(mode):
        raise StudioError(f"“{path.name}” is a folder, not a file.", "Choose a file in it.")
    if not stat.S_ISREG(mode):  # a pipe or device: it is read more than once, and may never end
        raise StudioError(f"“{path}” is not a file that can be read again.", "Save its content as a file first.")
    ending = path.suffix.lower()
    if ending == ".parquet":
        return _parquet_rows(path)
    text = _text_of(path)
    if ending in (".csv", ".tsv"):
        return _table_rows(text, "\t" if ending == ".tsv" else ",", path)
    if ending in (".txt", ".md"):
        return _paragraphs(text)
    return _json_rows(text, path)


def _text_of(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise reading_trouble(error, path) from error
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        kind, byte = encoding.removesuffix("-sig").upper(), data[error.start]
        what = f"“{path.name}” is not {kind} text: byte 0x{byte:02x} at position {error.start:,} cannot be read."
        raise StudioError(what, "Save it as UTF-8 and import it again.") from error
    if not text.strip():
        raise StudioError(f"“{path.name}” is empty.", HINT)
    return text


# -------------------------------------------------------------------------------------------- JSON


def _json_rows(text: str, path: Path) -> Iterator[Found]:
    start = len(text) - len(text.lstrip())
    if text[start] == "[":
        return _list_rows(text, start)
    if text[start] == "{":
        try:
            whole, end = json.JSONDecoder().raw_decode(text, start)
        except (ValueError, RecursionError):
            return _line_rows(text)
        if text[end:].strip():
            return _line_rows(text)
        return iter([(1, whole, len(text), len(text))])
    beginning = text[start : start + 30].split("\n")[0]
    raise StudioError(f"“{path.name}” is not JSON: it begins with “{beginning}”.", HINT)


def _line_rows(text: str) -> Iterator[Found]:
    end = 0
    for number, line in enumerate(text.split("\n"), start=1):
        end += len(line) + 1
        if not line.strip():
            continue
        try:
            yield number, json.loads(line), end, len(text)
        except ValueError as error:
            yield number, RowProblem(number, f"it is not JSON ({_NUMBER.sub('', str(error))})"), end, len(text)
        except RecursionError:
            yield number, RowProblem(number, "it is nested too deeply"), end, len(text)


def _list_rows(text: str, start: int) -> Iterator[Found]:
    decoder, total = json.JSONDecoder(), len(text)
    position, line, counted = start + 1, text.count("\n", 0, start + 1) + 1, start + 1
    while True:
        matched = _SPACE.match(text, position)
        position = matched.end() if matched else position
        line += text.count("\n", counted, position)
        counted = position
        if position >= total:
            problem = RowProblem(line, "the file ends here without the closing “]”; it may be cut off")
            yield line, problem, position, total
            return
        if text[position] == "]":
            return
        try:
            value, position = decoder.raw_decode(text, position)
            yield line, value, position, total
        except (ValueError, RecursionError) as error:
            reason = "it is nested too deeply" if isinstance(error, RecursionError) else f"it is not JSON ({error})"
            if isinstance(error, json.JSONDecodeError):
                reason = f"it is not JSON ({error.msg}, line {error.lineno}, column {error.colno})"
            # A row ends where "}, {" stands; what follows is tried again from there.
            following = _NEXT_ROW.search(text, position)
            yield line, RowProblem(line, reason), position, total
            if following is None:
                return
            position = following.end()


# -------------------------------------------------------------------------------------------- tables and text


def _table_rows(text: str, delimiter: str, path: Path) -> Iterator[Found]:
    csv.field_size_limit(_LONGEST_CELL)
    lines = io.StringIO(text, newline="")  # unlike splitlines, it takes no other characters for line breaks
    read = 0

    def counted() -> Iterator[str]:
        nonlocal read
        for line in lines:
            read += len(line)
            yield line

    table = csv.reader(counted(), delimiter=delimiter, strict=True)
    try:
        names = next(cells for cells in table if cells)
    except csv.Error as error:
        raise StudioError(f"“{path.name}” is not a table: {error}.", "Save it as CSV again.") from error
    begins = table.line_num + 1
    while True:
        try:
            cells = next(table)
        except StopIteration:
            return
        except csv.Error as error:
            yield begins, RowProblem(begins, f"it is not CSV ({error})"), read, len(text)
            begins = table.line_num + 1
            continue
        if len(cells) == len(names):
            yield begins, dict(zip(names, cells, strict=True)), read, len(text)
        elif cells:
            reason = f"it has {len(cells)} cells; the first line names {len(names)} columns"
            yield begins, RowProblem(begins, reason), read, len(text)
        begins = table.line_num + 1


def _paragraphs(text: str) -> Iterator[Found]:
    """Plain text, a row a line: what stands between line breaks belongs together, and blank lines are nothing.

    A first line that is the word “prompt” alone says that the others are prompts, as the head of a table would.
    """
    end, column = 0, "text"
    for number, line in enumerate(text.split("\n"), start=1):
        end += len(line) + 1
        if number == 1 and line.strip().lower() == "prompt":
            column = "prompt"
        elif line.strip():
            yield number, {column: line.rstrip("\r")}, end, len(text)


def _parquet_rows(path: Path) -> Iterator[Found]:
    # pyarrow has no types; it is imported here because it is large and few files need it.
    parquet: Any = import_module("pyarrow.parquet")
    trouble: Any = import_module("pyarrow").ArrowException
    try:
        file = parquet.ParquetFile(path)
        total, number = int(file.metadata.num_rows), 0
        for batch in file.iter_batches(batch_size=_BATCH):
            for row in batch.to_pylist():
                number += 1
                yield number, row, number, total
    except OSError as error:
        if isinstance(error, (FileNotFoundError, PermissionError)):
            raise reading_trouble(error, path) from error
        raise StudioError(f"“{path.name}” is not a Parquet file ({error}).", "Choose another file.") from error
    except trouble as error:
        raise StudioError(f"“{path.name}” is not a Parquet file ({error}).", "Choose another file.") from error
