"""Files in: rows of any known shape become records of one kind. A broken row is named by its line and left out.

How files are cut into rows is `storage.rows`, what a row can be is `core.shapes`. Nothing is written before a preview
has been seen; then all rows or none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

from studio.core.datasets import DatasetInfo, ImportPreview, RowProblem
from studio.core.errors import Cancelled, StudioError
from studio.core.records import Record
from studio.core.shapes import SHAPES, Shape, no_columns, shape_of
from studio.storage.datasets import add_dataset
from studio.storage.project import Project
from studio.storage.rows import HINT, Found, rows_of

Report = Callable[[int, int, str], None]
Cancel = Callable[[], bool]

_SHOWN = 5  # examples in a preview
_KEPT = 1000  # problems that a preview names
_ASKED = 50  # rows whose columns decide the shape
_RENAME = (
    "Rename them: “instruction” and “output”; or “messages”; or “prompt” with “completion”, with “chosen” and "
    "“rejected”, with “response” and “rating”, or alone; or “text”."
)
_LOOK_EVERY = 256  # rows between reports and looks at Cancel


def _quiet(done: int, total: int, note: str) -> None:
    pass


def _never() -> bool:
    return False


def preview_file(path: Path, report: Report = _quiet, cancelled: Cancel = _never) -> ImportPreview:
    """Read a file whole and say what an import would bring, without writing anything.

    Raises StudioError when the file has no usable row, Cancelled when `cancelled` turns true.
    """
    shape = _shape_of_file(path)
    preview = ImportPreview(str(path), shape.label, shape.kind)
    for line, value, _, _ in _watched(rows_of(path), report, cancelled):
        row = _record(shape, line, value)
        if isinstance(row, RowProblem):
            preview.broken += 1
            if len(preview.problems) < _KEPT:
                preview.problems.append(row)
            continue
        preview.rows += 1
        if len(preview.first) < _SHOWN:
            preview.first.append(row)
    if preview.rows == 0:
        first = preview.problems[0]
        raise StudioError(f"“{path.name}” has no row that can be used. Line {first.line}: {first.reason}.", HINT)
    return preview


def import_file(
    project: Project, path: Path, name: str = "", report: Report = _quiet, cancelled: Cancel = _never
) -> DatasetInfo:
    """Store the usable rows of a file as a new dataset in one transaction; broken rows are left out.

    Raises StudioError (nothing usable, disk full), or Cancelled; then nothing was stored.
    """
    shape = _shape_of_file(path)
    rows = (_record(shape, line, value) for line, value, _, _ in _watched(rows_of(path), report, cancelled))
    records = (row for row in rows if not isinstance(row, RowProblem))
    return add_dataset(project, name.strip() or path.stem, path.name, records, kind=shape.kind, cancelled=cancelled)


def _shape_of_file(path: Path) -> Shape:
    """The shape that most of the first rows have. Raises StudioError saying what was found instead."""
    votes: Counter[str] = Counter()
    other: list[Any] = []
    problem: RowProblem | None = None
    for number, (line, value, _, _) in enumerate(rows_of(path)):
        if number == _ASKED and votes:
            break
        shape = None if isinstance(value, RowProblem) else shape_of(value)
        if shape is not None:
            votes[shape.label] += 1
        elif isinstance(value, RowProblem):
            problem = problem or value
        elif len(other) < _ASKED:
            other.append(value)
            problem = problem or (None if isinstance(value, dict) else RowProblem(line, no_columns(value)))
    if votes:
        chosen = votes.most_common(1)[0][0]
        return next(shape for shape in SHAPES if shape.label == chosen)
    columns = next((cast("dict[Any, Any]", value) for value in other if isinstance(value, dict)), None)
    if columns is not None:
        shown = ", ".join(f"“{name}”" for name in list(columns)[:8]) or "none"
        raise StudioError(f"“{path.name}” has columns that fit no known form: {shown}.", _RENAME)
    if problem is not None:
        raise StudioError(f"“{path.name}” has no row that can be used. Line {problem.line}: {problem.reason}.", HINT)
    raise StudioError(f"“{path.name}” holds no rows.", HINT)


def _record(shape: Shape, line: int, value: Any) -> Record | RowProblem:
    if isinstance(value, RowProblem):
        return value
    try:
        return shape.read(value)
    except ValueError as error:
        return RowProblem(line, str(error))


def _watched(rows: Iterator[Found], report: Report, cancelled: Cancel) -> Iterator[Found]:
    done, total = 0, 0
    for number, (line, value, done, total) in enumerate(rows):
        if number % _LOOK_EVERY == 0:
            if cancelled():
                raise Cancelled
            report(done, total, "")
        yield line, value, done, total
    report(total, total, "")
