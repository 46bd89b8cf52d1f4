"""Files in: rows of any known shape become records of one kind. A broken row is named by its line and left out.

How files are cut into rows is `storage.rows`, what a row can be is `core.shapes`, what columns of other names mean is
`core.layouts`. Nothing is written before a preview has been seen; then all rows or none.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, cast

from studio.core.datasets import DatasetInfo, ImportPreview, RowProblem
from studio.core.errors import Cancelled, StudioError
from studio.core.layouts import Layout, columns_in, layout_of, unread
from studio.core.messages import in_short
from studio.core.records import Record
from studio.core.shapes import no_columns, shape_named
from studio.storage.datasets import add_dataset
from studio.storage.files import disk_trouble
from studio.storage.progress import Cancel, Report, never, quiet
from studio.storage.project import Project
from studio.storage.rows import HINT, Found, NotUtf8, Source, rows_of, source_of

_SHOWN = 5  # examples in a preview
_KEPT = 1000  # problems that a preview names
_ASKED = 50  # rows whose columns decide the shape
_ASKED_AT_MOST = 2000
_RENAME = (
    "Say which column is which, or rename them: “instruction” and “output”; or “messages”; or “prompt” with "
    "“completion”, with “chosen” and “rejected”, with “response” and “rating”, or alone; or “text”."
)
_LOOK_EVERY = 256  # rows between reports and looks at Cancel


class UnknownShape(StudioError):
    """The columns of a file fit no shape. columns: their names; rows: the first few, to choose by."""

    def __init__(self, what: str, hint: str, columns: list[str], rows: list[dict[str, Any]], encoding: str) -> None:
        super().__init__(what, hint)
        self.columns = columns
        self.rows = rows
        self.encoding = encoding


def look(project: Project, path: Path, report: Report = quiet, cancelled: Cancel = never) -> ImportPreview:
    """Preview a file as somebody chose to read files of its columns, else as recognised. Raises as `preview_file`."""
    columns = columns_in(value for _, value, _, _ in _first_rows_safely(path))
    layout = remembered_layout(project, columns) if columns else None
    if layout is not None:
        try:
            return preview_file(path, report, cancelled, layout=layout)
        except StudioError:  # the columns have the names that they had then, but hold something else
            pass
    return preview_file(path, report, cancelled)


def _first_rows_safely(path: Path) -> list[Found]:
    source = source_of(path)
    try:
        return _first_rows(source)
    except NotUtf8:
        return _first_rows(source.in_latin())


def preview_file(
    path: Path, report: Report = quiet, cancelled: Cancel = never, *, layout: Layout | None = None
) -> ImportPreview:
    """Read a file whole and say what an import would bring, without writing anything.

    Raises UnknownShape when its columns fit no shape and no layout says how to read them, StudioError when the file has
    no usable row, Cancelled when `cancelled` turns true.
    """
    source = source_of(path)
    try:
        return _preview(source, layout, report, cancelled)
    except NotUtf8:
        return _preview(source.in_latin(), layout, report, cancelled)


def _preview(source: Source, layout: Layout | None, report: Report, cancelled: Cancel) -> ImportPreview:
    first = _first_rows(source)
    layout = layout or _layout_of(source, first)
    columns = columns_in(value for _, value, _, _ in first)
    left = unread(layout, columns)
    names = ", ".join(f"“{in_short(name)}”" for name in left[:8]) + ", …" * (len(left) > 8)
    told = [f"Left out: {names}."] if left else []
    preview = ImportPreview(str(source.path), layout, source.encoding, [*source.notes, *told], columns)
    for row in _records(source, layout, report, cancelled):
        if isinstance(row, RowProblem):
            preview.broken += 1
            if len(preview.problems) < _KEPT:
                preview.problems.append(row)
            continue
        preview.rows += 1
        if len(preview.first) < _SHOWN:
            preview.first.append(row)
    if preview.rows == 0:
        problem = preview.problems[0]
        raise StudioError(
            f"“{source.path.name}” has no row that can be used. Line {problem.line}: {problem.reason}.", HINT
        )
    return preview


def import_file(
    project: Project,
    path: Path,
    name: str = "",
    report: Report = quiet,
    cancelled: Cancel = never,
    *,
    layout: Layout | None = None,
    most: int | None = None,
) -> DatasetInfo:
    """Store the usable rows of a file as a new dataset in one transaction; broken rows are left out. most: how many of
    the first ones, where not all.

    Raises StudioError (nothing usable, disk full), or Cancelled; then nothing was stored.
    """
    source = source_of(path)
    try:
        return _import(project, source, name, layout, most, report, cancelled)
    except NotUtf8:
        return _import(project, source.in_latin(), name, layout, most, report, cancelled)


def _import(
    project: Project,
    source: Source,
    name: str,
    layout: Layout | None,
    most: int | None,
    report: Report,
    cancelled: Cancel,
) -> DatasetInfo:
    layout = layout or _layout_of(source, _first_rows(source))
    rows = _records(source, layout, report, cancelled)
    records = islice((row for row in rows if not isinstance(row, RowProblem)), most)
    called = name.strip() or source.path.name.split(".", 1)[0] or source.path.name
    return add_dataset(project, called, source.path.name, records, kind=layout.kind, cancelled=cancelled)


def write_problems(path: Path, target: Path, layout: Layout, report: Report = quiet, cancelled: Cancel = never) -> int:
    """Write all rows of a file that can't be used to a table of line and reason; how many there are."""
    source, count = source_of(path), 0
    try:
        with target.open("w", encoding="utf-8", newline="") as file:
            table = csv.writer(file)
            table.writerow(("line", "reason"))
            for attempt in (source, source.in_latin()):
                try:
                    for row in _records(attempt, layout, report, cancelled):
                        if isinstance(row, RowProblem):
                            table.writerow((row.line, row.reason))
                            count += 1
                    break
                except NotUtf8:
                    file.seek(0)
                    file.truncate()
                    table.writerow(("line", "reason"))
                    count = 0
    except OSError as error:
        raise disk_trouble(error, target) from error
    return count


def remembered_layout(project: Project, columns: list[str]) -> Layout | None:
    """The layout that a person chose for a file of these columns, if one did."""
    with project.connect() as connection:
        row = connection.execute("SELECT layout FROM layouts WHERE columns = ?", (_key(columns),)).fetchone()
    try:
        return Layout.from_json(row[0]) if row else None
    except ValueError:
        return None


def remember_layout(project: Project, columns: list[str], layout: Layout) -> None:
    """Keep a layout for files of these columns."""
    with project.writing() as connection:
        connection.execute("INSERT OR REPLACE INTO layouts VALUES (?, ?)", (_key(columns), layout.to_json()))


def _key(columns: list[str]) -> str:
    return "\n".join(sorted(columns))


def _first_rows(source: Source) -> list[Found]:
    """Enough rows to know the shape by: more when the first are all broken."""
    rows: list[Found] = []
    for row in islice(rows_of(source), _ASKED_AT_MOST):
        rows.append(row)
        if len(rows) >= _ASKED and any(isinstance(value, dict) for _, value, _, _ in rows):
            break
    return rows


def _layout_of(source: Source, first: list[Found]) -> Layout:
    """The layout that most of the first rows have. Raises StudioError saying what was found instead."""
    values = [value for _, value, _, _ in first]
    layout = layout_of(values)
    if layout is not None:
        return layout
    rows = [cast("dict[str, Any]", value) for value in values if isinstance(value, dict)]
    if rows:
        columns = columns_in(rows)
        shown = ", ".join(f"“{in_short(name)}”" for name in columns[:8]) or "none"
        what = f"“{source.path.name}” has columns that fit no known form: {shown}."
        raise UnknownShape(what, _RENAME, columns, rows, source.encoding)
    for line, value, _, _ in first:
        problem = value if isinstance(value, RowProblem) else RowProblem(line, no_columns(value))
        raise StudioError(
            f"“{source.path.name}” has no row that can be used. Line {problem.line}: {problem.reason}.", HINT
        )
    raise StudioError(f"“{source.path.name}” holds no rows.", HINT)


def _records(source: Source, layout: Layout, report: Report, cancelled: Cancel) -> Iterator[Record | RowProblem]:
    read = layout.record if layout.columns or layout.speakers else shape_named(layout.shape).read
    number, total = 0, 0
    for line, value, done, total in rows_of(source):
        if number % _LOOK_EVERY == 0:
            if cancelled():
                raise Cancelled
            report(done, total, "")
        number += 1
        if isinstance(value, RowProblem):
            yield value
            continue
        try:
            row = read(value)
        except ValueError as error:
            row = RowProblem(line, str(error))
        yield row
    report(total, total, "")
