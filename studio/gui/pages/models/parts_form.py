"""The adapters that are added up into a new one, each with its weight: the chosen one first, and as many others."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QPushButton, QVBoxLayout, QWidget

from studio.core.errors import StudioError
from studio.gui.language import tr
from studio.gui.pages.models.panel import choice
from studio.gui.widgets.elided_label import ElidedLabel
from studio.storage.library import LibraryModel

_MOST = 100.0  # a weight
_BESIDE = 8  # logical pixels between the parts of a row


class PartsForm(QWidget):
    """Signal: `changed()`: another adapter was chosen, added or taken out."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._others: Sequence[LibraryModel] = ()
        self._model: LibraryModel | None = None
        self.own = ElidedLabel()
        self.own_weight = _weight_line(tr("Weight of this adapter"))
        self.rows: list[PartRow] = []
        self.add = QPushButton(tr("Add another"))
        self.add.setAccessibleName(tr("Add another adapter"))
        self.add.clicked.connect(self._add)
        first = QHBoxLayout()
        first.setSpacing(_BESIDE)
        first.addWidget(self.own, 1)
        first.addWidget(QLabel(tr("Weight")))
        first.addWidget(self.own_weight)
        last = QHBoxLayout()
        last.addWidget(self.add)
        last.addStretch()
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(8)
        self._column.addLayout(first)
        self._column.addLayout(last)

    def show_model(self, model: LibraryModel, others: Sequence[LibraryModel]) -> None:
        """Be about a model and the other adapters on its base; what was chosen stays where it still is there."""
        same, self._model, self._others = model == self._model, model, others
        self.own.show_text(model.name)
        for row in list(self.rows):
            if same and row.model() in others:
                row.offer(others)
            else:
                self._drop(row)
        if not self.rows and others:
            self._add()
        self._tell()

    def parts(self) -> list[tuple[LibraryModel, float]]:
        """The adapters with their weights, the chosen one first. Raises StudioError."""
        if self._model is None:
            return []
        chosen = [(self._model, self.own_weight.text()), *((row.model(), row.weight.text()) for row in self.rows)]
        found = [(model, _number(weight)) for model, weight in chosen]
        twice = [model.name for k, (model, _) in enumerate(found) if model in [other for other, _ in found[:k]]]
        if twice:
            raise StudioError(f"“{twice[0]}” is there twice.", "Choose another adapter, or take it out.")
        return found

    @Slot()
    def _add(self) -> None:
        taken = [row.model() for row in self.rows]
        row = PartRow(self._others, next((other for other in self._others if other not in taken), self._others[0]))
        row.removed.connect(self._take_out)
        row.changed.connect(self.changed)
        self.rows.append(row)
        self._column.insertWidget(len(self.rows), row)
        self._tell()

    @Slot()
    def _take_out(self) -> None:
        row = self.sender()
        if isinstance(row, PartRow):
            self._drop(row)
            self._tell()

    def _drop(self, row: PartRow) -> None:
        self.rows.remove(row)
        self._column.removeWidget(row)
        row.hide()
        row.deleteLater()

    def _tell(self) -> None:
        self.add.setVisible(len(self.rows) < len(self._others))
        for row in self.rows:
            row.remove.setVisible(len(self.rows) > 1)
        self.changed.emit()


class PartRow(QWidget):
    """One of the others. Signals: `changed()`; `removed()`: it is to be taken out."""

    changed = Signal()
    removed = Signal()

    def __init__(self, others: Sequence[LibraryModel], chosen: LibraryModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.other = choice(tr("The other adapter"))
        self.weight = _weight_line(tr("Weight of the other adapter"))
        self.remove = QPushButton(tr("Take out"))
        self.remove.setAccessibleName(tr("Take this adapter out"))
        self.remove.clicked.connect(self.removed)
        self.offer(others, chosen)
        self.other.currentIndexChanged.connect(self.changed)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(_BESIDE)
        row.addWidget(self.other, 1)
        row.addWidget(self.remove)
        row.addWidget(QLabel(tr("Weight")))
        row.addWidget(self.weight)

    def model(self) -> LibraryModel:
        """The adapter that is chosen."""
        return self.other.currentData()

    def offer(self, others: Sequence[LibraryModel], chosen: LibraryModel | None = None) -> None:
        """Offer these; another is chosen only when it is named."""
        wanted = chosen or self.model()
        self.other.blockSignals(True)
        self.other.clear()
        for other in others:
            self.other.addItem(other.name, other)
        self.other.setCurrentIndex(list(others).index(wanted))
        self.other.blockSignals(False)


def _weight_line(name: str) -> QLineEdit:
    line = QLineEdit("0.5")
    line.setAccessibleName(name)
    line.setMaximumWidth(96)
    return line


def _number(text: str) -> float:
    try:
        value = float(text.strip().replace(",", "."))
    except ValueError:
        raise StudioError(f"The weight is “{text}”, which is not a number.", "Type one such as 0.5 or -1.") from None
    if not -_MOST <= value <= _MOST:
        raise StudioError(
            f"The weight is {value:g}, which is far more than makes sense.", "Type one such as 0.5 or -1."
        )
    return value
