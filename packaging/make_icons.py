"""Draws the icon's pictures from icon/plumbline.svg: PNGs of all sizes, Windows' .ico and macOS' .icns, with Qt and
nothing else. The PNGs are kept in the repository; the other two are made when a program is built for those systems."""

from __future__ import annotations

import os
import struct
import sys
from pathlib import Path

ICONS = Path(__file__).resolve().parent / "icon"
SIZES = (16, 32, 48, 64, 128, 256, 512)
_OF_WINDOWS = (16, 32, 48, 64, 128, 256)
_OF_MACOS = {16: b"icp4", 32: b"icp5", 64: b"icp6", 128: b"ic07", 256: b"ic08", 512: b"ic09"}


def draw() -> dict[int, bytes]:
    """The PNG of each size."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from PySide6.QtCore import QBuffer, QByteArray, QIODevice, Qt
    from PySide6.QtGui import QGuiApplication, QImage, QPainter
    from PySide6.QtSvg import QSvgRenderer

    _app = QGuiApplication.instance() or QGuiApplication([])
    renderer = QSvgRenderer(str(ICONS / "plumbline.svg"))
    drawn: dict[int, bytes] = {}
    for size in SIZES:
        image = QImage(size, size, QImage.Format.Format_ARGB32)
        image.fill(Qt.GlobalColor.transparent)
        painter = QPainter(image)
        renderer.render(painter)
        painter.end()
        told = QByteArray()
        buffer = QBuffer(told)
        buffer.open(QIODevice.OpenModeFlag.WriteOnly)
        image.save(buffer, "PNG")
        drawn[size] = bytes(told.data())
    return drawn


def windows_icon(drawn: dict[int, bytes]) -> bytes:
    """An .ico: a header, an entry a picture (width, height, colours, planes, bits, length, place), then the PNGs."""
    entries, pictures = b"", b""
    start = 6 + 16 * len(_OF_WINDOWS)
    for size in _OF_WINDOWS:
        png = drawn[size]
        entries += struct.pack("<BBBBHHII", size % 256, size % 256, 0, 0, 1, 32, len(png), start + len(pictures))
        pictures += png
    return struct.pack("<HHH", 0, 1, len(_OF_WINDOWS)) + entries + pictures


def macos_icon(drawn: dict[int, bytes]) -> bytes:
    """An .icns: a header with the length of all, then for each picture its kind, its length and the PNG."""
    parts = b"".join(kind + struct.pack(">I", 8 + len(drawn[size])) + drawn[size] for size, kind in _OF_MACOS.items())
    return b"icns" + struct.pack(">I", 8 + len(parts)) + parts


def main() -> int:
    """Write the pictures that this system's build needs, all with --all; the exit status."""
    drawn = draw()
    for size, png in drawn.items():
        (ICONS / f"plumbline-{size}.png").write_bytes(png)
    if sys.platform == "win32" or "--all" in sys.argv:
        (ICONS / "plumbline.ico").write_bytes(windows_icon(drawn))
    if sys.platform == "darwin" or "--all" in sys.argv:
        (ICONS / "plumbline.icns").write_bytes(macos_icon(drawn))
    return 0


if __name__ == "__main__":
    sys.exit(main())
