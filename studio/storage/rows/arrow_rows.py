"""Rows of Parquet and Arrow files (Feather too; as a file, or as a stream, which is how Hugging Face caches data)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from studio.core.errors import StudioError
from studio.storage.files import reading_trouble
from studio.storage.packages import package
from studio.storage.rows.sources import Found, Source

_BATCH = 1000  # rows that are Python objects at a time


def arrow_rows(source: Source) -> Iterator[Found]:
    """The rows of a table in columns. Raises StudioError when it can't be read."""
    # Imported here because it is large and few files need it.
    arrow: Any = package("pyarrow")
    what = "a Parquet" if source.ending == ".parquet" else "an Arrow"
    number = 0
    try:
        with source.as_file() as path:
            for batch, total in _batches(path, source.ending):
                for start in range(0, int(batch.num_rows), _BATCH):
                    for row in cast("list[dict[str, Any]]", batch.slice(start, _BATCH).to_pylist()):
                        number += 1
                        # A column that a row leaves empty is one that it doesn't have.
                        kept = {name: value for name, value in row.items() if value is not None}
                        yield number, kept, number, max(total, number)
    except (arrow.ArrowException, OSError, ValueError, UnicodeDecodeError, OverflowError, MemoryError) as error:
        if isinstance(error, (FileNotFoundError, PermissionError)):
            raise reading_trouble(error, source.path) from error
        raise StudioError(
            f"“{source.path.name}” is not {what} file that can be read.",
            "Get the file again, or choose another one.",
            _first_line(error),
        ) from error


def _batches(path: str, ending: str) -> Iterator[tuple[Any, int]]:
    if ending == ".parquet":
        parquet: Any = package("pyarrow.parquet")
        with parquet.ParquetFile(path) as file:
            total = int(file.metadata.num_rows)
            for batch in file.iter_batches(batch_size=_BATCH):
                yield batch, total
        return
    arrow: Any = package("pyarrow")
    with arrow.OSFile(path) as stream:
        try:
            reader = arrow.ipc.open_file(stream)
        except arrow.ArrowInvalid:
            stream.seek(0)
            yield from _streamed(arrow, stream)
            return
        for k in range(int(reader.num_record_batches)):
            batch = reader.get_batch(k)
            batch.validate(full=True)
            yield batch, int(batch.num_rows) * int(reader.num_record_batches)


def _streamed(arrow: Any, stream: Any) -> Iterator[tuple[Any, int]]:
    if stream.read(4) == b"FEA1":  # the first Feather, which had a format of its own
        stream.seek(0)
        for batch in package("pyarrow.feather").read_table(stream).to_batches():
            yield batch, 0
        return
    stream.seek(0)
    for batch in arrow.ipc.open_stream(stream):
        batch.validate(full=True)
        yield batch, 0


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).split("\n", 1)[0][:200].rstrip(".")
