"""Icons: Lucide's drawings (`resources/icons`, ISC licence) in the colour of the theme, sharp at every scaling."""

from __future__ import annotations

from functools import cache

from PySide6.QtCore import QByteArray, QSize, Qt
from PySide6.QtGui import QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QAbstractButton, QApplication, QLabel

from studio.gui import theme
from studio.storage.resources import carried

_SIZE = 18  # logical pixels
_SCALES = (1, 2, 3)


@cache
def _drawing(name: str) -> str:
    return carried("resources", "icons", f"{name}.svg").read_text(encoding="utf-8")


def picture(name: str, colour: str, size: int, scale: float = 1.0) -> QPixmap:
    """A drawing as a picture of `size` logical pixels."""
    pixels = round(size * scale)
    made = QPixmap(pixels, pixels)
    made.fill(Qt.GlobalColor.transparent)
    painter = QPainter(made)
    drawing = _drawing(name).replace("currentColor", colour)
    QSvgRenderer(QByteArray(drawing.encode())).render(painter)
    painter.end()
    made.setDevicePixelRatio(scale)
    return made


def icon(name: str, colour: str = "") -> QIcon:
    """A drawing as an icon, in the colour of texts unless another is given."""
    made = QIcon()
    for scale in _SCALES:
        made.addPixmap(picture(name, colour or theme.tokens().text, _SIZE, scale))
    return made


def put(widget: QAbstractButton | QLabel, name: str, size: int = _SIZE) -> None:
    """Show a drawing on a button or a label, also in the next theme."""
    widget.setProperty("drawing", name)
    widget.setProperty("drawing_size", size)
    _paint(widget)


def repaint_all() -> None:
    """After a change of theme: every drawing in its new colour."""
    for widget in QApplication.allWidgets():
        if widget.property("drawing") and isinstance(widget, (QAbstractButton, QLabel)):
            _paint(widget)


def _paint(widget: QAbstractButton | QLabel) -> None:
    name, size = str(widget.property("drawing")), int(widget.property("drawing_size"))
    if isinstance(widget, QLabel):
        widget.setPixmap(picture(name, theme.tokens().accent, size, widget.devicePixelRatioF()))
    else:
        colour = theme.tokens().on_accent if widget.property("role") == "primary" else ""
        widget.setIcon(icon(name, colour))
        widget.setIconSize(QSize(size, size))
