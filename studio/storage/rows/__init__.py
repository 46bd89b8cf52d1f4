"""Rows of files: JSON lists and lines, CSV, TSV, Parquet, Arrow and plain text; one broken row never fails a file.

Each reader yields (line the row begins on, parsed value or RowProblem, how far it is, out of how much), and keeps no
more of the file in memory than a row and a block. Opening, unpacking and decoding is `sources`.
"""

from __future__ import annotations

from collections.abc import Iterator

from studio.storage.rows.arrow_rows import arrow_rows
from studio.storage.rows.json_rows import json_rows
from studio.storage.rows.sources import HINT, Found, NotUtf8, Source, source_of
from studio.storage.rows.text_rows import paragraph_rows, table_rows

__all__ = ["HINT", "Found", "NotUtf8", "Source", "rows_of", "source_of"]


def rows_of(source: Source) -> Iterator[Found]:
    """The rows of a file, by its ending and its content. Raises StudioError, or NotUtf8 (then read it `in_latin`)."""
    if source.ending in (".parquet", ".arrow", ".feather", ".ipc"):
        return arrow_rows(source)
    if source.ending in (".csv", ".tsv"):
        return table_rows(source)
    if source.ending in (".txt", ".md", ".text"):
        return paragraph_rows(source)
    return json_rows(source)
