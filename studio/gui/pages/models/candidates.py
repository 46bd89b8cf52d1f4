"""What could be got: the catalogue, or what a search of the Hub found, as rows with what each needs on this machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from studio.core.forecast import Device
from studio.core.hub import HubModel
from studio.gui.language import mark, tr, translated
from studio.storage.catalogue import CatalogueModel, Needs, needs_of
from studio.storage.files import in_bytes
from studio.storage.model_shapes import foretold_shape
from studio.storage.models import in_count

CANDIDATE = int(Qt.ItemDataRole.UserRole)
_COLUMNS = (
    mark("Model"),
    mark("Size"),
    mark("Licence"),
    mark("To talk"),
    mark("LoRA"),
    mark("QLoRA"),
    mark("On this computer"),
)
_ABOUT = (
    mark("What it is called"),
    mark("How many parameters it has"),
    mark("Under which terms it may be used"),
    mark("Memory to talk to it, in a conversation of 2,048 tokens"),
    mark("Memory to train an adapter, at least"),
    mark("Memory to train an adapter with the model in 4 bits, at least"),
    mark("What it is good for with the memory that is free now"),
)
Index = QModelIndex | QPersistentModelIndex


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model that could be got. needs: None while its config isn't known, or the machine isn't."""

    name: str
    title: str
    parameters: int = 0
    context: int = 0
    licence: str = ""
    gated: bool = False
    about: str = ""
    config: Mapping[str, Any] | None = None
    needs: Needs | None = None

    @property
    def facts(self) -> str:
        """Its figures in a line."""
        return ", ".join(
            part
            for part in (
                tr("{parameters} parameters", parameters=in_count(self.parameters)) if self.parameters else "",
                tr("context {context:,} tokens", context=self.context) if self.context else "",
                self.licence and tr("licence {licence}", licence=self.licence),
                tr("gated: its terms must be accepted first") if self.gated else "",
            )
            if part
        )


def of_catalogue(model: CatalogueModel) -> Candidate:
    """A row for an entry of the catalogue."""
    about = translated(model.about)
    if not model.answers:
        about = tr("{about} A base: it first has to learn to answer.", about=about)
    return Candidate(
        model.name, model.title, model.parameters, model.context, model.licence, model.gated, about, model.config
    )


def of_hub(model: HubModel) -> Candidate:
    """A row for what the Hub found."""
    about = tr(
        "{downloads:,} downloads in the last month, {likes:,} likes.", downloads=model.downloads, likes=model.likes
    )
    return Candidate(model.name, model.name, model.parameters, 0, model.licence, model.gated, about)


def with_needs(candidate: Candidate, device: Device | None) -> Candidate:
    """The same with what it needs, as far as that can be told."""
    shape = foretold_shape(candidate.config) if candidate.config else None
    if shape is None:
        return candidate
    known = replace(candidate, context=candidate.context or shape.context)
    known = replace(known, parameters=known.parameters or shape.parameters)
    return replace(known, needs=needs_of(shape, device)) if device else known


class CandidateTable(QAbstractTableModel):
    """The rows, in the order in which they were found."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: list[Candidate] = []

    def take(self, rows: Sequence[Candidate]) -> None:
        """Show these."""
        self.beginResetModel()
        self._rows = list(rows)
        self.endResetModel()

    def replace_row(self, candidate: Candidate) -> None:
        """Know more of one that is shown."""
        for row, known in enumerate(self._rows):
            if known.name == candidate.name:
                self._rows[row] = candidate
                self.dataChanged.emit(self.index(row, 0), self.index(row, len(_COLUMNS) - 1))

    def rows(self) -> list[Candidate]:
        """What is shown."""
        return list(self._rows)

    def rowCount(self, parent: Index = QModelIndex()) -> int:
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:
        return 0 if parent.isValid() else len(_COLUMNS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return tr(_COLUMNS[section])
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.ToolTipRole:
            return tr(_ABOUT[section])
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        candidate = self._rows[index.row()]
        if role == CANDIDATE:
            return candidate
        if role == Qt.ItemDataRole.DisplayRole:
            return _text(candidate, index.column())
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{tr(_COLUMNS[index.column()])}: {_text(candidate, index.column())}"
        return None


def _text(candidate: Candidate, column: int) -> str:
    needs = candidate.needs
    match column:
        case 0:
            return candidate.title
        case 1:
            return in_count(candidate.parameters) if candidate.parameters else ""
        case 2:
            return tr("{licence}, gated", licence=candidate.licence) if candidate.gated else candidate.licence
        case 3:
            return in_bytes(needs.chat) if needs else ""
        case 4:
            return in_bytes(needs.lora) if needs else ""
        case 5:
            return in_bytes(needs.qlora) if needs else ""
        case _:
            return translated(needs.verdict) if needs else ""
