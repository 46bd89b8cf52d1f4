"""A run's curves as a TensorBoard event file beside it, for those who compare runs there: all at once, or as they come.

The file is a row of records (length, its checksum, the event, its checksum), each event a protocol buffer with a
scalar; this is all of the format that scalars need. Checksums are CRC-32C, masked as TensorFlow's record writer does.
"""

from __future__ import annotations

import contextlib
import math
import os
import struct
from pathlib import Path

from studio.core.curves import Curves
from studio.core.events import Event
from studio.core.metrics import METRIC_NAMES
from studio.storage.files import disk_trouble
from studio.storage.runs import RunFolder

FOLDER, FILE = "tensorboard", "events.out.tfevents.plumbline"
_MOST = 3.4e38  # of a 32-bit float
_POLYNOMIAL = 0x82F63B78  # Castagnoli's, reversed


def _table() -> tuple[int, ...]:
    found: list[int] = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (_POLYNOMIAL if value & 1 else 0)
        found.append(value)
    return tuple(found)


_TABLE = _table()


def crc32c(data: bytes) -> int:
    """The checksum of RFC 3720, appendix B.4."""
    value = 0xFFFFFFFF
    for byte in data:
        value = value >> 8 ^ _TABLE[(value ^ byte) & 0xFF]
    return value ^ 0xFFFFFFFF


def write_tensorboard(run: RunFolder) -> Path:
    """Write every metric at every step into `tensorboard/` in the run's folder, in place of what was written there
    before. Returns the folder. Raises StudioError."""
    curves, began = Curves(), 0.0
    for event in run.all_events():
        began = began or event.time
        curves.feed(event)
    folder = run.folder / FOLDER
    target = folder / FILE
    making = folder / ".making"
    try:
        folder.mkdir(exist_ok=True)
        with making.open("wb") as out:
            out.write(_record(_event(began, 0, _text(3, "brain.Event:2"))))
            for name in METRIC_NAMES:
                curve = curves.by_name[name]
                for step, value in zip(curve.steps, curve.values, strict=True):
                    out.write(_scalar(began, step, name, value))
        os.replace(making, target)
    except OSError as error:
        with contextlib.suppress(OSError):
            making.unlink()
        raise disk_trouble(error, target) from error
    return folder


class TensorboardWriter:
    """Goes on with a run's file: what was said before is in it, and each event that comes is added at once."""

    def __init__(self, run: RunFolder) -> None:
        """Raises StudioError."""
        file = write_tensorboard(run) / FILE
        try:
            self._file = file.open("ab", buffering=0)
        except OSError as error:
            raise disk_trouble(error, file) from error

    def write(self, event: Event) -> None:
        """Add what an event measured, if anything. Raises OSError."""
        step = event.number("step")
        if event.kind in ("step", "evaluation") and step is not None:
            found = ((name, event.number(name)) for name in METRIC_NAMES if name in event.values)
            self._file.write(
                b"".join(_scalar(event.time, int(step), name, value) for name, value in found if value is not None)
            )

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _scalar(time: float, step: int, name: str, value: float) -> bytes:
    """Summary.Value: the tag, and the value as a 32-bit float, which is all that TensorBoard keeps."""
    kept = struct.pack("<f", value if math.isnan(value) else max(-_MOST, min(_MOST, value)))
    return _record(_event(time, step, _bytes(5, _bytes(1, _text(1, name) + b"\x15" + kept))))


def _event(time: float, step: int, what: bytes) -> bytes:
    return b"\x09" + struct.pack("<d", time) + b"\x10" + _varint(step) + what


def _record(data: bytes) -> bytes:
    length = struct.pack("<Q", len(data))
    return length + _masked(length) + data + _masked(data)


def _masked(data: bytes) -> bytes:
    value = crc32c(data)
    return struct.pack("<I", ((value >> 15 | value << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def _varint(number: int) -> bytes:
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    found.append(number)
    return bytes(found)


def _bytes(field: int, data: bytes) -> bytes:
    return bytes([field << 3 | 2]) + _varint(len(data)) + data


def _text(field: int, text: str) -> bytes:
    return _bytes(field, text.encode())
