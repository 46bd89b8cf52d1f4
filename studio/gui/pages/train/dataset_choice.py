"""Choosing a dataset of a kind that the method learns from; other kinds are not listed.

When the project has none, it is said what to import, with the button that leads there.
"""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from studio.core.datasets import DatasetInfo
from studio.core.errors import StudioError
from studio.core.methods import Method
from studio.core.records import KINDS
from studio.gui import theme
from studio.gui.language import one_of, tr, translated
from studio.storage.datasets import list_datasets
from studio.storage.project import Project


class DatasetChoice(QWidget):
    """The dataset that is chosen; at first the newest that fits.

    changed(): another one, or none. import_requested(). failed(object StudioError): the list can't be read.
    """

    changed = Signal()
    import_requested = Signal()
    failed = Signal(object)

    def __init__(self, project: Project, method: Method, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._project, self._method = project, method
        self.combo = QComboBox()
        self.combo.setAccessibleName(tr("Dataset"))
        self.combo.currentIndexChanged.connect(self.changed)
        self.about, self.missing = QLabel(), QLabel()
        for label in (self.about, self.missing):
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setWordWrap(True)
            theme.set_role(label, "muted")
        self.bring = QPushButton(tr("Import…"))
        self.bring.setToolTip(tr("Go to Data, where files are imported"))
        self.bring.clicked.connect(self.import_requested)
        nothing = QHBoxLayout()
        nothing.setSpacing(12)
        nothing.addWidget(self.missing, 1)
        nothing.addWidget(self.bring, alignment=Qt.AlignmentFlag.AlignTop)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self.about)
        layout.addWidget(self.combo)
        layout.addLayout(nothing)
        self.refresh()

    def dataset(self) -> DatasetInfo | None:
        """The dataset that is chosen."""
        return self.combo.currentData() if self.combo.currentIndex() >= 0 else None

    def choose(self, dataset_id: str) -> None:
        """Choose a listed dataset; one that isn't there leaves the choice as it is."""
        for index in range(self.combo.count()):
            if self.combo.itemData(index).id == dataset_id:
                self.combo.setCurrentIndex(index)

    def take_method(self, method: Method) -> None:
        """List what another method learns from."""
        self._method = method
        self.refresh()

    @Slot()
    def refresh(self) -> None:
        """Read the list again; the choice stays while it is listed."""
        try:
            found = [info for info in list_datasets(self._project) if info.kind_name in self._method.needs]
        except StudioError as error:
            self.failed.emit(error)
            return
        chosen = self.dataset()
        ids = [info.id for info in found]
        self.combo.blockSignals(True)
        self.combo.clear()
        for info in found:
            self.combo.addItem(f"{info.name} ({translated(info.size)})", info)
        self.combo.setCurrentIndex(ids.index(chosen.id) if chosen and chosen.id in ids else 0 if found else -1)
        self.combo.blockSignals(False)
        needed = [KINDS[name] for name in self._method.needs]
        rows = one_of([translated(kind.rows) for kind in needed])
        if self._method.is_rewarded:
            self.about.setText(tr("Answers the prompts of any dataset of conversations; answers in it are left aside."))
            self.missing.setText(tr("This project has no prompts yet: import a file of prompts or examples first."))
        else:
            self.about.setText(
                tr(
                    "Learns from {rows}.",
                    rows=one_of([f"{translated(kind.rows)} ({translated(kind.about)})" for kind in needed]),
                )
            )
            self.missing.setText(tr("This project has no {rows} yet: import a file of them first.", rows=rows))
        for part in (self.missing, self.bring):
            part.setVisible(not found)
        self.combo.setVisible(bool(found))
        self.changed.emit()
