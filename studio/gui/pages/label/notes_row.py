"""A comment and tags on the item that is on screen. Enter keeps them; they are kept with the next verdict too."""

from __future__ import annotations

import re
from dataclasses import replace

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QWidget

from studio.core.labelling import Mark
from studio.gui.language import tr
from studio.gui.pages.label.line import Line


class NotesRow(QWidget):
    """Signals: `noted(str comment, list tags)` on Enter; `left()` after that and on Escape."""

    noted = Signal(str, list)
    left = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.comment, self.tags = Line(), Line()
        self.comment.setPlaceholderText(tr("Comment  (C)"))
        self.comment.setAccessibleName(tr("Comment"))
        self.tags.setPlaceholderText(tr("Tags, with commas between  (#)"))
        self.tags.setAccessibleName(tr("Tags"))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self.comment, 2)
        layout.addWidget(self.tags, 1)
        for line in (self.comment, self.tags):
            line.returnPressed.connect(self._confirm)
            line.escaped.connect(self.left)

    @property
    def used(self) -> bool:
        """Whether something is noted, or about to be."""
        return any(line.text() or line.hasFocus() for line in (self.comment, self.tags))

    def open(self, line: Line) -> None:
        """Let a line be typed into, also where the row was hidden for want of room."""
        self.show()
        line.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def show_mark(self, mark: Mark) -> None:
        """Show what was noted on an item."""
        self.comment.setText(mark.comment)
        self.tags.setText(", ".join(mark.tags))

    def noted_in(self, mark: Mark) -> Mark:
        """The mark with what is typed here."""
        tags = tuple(dict.fromkeys(part.strip() for part in re.split("[,，]", self.tags.text()) if part.strip()))
        return replace(mark, comment=self.comment.text().strip(), tags=tags)

    @Slot()
    def _confirm(self) -> None:
        mark = self.noted_in(Mark())
        self.noted.emit(mark.comment, list(mark.tags))
        self.left.emit()
