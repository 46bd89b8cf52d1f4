"""The phrasings of a task: which are used, and the Jinja of the one that is selected, to be changed."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Qt, Signal, Slot
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from studio.core.tasks import Phrasing
from studio.gui import theme
from studio.gui.language import tr

_LINE = 60  # characters of a phrasing in the list


class PhrasingList(QWidget):
    """Signal: `changed()` when another phrasing is used or its words are changed."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._phrasings: list[Phrasing] = []
        self.list = QListWidget()
        self.list.setAccessibleName(tr("Phrasings"))
        self.list.setFixedHeight(112)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.currentRowChanged.connect(self._select)
        self.list.itemChanged.connect(self._take_tick)
        self.ask, self.answer = QPlainTextEdit(), QPlainTextEdit()
        for editor, name, height in ((self.ask, tr("What is asked"), 96), (self.answer, tr("What is answered"), 48)):
            editor.setAccessibleName(tr("{name}, in Jinja", name=name))
            editor.setFont(theme.mono_font())
            editor.setTabChangesFocus(True)
            editor.setFixedHeight(height)
            editor.textChanged.connect(self._take_words)
        self.add, self.remove = QPushButton(tr("Add")), QPushButton(tr("Remove"))
        for button, slot in ((self.add, self._add), (self.remove, self._remove)):
            theme.set_role(button, "quiet")
            button.setAutoDefault(False)
            button.clicked.connect(slot)
        line = QHBoxLayout()
        label = QLabel(tr("Asked"))
        label.setBuddy(self.ask)
        line.addWidget(label, 1)
        line.addWidget(self.add)
        line.addWidget(self.remove)
        answered = QLabel(tr("Answered"))
        answered.setBuddy(self.answer)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.list)
        layout.addLayout(line)
        layout.addWidget(self.ask)
        layout.addWidget(answered)
        layout.addWidget(self.answer)

    def phrasings(self) -> tuple[Phrasing, ...]:
        """As they stand."""
        return tuple(self._phrasings)

    def show_phrasings(self, phrasings: tuple[Phrasing, ...]) -> None:
        """Show others, without saying so."""
        blocked = QSignalBlocker(self)
        self._phrasings = list(phrasings)
        self._fill(0)
        del blocked

    def _fill(self, current: int) -> None:
        blocked = QSignalBlocker(self.list)
        self.list.clear()
        for one in self._phrasings:
            item = QListWidgetItem(_in_line(one))
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            item.setCheckState(Qt.CheckState.Checked if one.chosen else Qt.CheckState.Unchecked)
            self.list.addItem(item)
        self.list.setCurrentRow(current)
        del blocked
        self._select(current)
        self.remove.setEnabled(len(self._phrasings) > 1)

    @Slot(int)
    def _select(self, row: int) -> None:
        if not 0 <= row < len(self._phrasings):
            return
        for editor, text in ((self.ask, self._phrasings[row].ask), (self.answer, self._phrasings[row].answer)):
            blocked = QSignalBlocker(editor)
            editor.setPlainText(text)
            del blocked

    @Slot()
    def _take_words(self) -> None:
        row = self.list.currentRow()
        if 0 <= row < len(self._phrasings):
            kept = self._phrasings[row].chosen
            self._phrasings[row] = Phrasing(self.ask.toPlainText(), self.answer.toPlainText(), kept)
            blocked = QSignalBlocker(self.list)
            self.list.item(row).setText(_in_line(self._phrasings[row]))
            del blocked
            self.changed.emit()

    @Slot(QListWidgetItem)
    def _take_tick(self, item: QListWidgetItem) -> None:
        row = self.list.row(item)
        one = self._phrasings[row]
        self._phrasings[row] = Phrasing(one.ask, one.answer, item.checkState() == Qt.CheckState.Checked)
        self.changed.emit()

    @Slot()
    def _add(self) -> None:
        self._phrasings.append(Phrasing(self.ask.toPlainText(), self.answer.toPlainText()))
        self._fill(len(self._phrasings) - 1)
        self.ask.setFocus()
        self.changed.emit()

    @Slot()
    def _remove(self) -> None:
        row = self.list.currentRow()
        if len(self._phrasings) > 1 and row >= 0:
            del self._phrasings[row]
            self._fill(min(row, len(self._phrasings) - 1))
            self.changed.emit()


def _in_line(one: Phrasing) -> str:
    text = " ".join(one.ask.split()) or tr("(empty)")
    return text if len(text) <= _LINE else text[:_LINE] + "…"
