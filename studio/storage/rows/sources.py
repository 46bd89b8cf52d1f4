"""A file as a stream of text: unpacked (.gz, .zst), decoded (UTF-8, UTF-16, UTF-32, Latin-1), never whole in memory.

What looks like a bomb (a small file that would unpack to a huge one) ends in a sentence. Rows are cut elsewhere.
"""

from __future__ import annotations

import codecs
import gzip
import os
import stat
import tempfile
import zlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, cast

from studio.core.errors import StudioError
from studio.storage.files import disk_trouble, in_bytes, reading_trouble
from studio.storage.packages import package

HINT = "Choose a file of rows such as [{“instruction”: “...”, “input”: “”, “output”: “...”}]."
LONGEST = 32_000_000  # bytes or characters of one row; nothing that trains a model is longer
LATIN = "cp1252"  # Windows' Latin-1, which is what files that say Latin-1 are
_BLOCK = 1 << 18
_HEAD = 1 << 16
_UNPACKED = 100_000_000  # what any file may unpack to
_GROWTH = 200  # how many times its size a file may unpack to beyond that; text packs 3 to 20 times
_MARKS = (
    (b"\xff\xfe\x00\x00", "utf-32-le"),
    (b"\x00\x00\xfe\xff", "utf-32-be"),
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)
_PICTURES = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8")
_NAMES = {"utf-16-le": "UTF-16", "utf-16-be": "UTF-16", "utf-32-le": "UTF-32", "utf-32-be": "UTF-32"}


Found = tuple[int, Any, int, int]


class NotUtf8(Exception):
    """A byte further on in the file is not UTF-8; it is to be read again as Latin-1. Never leaves `storage`."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file to read rows from. packing: "gzip", "zstd" or nothing. ending: its own, without that of the packing.

    mark: how many bytes at the beginning say the encoding.
    """

    path: Path
    packing: str
    ending: str
    encoding: str
    mark: int

    @property
    def notes(self) -> list[str]:
        """What a person should know about how it is read."""
        if self.encoding == LATIN:
            said = "The file is not UTF-8, so it is read as Latin-1 (Windows-1252). Look whether accents are right."
            return [said]
        return [f"The file is read as {_NAMES[self.encoding]}."] if self.encoding in _NAMES else []

    def in_latin(self) -> Source:
        """The same, read as Latin-1."""
        return replace(self, encoding=LATIN, mark=0)

    def texts(self) -> Iterator[tuple[str, int, int]]:
        """The text in pieces, each with how far the file is read, out of how much. Raises StudioError, NotUtf8."""
        decoder, total = codecs.getincrementaldecoder(self.encoding)(), 0
        for block, done, total in self._blocks():
            yield self._decoded(decoder, block, final=False), done, total
        if rest := self._decoded(decoder, b"", final=True):
            yield rest, total, total

    def utf8(self) -> Iterator[tuple[bytes, int, int]]:
        """The same as UTF-8, whatever the encoding."""
        if self.encoding != "utf-8":
            for text, done, total in self.texts():
                yield text.encode(), done, total
            return
        decoder, total = codecs.getincrementaldecoder("utf-8")(), 0
        for block, done, total in self._blocks():
            self._decoded(decoder, block, final=False)  # only to know that it is UTF-8, which is quickly known
            yield block, done, total
        self._decoded(decoder, b"", final=True)

    def _decoded(self, decoder: codecs.IncrementalDecoder, block: bytes, *, final: bool) -> str:
        try:
            return decoder.decode(block, final)
        except UnicodeDecodeError as error:
            if self.encoding == "utf-8":
                raise NotUtf8 from None
            raise _no_text(self, error) from error

    def _blocks(self) -> Iterator[tuple[bytes, int, int]]:
        skip = self.mark
        with self.unpacked() as (stream, raw):
            total, grown = os.fstat(raw.fileno()).st_size, 0
            while block := _read(stream, self.path):
                grown += len(block)
                if self.packing and grown > _UNPACKED and grown > total * _GROWTH:
                    raise StudioError(
                        f"“{self.path.name}” ({in_bytes(total)}) unpacks to more than {_GROWTH} times its size, "
                        "as no real data does.",
                        "If you trust it, unpack it yourself and import what comes out.",
                    )
                yield block[skip:], raw.tell(), total
                skip = 0

    @contextmanager
    def unpacked(self) -> Generator[tuple[Any, BinaryIO]]:
        """The unpacked stream, and the file itself. Raises StudioError when it can't be opened."""
        try:
            raw = self.path.open("rb")
        except OSError as error:
            raise reading_trouble(error, self.path) from error
        with raw:
            yield _unpacking(raw, self.packing), raw

    @contextmanager
    def as_file(self) -> Generator[str]:
        """A path under which a library that jumps about in a file finds it unpacked."""
        if not self.packing:
            yield str(self.path)
            return
        with tempfile.TemporaryDirectory(prefix="plumbline-") as folder:
            copy = os.path.join(folder, "unpacked")
            try:
                with open(copy, "wb") as file:
                    file.writelines(block for block, _, _ in self._blocks())
            except OSError as error:
                raise disk_trouble(error, Path(copy)) from error
            yield copy


def source_of(path: Path) -> Source:
    """What a file is, told from its name and its first bytes. Raises StudioError when it can't be read at all."""
    try:
        mode = os.stat(path).st_mode
    except OSError as error:
        raise reading_trouble(error, path) from error
    except ValueError as error:  # a NUL in the name
        raise StudioError("A file can't have that name.", "Choose another file.", str(error)) from error
    if stat.S_ISDIR(mode):
        raise StudioError(f"“{path.name}” is a folder, not a file.", "Choose a file in it.")
    if not stat.S_ISREG(mode):  # a pipe or device: it is read more than once, and may never end
        raise StudioError(f"“{path}” is not a file that can be read again.", "Save its content as a file first.")
    plain = Source(path, "", "", "utf-8", 0)
    with plain.unpacked() as (_, raw):
        start = _read(raw, path, 4)
        packing = {b"\x1f\x8b": "gzip"}.get(start[:2], "zstd" if start == b"\x28\xb5\x2f\xfd" else "")
        raw.seek(0)
        head = _read(_unpacking(raw, packing), path, _HEAD)
    _refuse_foreign(path, head)
    endings = [ending.lower() for ending in path.suffixes]
    if packing and endings and endings[-1] in (".gz", ".zst", ".zstd", ".gzip"):
        endings.pop()
    ending = endings[-1] if endings else ""
    if head[:4] == b"PAR1":
        ending = ".parquet"
    elif head[:6] == b"ARROW1" or head[:4] == b"FEA1":
        ending = ".arrow"
    found = replace(plain, packing=packing, ending=ending)
    return found if ending in (".parquet", ".arrow", ".feather", ".ipc") else _in_its_encoding(found, head)


def _refuse_foreign(path: Path, head: bytes) -> None:
    """What people take for rows and what programs write for the eye: told by its first bytes."""
    if head.startswith(b"PK\x03\x04"):
        raise StudioError(
            f"“{path.name}” is a packed folder or a workbook, such as .zip or .xlsx.",
            "Unpack it, or save the sheet as CSV, and import that.",
        )
    if head.startswith(b"%PDF"):
        raise StudioError(f"“{path.name}” is a PDF.", "Save its text as a text file, and import that.")
    if head.startswith(_PICTURES):
        raise StudioError(f"“{path.name}” is a picture.", HINT)


def _in_its_encoding(source: Source, head: bytes) -> Source:
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return replace(source, encoding=encoding, mark=len(mark))
    even, odd = head[0:400:2].count(0), head[1:400:2].count(0)
    if len(head) >= 4 and max(even, odd) * 4 > min(len(head), 400) and min(even, odd) * 4 < max(even, odd):
        return replace(source, encoding="utf-16-be" if even > odd else "utf-16-le")
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError as error:
        if b"\0" in head or any(head.count(byte) for byte in range(1, 9)):
            raise _no_text(source, error) from error
        return source.in_latin()
    return source


def _no_text(source: Source, error: UnicodeDecodeError) -> StudioError:
    byte = error.object[error.start]
    name = _NAMES.get(source.encoding, "UTF-8, UTF-16 or Latin-1")
    what = f"“{source.path.name}” is not text in {name}: byte 0x{byte:02x} can't be read."
    return StudioError(what, "Choose another file, or save it as UTF-8 and import it again.", str(error))


def _unpacking(raw: BinaryIO, packing: str) -> Any:
    if packing == "gzip":
        return gzip.GzipFile(fileobj=raw)
    if packing == "zstd":
        return package("pyarrow").CompressedInputStream(raw, "zstd")
    return raw


def _read(stream: Any, path: Path, size: int = _BLOCK) -> bytes:
    """Up to `size` bytes; fewer only at the end."""
    parts: list[bytes] = []
    try:
        while size > 0 and (block := cast("bytes", stream.read(size))):
            parts.append(block)
            size -= len(block)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise _damaged(path, error) from error
    except OSError as error:
        if error.errno is None:  # pyarrow's word for a damaged file, not the system's
            raise _damaged(path, error) from error
        raise reading_trouble(error, path) from error
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _damaged(path: Path, error: Exception) -> StudioError:
    return StudioError(
        f"“{path.name}” can't be unpacked: it is damaged or cut off.", "Get the file again.", f"{error!r}"
    )
