"""Files in: Alpaca rows as a JSON list or as JSON lines, read row by row so that one broken row never fails a file.

What a row must hold is `core.datasets`. Nothing is written before a preview has been seen; then all rows or none.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

from studio.core.datasets import DatasetInfo, ImportPreview, RowProblem, example_from_alpaca, looks_like_alpaca
from studio.core.errors import Cancelled, StudioError
from studio.core.messages import Example
from studio.storage.datasets import add_dataset
from studio.storage.project import Project

Report = Callable[[int, int, str], None]
Cancel = Callable[[], bool]

_SHOWN = 5  # examples in a preview
_KEPT = 1000  # problems that a preview names
_LOOK_EVERY = 256  # rows between reports and looks at Cancel
_HINT = "Choose a file of rows such as [{“instruction”: “...”, “input”: “”, “output”: “...”}]."
_NEXT_ROW = re.compile(r"\}\s*,\s*(?=\{)")
_SPACE = re.compile(r"[\s,]*")
_NUMBER = re.compile(r"line \d+ ")


def _quiet(done: int, total: int, note: str) -> None:
    pass


def _never() -> bool:
    return False


def preview_file(path: Path, report: Report = _quiet, cancelled: Cancel = _never) -> ImportPreview:
    """Read a file whole and say what an import would bring, without writing anything.

    Raises StudioError when the file has no usable row, Cancelled when `cancelled` turns true.
    """
    preview, columns = ImportPreview(str(path), "Alpaca"), list[str]()
    for line, value, _, _ in _watched(path, report, cancelled):
        if isinstance(value, dict) and not columns:
            columns = [str(name) for name in cast("dict[Any, Any]", value)]
        row = _row(line, value)
        if isinstance(row, RowProblem):
            preview.broken += 1
            if len(preview.problems) < _KEPT:
                preview.problems.append(row)
            continue
        preview.rows += 1
        if len(preview.first) < _SHOWN:
            preview.first.append(row)
    if preview.rows == 0:
        raise _nothing_usable(path, columns, preview.problems)
    return preview


def import_file(
    project: Project, path: Path, name: str = "", report: Report = _quiet, cancelled: Cancel = _never
) -> DatasetInfo:
    """Store the usable rows of a file as a new dataset in one transaction; broken rows are left out.

    Raises StudioError (nothing usable, disk full), or Cancelled; then nothing was stored.
    """
    rows = (_row(line, value) for line, value, _, _ in _watched(path, report, cancelled))
    examples = (row for row in rows if isinstance(row, Example))
    return add_dataset(project, name.strip() or path.stem, path.name, examples, cancelled=cancelled)


def _row(line: int, value: Any) -> Example | RowProblem:
    if isinstance(value, RowProblem):
        return value
    try:
        return example_from_alpaca(value)
    except ValueError as error:
        return RowProblem(line, str(error))


def _nothing_usable(path: Path, columns: list[str], problems: list[RowProblem]) -> StudioError:
    if columns and not looks_like_alpaca(dict.fromkeys(columns)):
        shown = ", ".join(f"“{name}”" for name in columns[:8])
        return StudioError(
            f"“{path.name}” has the columns {shown}; Alpaca rows have “instruction” and “output”.",
            "Rename its columns, or choose another file.",
        )
    if problems:
        first = problems[0]
        return StudioError(f"“{path.name}” has no row that can be used. Line {first.line}: {first.reason}.", _HINT)
    return StudioError(f"“{path.name}” holds no rows.", _HINT)


def _watched(path: Path, report: Report, cancelled: Cancel) -> Iterator[tuple[int, Any, int, int]]:
    text = _text_of(path)
    for number, (line, value, end) in enumerate(_values(text, path)):
        if number % _LOOK_EVERY == 0:
            if cancelled():
                raise Cancelled
            report(end, len(text), "")
        yield line, value, end, len(text)
    report(len(text), len(text), "")


def _text_of(path: Path) -> str:
    if path.is_dir():
        raise StudioError(f"“{path.name}” is a folder, not a file.", "Choose a file in it.")
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise StudioError(f"There is no file “{path}”.", "It may have been moved; choose it again.") from error
    except OSError as error:
        raise StudioError(f"“{path}” can't be read: {error.strerror or error}.", "Check its permissions.") from error
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        kind, byte = encoding.removesuffix("-sig").upper(), data[error.start]
        what = f"“{path.name}” is not {kind} text: byte 0x{byte:02x} at position {error.start:,} cannot be read."
        raise StudioError(what, "Save it as UTF-8 and import it again.") from error
    if not text.strip():
        raise StudioError(f"“{path.name}” is empty.", _HINT)
    return text


def _values(text: str, path: Path) -> Iterator[tuple[int, Any, int]]:
    """The rows of a file: (line it begins on, parsed value or RowProblem, characters read so far)."""
    start = len(text) - len(text.lstrip())
    if text[start] == "[":
        return _list_values(text, start)
    if text[start] == "{":
        try:
            whole, end = json.JSONDecoder().raw_decode(text, start)
        except (ValueError, RecursionError):
            return _line_values(text)
        if text[end:].strip():
            return _line_values(text)
        if looks_like_alpaca(whole):
            return iter([(1, whole, len(text))])
        names = ", ".join(f"“{name}”" for name in list(whole)[:8])
        raise StudioError(
            f"“{path.name}” is one JSON object (with {names or 'nothing in it'}), not a list of rows.", _HINT
        )
    beginning = text[start : start + 30].split("\n")[0]
    raise StudioError(f"“{path.name}” is not JSON: it begins with “{beginning}”.", _HINT)


def _line_values(text: str) -> Iterator[tuple[int, Any, int]]:
    end = 0
    for number, line in enumerate(text.split("\n"), start=1):
        end += len(line) + 1
        if not line.strip():
            continue
        try:
            yield number, json.loads(line), end
        except ValueError as error:
            yield number, RowProblem(number, f"it is not JSON ({_NUMBER.sub('', str(error))})"), end
        except RecursionError:
            yield number, RowProblem(number, "it is nested too deeply"), end


def _list_values(text: str, start: int) -> Iterator[tuple[int, Any, int]]:
    decoder = json.JSONDecoder()
    position, line, counted = start + 1, text.count("\n", 0, start + 1) + 1, start + 1
    while True:
        matched = _SPACE.match(text, position)
        position = matched.end() if matched else position
        line += text.count("\n", counted, position)
        counted = position
        if position >= len(text):
            yield line, RowProblem(line, "the file ends here without the closing “]”; it may be cut off"), position
            return
        if text[position] == "]":
            return
        try:
            value, position = decoder.raw_decode(text, position)
            yield line, value, position
        except (ValueError, RecursionError) as error:
            reason = "it is nested too deeply"
            if isinstance(error, json.JSONDecodeError):
                reason = f"it is not JSON ({error.msg}, line {error.lineno}, column {error.colno})"
            # A row ends where "}, {" stands; what follows is tried again from there.
            following = _NEXT_ROW.search(text, position)
            yield line, RowProblem(line, reason), position
            if following is None:
                return
            position = following.end()
