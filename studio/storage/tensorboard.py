"""A run's curves as a TensorBoard event file beside it, for those who compare runs there.

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
from studio.core.metrics import METRIC_NAMES
from studio.storage.files import disk_trouble
from studio.storage.runs import RunFolder

FOLDER = "tensorboard"
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
    target = folder / "events.out.tfevents.plumbline"
    making = folder / ".making"
    try:
        folder.mkdir(exist_ok=True)
        with making.open("wb") as out:
            out.write(_record(_event(began, 0, _text(3, "brain.Event:2"))))
            for name in METRIC_NAMES:
                curve, tag = curves.by_name[name], _text(1, name)
                for step, value in zip(curve.steps, curve.values, strict=True):
                    # Summary.Value: the tag, and the value as a 32-bit float, which is all that TensorBoard keeps.
                    scalar = (
                        tag
                        + b"\x15"
                        + struct.pack("<f", value if math.isnan(value) else max(-_MOST, min(_MOST, value)))
                    )
                    out.write(_record(_event(began, step, _bytes(5, _bytes(1, scalar)))))
        os.replace(making, target)
    except OSError as error:
        with contextlib.suppress(OSError):
            making.unlink()
        raise disk_trouble(error, target) from error
    return folder


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
