"""Files out: a dataset as JSON lines, CSV or Parquet in a form that other programs read, and that reads back the same.

Each row is read back before it is written: what a form can't keep ends in a sentence, not in a file that lacks it. A
cell that a spreadsheet would run as a formula gets an apostrophe, which an import takes away again.
"""

from __future__ import annotations

import contextlib
import csv
import json
import os
import secrets
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from studio.core.datasets import DatasetInfo
from studio.core.errors import Cancelled, StudioError, did_you_mean
from studio.core.forms import Form, fitting, forms_of
from studio.storage.datasets import records_of
from studio.storage.files import disk_trouble
from studio.storage.packages import package
from studio.storage.progress import Cancel, Report, never, quiet
from studio.storage.project import Project
from studio.storage.rows.text_rows import cell_of, row_of_cells

FORMATS = {".jsonl": "JSON lines", ".csv": "CSV", ".parquet": "Parquet"}
_BATCH = 1000
_LOOK_EVERY = 256


def form_named(kind: str, name: str) -> Form:
    """The form of that name, or the first for none. Raises StudioError."""
    forms = forms_of(kind)
    found = next((form for form in forms if not name or form.name == name), None)
    if found is None:
        known = [form.name for form in forms]
        raise StudioError(
            f"{kind.capitalize()} can't be written in the form “{name}”.",
            did_you_mean(name, known) or f"Choose {' or '.join(known)}.",
        )
    return found


def export_dataset(
    project: Project,
    dataset: DatasetInfo,
    path: Path,
    form_name: str = "",
    report: Report = quiet,
    cancelled: Cancel = never,
) -> int:
    """Write a dataset to a file, whole or not at all, in the format of the file's ending; how many rows.

    Raises StudioError when the form can't keep a record, or the file can't be written; Cancelled.
    """
    ending = path.suffix.lower()
    if ending not in FORMATS:
        raise StudioError(
            f"“{path.name}” has no ending that says how to write it.", f"End its name with {', '.join(FORMATS)}."
        )
    form = fitting(form_named(dataset.kind_name, form_name), records_of(project, dataset))
    rows = _rows(project, dataset, form, ending, report, cancelled)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        try:
            count = _WRITERS[ending](temporary, rows, project, dataset, form)
            os.replace(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
    except OSError as error:
        raise disk_trouble(error, path) from error
    return count


def _rows(
    project: Project, dataset: DatasetInfo, form: Form, ending: str, report: Report, cancelled: Cancel
) -> Iterator[dict[str, Any]]:
    for number, record in enumerate(records_of(project, dataset)):
        if number % _LOOK_EVERY == 0:
            if cancelled():
                raise Cancelled
            report(number, dataset.rows, "")
        row = form.write(record)
        read = row
        if ending == ".csv":
            read = row_of_cells(list(row), [cell_of(value) for value in row.values()])
        if not form.keeps(record, read):
            first = forms_of(dataset.kind_name)[0]
            one = dataset.kind.rows.removesuffix("s")
            hint = "Export it as JSON lines." if form.name == first.name else f"Choose “{first.label}”."
            raise StudioError(f"The form “{form.label}” can't keep all of {one} {number + 1:,}.", hint)
        yield row
    report(dataset.rows, dataset.rows, "")


def _columns(project: Project, dataset: DatasetInfo, form: Form) -> list[str]:
    """All columns that a record has in a form, in the order in which they first come."""
    names: dict[str, None] = {}
    for record in records_of(project, dataset):
        names |= dict.fromkeys(form.write(record))
    return list(names)


def _write_lines(path: Path, rows: Iterable[dict[str, Any]], *_: object) -> int:
    count = 0
    with path.open("xb") as file:
        for row in rows:
            file.write(orjson.dumps(row) + b"\n")
            count += 1
    return count


def _write_table(path: Path, rows: Iterable[dict[str, Any]], project: Project, dataset: DatasetInfo, form: Form) -> int:
    count, names = 0, _columns(project, dataset, form)
    with path.open("x", encoding="utf-8-sig", newline="") as file:  # with a mark, or Excel takes it for Latin-1
        table = csv.writer(file)
        table.writerow(names)
        for row in rows:
            table.writerow([cell_of(row.get(name)) for name in names])
            count += 1
    return count


def _write_parquet(
    path: Path, rows: Iterable[dict[str, Any]], project: Project, dataset: DatasetInfo, form: Form
) -> int:
    arrow, parquet = package("pyarrow"), package("pyarrow.parquet")
    count, names, wanted = 0, _columns(project, dataset, form), iter(rows)
    schema = arrow.schema([(name, _type(arrow, name, form)) for name in names])
    with parquet.ParquetWriter(path, schema) as writer:
        while batch := list(islice(wanted, _BATCH)):
            if form.kind == "tasks":  # whose columns can be anything, in one row another thing than in the next
                batch = [{name: _as_text(value) for name, value in row.items()} for row in batch]
            writer.write_table(arrow.Table.from_pylist(batch, schema=schema))
            count += len(batch)
    return count


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _type(arrow: Any, name: str, form: Form) -> Any:
    """A column's type, said and not guessed from the first rows, which may lack what later ones have."""
    text = arrow.string()
    function = arrow.struct([("name", text), ("arguments", text)])
    call = arrow.struct([("id", text), ("type", text), ("function", function)])
    turn = [
        ("role", text),
        ("content", text),
        ("name", text),
        ("tool_call_id", text),
        ("tool_calls", arrow.list_(call)),
        ("weight", arrow.int64()),
    ]
    types = {
        "conversations": arrow.list_(arrow.struct([("from", text), ("value", text), ("weight", arrow.int64())])),
        "messages": arrow.list_(arrow.struct(turn)),
        "history": arrow.list_(arrow.list_(text)),
        "responses": arrow.list_(text),
        "ranks": arrow.list_(arrow.int64()),
        "label": arrow.bool_(),
        "rating": arrow.float64(),
        "margin": arrow.float64(),
    }
    if form.kind == "tasks":
        return text
    if name in ("prompt", "chosen", "rejected") and not form.plain:
        return types["messages"]
    return types.get(name, text)


_WRITERS: dict[str, Callable[..., int]] = {".jsonl": _write_lines, ".csv": _write_table, ".parquet": _write_parquet}
