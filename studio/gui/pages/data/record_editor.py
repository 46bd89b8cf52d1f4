"""One example as texts to be changed, or a new one to be written: a dialog that blocks nothing.

What may be saved is decided by the rules of an import; a reason is said where it is typed.
"""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from studio.core.editing import CALLS, Part, empty_parts, kind_parts, parts_of, record_of
from studio.core.messages import ROLES, Message
from studio.core.records import Kind, Record
from studio.gui import theme
from studio.gui.language import mark, tr, translated

_NAMES = {
    "user": mark("User"),
    "assistant": mark("Model"),
    "system": mark("System"),
    "tool": mark("Tool"),
    CALLS: mark("Tool calls (JSON)"),
}


class RecordEditor(QDialog):
    """Signal: `saved(object Record)` when the texts make a record and it differs from the one that was shown."""

    saved = Signal(object)

    def __init__(self, kind: Kind, record: Record | None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        one = kind.rows.removesuffix("s")
        self.setWindowTitle(tr("Edit {one}", one=one) if record is not None else tr("New {one}", one=one))
        self._kind, self._record = kind, record
        self.boxes: list[_Box] = []
        self._column = QVBoxLayout()
        self._column.setSpacing(12)
        for part in parts_of(record) if record is not None else empty_parts(kind.name):
            self._add(part)
        self._column.addStretch()
        inside = QWidget()
        inside.setLayout(self._column)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        scroll.setWidget(inside)
        self.reason = QLabel()
        self.reason.setTextFormat(Qt.TextFormat.PlainText)
        self.reason.setWordWrap(True)
        theme.set_role(self.reason, "error")
        self.reason.hide()
        self.turns = QPushButton(tr("Add turns"))
        self.turns.setVisible(bool(kind_parts(kind.name)))
        self.turns.clicked.connect(self._add_turns)
        self.save, self.cancel = QPushButton(tr("Save")), QPushButton(tr("Cancel"))
        self.save.setToolTip("Ctrl+Return")
        theme.set_role(self.save, "primary")
        self.save.clicked.connect(self._save)
        self.cancel.clicked.connect(self.reject)
        self.save.setShortcut(QKeySequence("Ctrl+Return"))
        buttons = QHBoxLayout()
        buttons.addWidget(self.turns)
        buttons.addStretch()
        buttons.addWidget(self.cancel)
        buttons.addWidget(self.save)
        layout = QVBoxLayout(self)
        layout.addWidget(scroll, 1)
        layout.addWidget(self.reason)
        layout.addLayout(buttons)
        self.resize(680, 560)
        self.boxes[0].text.setFocus()

    def _add(self, part: Part) -> None:
        box = _Box(part, self._kind.name == "examples")
        self._column.insertWidget(len(self.boxes), box)
        self.boxes.append(box)

    @Slot()
    def _add_turns(self) -> None:
        for part in kind_parts(self._kind.name):
            self._add(part)
        self.boxes[-2].text.setFocus()

    @Slot()
    def _save(self) -> None:
        parts = [box.part() for box in self.boxes]
        new_turns = [part for part in parts if part.turn is None and part.is_turn and not part.text.strip()]
        if self._record is not None:  # turns that were added and left empty are none
            parts = [part for part in parts if part not in new_turns]
        try:
            record = record_of(self._kind.name, parts)
        except ValueError as error:
            reason = str(error)
            said = translated(reason)
            self.reason.setText(tr("{reason}.", reason=said[:1].upper() + said[1:]))
            self.reason.show()
            return
        if record != self._record:
            self.saved.emit(record)
        self.accept()


class _Box(QWidget):
    """One part: its name, which of a turn can be changed, and its text. choosable: whether it may be learned or not."""

    def __init__(self, part: Part, choosable: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._part = part
        self.unlearned: QCheckBox | None = None
        self.role: QComboBox | None = None
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        shown = translated(_NAMES.get(part.name, part.name[0].upper() + part.name[1:]))
        self.text = QPlainTextEdit(part.text)
        self.text.setTabChangesFocus(True)
        self.text.setAccessibleName(shown)
        short = part.name in ("rating", "margin", "good or bad", "column label")
        self.setFixedHeight(80 if short else 150)  # of the box: the style has a height for texts of one line
        if part.name in ROLES:
            self.role = QComboBox()
            for role in ROLES:
                self.role.addItem(tr(_NAMES[role]), role)
            self.role.setCurrentIndex(self.role.findData(part.name))
            self.role.setAccessibleName(tr("Who speaks"))
            line = QHBoxLayout()
            line.addWidget(self.role)
            if choosable:
                self.unlearned = QCheckBox(tr("Only read, never learned"))
                self.unlearned.setChecked(part.turn is not None and part.turn.unlearned)
                line.addWidget(self.unlearned)
            line.addStretch()
            layout.addLayout(line)
        else:
            label = QLabel(shown)
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setBuddy(self.text)
            layout.addWidget(label)
        layout.addWidget(self.text)

    def part(self) -> Part:
        """The part as it stands."""
        name = self._part.name if self.role is None else str(self.role.currentData())
        turn = self._part.turn
        if self.unlearned is not None and self.unlearned.isChecked() != (turn is not None and turn.unlearned):
            turn = (turn or Message("user", ""))._replace(unlearned=self.unlearned.isChecked())
        return Part(name, self.text.toPlainText(), turn)
