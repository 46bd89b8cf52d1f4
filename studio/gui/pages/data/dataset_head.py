"""The head of a dataset: its name, where it is from, and the buttons of what can be done with it."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from studio.core.datasets import DatasetInfo
from studio.gui import theme
from studio.gui.language import tr, translated

_ONE_ROW = 640  # logical pixels, below which the buttons stand under the name


class DatasetHead(QWidget):
    """Shows a dataset; `edit`, `tools`, `label` and `train` are connected by the view."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.title, self.about = QLabel(), QLabel()
        theme.set_role(self.title, "title")
        theme.set_role(self.about, "muted")
        for label in (self.title, self.about):
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setWordWrap(True)
        self.edit, self.tools = QPushButton(tr("Edit")), QPushButton(tr("Tools"))
        self.label, self.train = QPushButton(tr("Label")), QPushButton(tr("Train on this"))
        self.label.setToolTip(tr("Judge answers to its prompts: its own, or those that your models write"))
        theme.set_role(self.train, "primary")
        self._words, self._buttons = QWidget(), QWidget()
        column = QVBoxLayout(self._words)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.title)
        column.addWidget(self.about)
        line = QHBoxLayout(self._buttons)
        line.setContentsMargins(0, 0, 0, 0)
        for button in (self.edit, self.tools, self.label, self.train):
            line.addWidget(button)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setColumnStretch(0, 1)
        self._narrow: bool | None = None
        self._arrange()

    def show_dataset(self, info: DatasetInfo) -> None:
        """Say what it is."""
        self.title.setText(info.name)
        self.about.setText(
            tr(
                "{size} · from {source} · {created}",
                size=translated(info.size),
                source=info.source,
                created=info.created[:10],
            )
        )
        rows = info.kind_name == "tasks"  # nothing learns from these as they are
        self.train.setText(tr("Make instructions…") if rows else tr("Train on this"))
        self.label.setVisible(info.kind.templated)

    def _arrange(self) -> None:
        narrow = self.width() < _ONE_ROW
        if narrow == self._narrow:
            return
        self._narrow = narrow
        self._grid.addWidget(self._words, 0, 0, 1, 2 if narrow else 1)
        side = Qt.AlignmentFlag.AlignLeft if narrow else Qt.AlignmentFlag.AlignTop
        self._grid.addWidget(self._buttons, *((1, 0) if narrow else (0, 1)), side)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()
