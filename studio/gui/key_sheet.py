"""The sheet of shortcuts: every key that does something on the page that is shown, and everywhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QGridLayout, QLabel, QPushButton, QScrollArea, QVBoxLayout, QWidget

from studio.gui import theme
from studio.gui.language import mark, tr

_SHOWN = 4  # keys of one row; a longer row of them says its first and last
# What Qt or the system does itself, without a key bound here.
_USUAL = {
    mark("To the next control, and back"): ["Tab", "Shift+Tab"],
    mark("Press a button, tick a box"): ["Space"],
    mark("Choose among cards, tabs and rows"): ["←", "→", "↑", "↓"],
    mark("Leave a dialog"): ["Esc"],
    mark("Help"): ["F1"],
}


class KeySheet(QDialog):
    """`groups`: each part of the window, and its keys by what they do. Call `open()`."""

    def __init__(self, groups: Sequence[tuple[str, Mapping[str, list[str]]]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Keyboard shortcuts"))
        self.resize(560, 560)
        inside = QWidget()
        grid = QGridLayout(inside)
        grid.setContentsMargins(24, 16, 24, 16)
        grid.setHorizontalSpacing(24)
        grid.setVerticalSpacing(8)
        grid.setColumnStretch(1, 1)
        usual = {tr(about): keys for about, keys in _USUAL.items()}
        for title, keys in (*groups, (tr("As everywhere"), usual)):
            if keys:
                self._add(grid, title, keys)
        grid.setRowStretch(grid.rowCount(), 1)
        scroll = QScrollArea()
        scroll.setAccessibleName(tr("Keyboard shortcuts"))
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        scroll.setWidget(inside)
        close = QPushButton(tr("Close"))
        close.clicked.connect(self.accept)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 16)
        layout.addWidget(scroll, 1)
        layout.addWidget(close, alignment=Qt.AlignmentFlag.AlignHCenter)

    @staticmethod
    def _add(grid: QGridLayout, title: str, keys: Mapping[str, list[str]]) -> None:
        heading = QLabel(title)
        theme.set_role(heading, "heading")
        heading.setContentsMargins(0, 8, 0, 0)
        grid.addWidget(heading, grid.rowCount(), 0, 1, 2)
        for about, bound in keys.items():
            row = grid.rowCount()
            shown = f"{bound[0]} … {bound[-1]}" if len(bound) > _SHOWN else ", ".join(bound)
            key, words = QLabel(shown), QLabel(about)
            theme.set_role(key, "mono")
            words.setWordWrap(True)
            for label in (key, words):
                label.setTextFormat(Qt.TextFormat.PlainText)
            grid.addWidget(key, row, 0)
            grid.addWidget(words, row, 1)
