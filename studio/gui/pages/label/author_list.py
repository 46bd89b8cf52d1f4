"""Which models write candidates: base models and what runs made of them, as a list with ticks."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QLabel, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from studio.core.candidates import Author
from studio.core.errors import StudioError
from studio.gui import theme
from studio.gui.language import tr
from studio.gui.widgets.visible_text import plain_tip
from studio.jobs.runs import ProjectRuns
from studio.storage.models import offered_models
from studio.storage.project import Project


class AuthorList(QWidget):
    """Signal: `changed()`. What is ticked stays ticked."""

    changed = Signal()

    def __init__(self, project: Project, runs: ProjectRuns, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._project, self._runs = project, runs
        about = QLabel(tr("Models that write. Those on one base share its memory; which one wrote what stays hidden."))
        about.setWordWrap(True)
        theme.set_role(about, "muted")
        self.list = QListWidget()
        self.list.setAccessibleName(tr("Models that write answers"))
        self.list.setFixedHeight(132)
        self.list.itemChanged.connect(self._take_tick)
        self._chosen = False  # by the user
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(about)
        layout.addWidget(self.list)
        runs.list_changed.connect(self.refresh)
        runs.run_ended.connect(self.refresh)
        self.refresh()

    def authors(self) -> tuple[Author, ...]:
        """Those that are ticked."""
        items = [self.list.item(row) for row in range(self.list.count())]
        return tuple(
            item.data(Qt.ItemDataRole.UserRole) for item in items if item.checkState() == Qt.CheckState.Checked
        )

    @Slot()
    def refresh(self) -> None:
        """List again; at first the newest model that a run made is ticked."""
        known = self._known()
        before = {(author.base, author.adapter) for author in self.authors()}
        if not self._chosen:
            before = {(author.base, author.adapter) for author in known[:1]}
        self.list.blockSignals(True)
        self.list.clear()
        for author in known:
            item = QListWidgetItem(author.name)
            item.setData(Qt.ItemDataRole.UserRole, author)
            item.setToolTip(plain_tip(author.adapter or author.base))
            ticked = (author.base, author.adapter) in before
            item.setCheckState(Qt.CheckState.Checked if ticked else Qt.CheckState.Unchecked)
            self.list.addItem(item)
        if self.list.count() and self.list.currentRow() < 0:
            self.list.setCurrentRow(0)
        self.list.blockSignals(False)

    @Slot()
    def _take_tick(self) -> None:
        self._chosen = True
        self.changed.emit()

    def _known(self) -> list[Author]:
        found: list[Author] = []
        for record in self._runs.records():
            tuned = record.folder.tuned_folder()
            if record.recipe is not None and tuned is not None:
                last = None if record.folder.is_sealed else record.folder.last_checkpoint()
                name = tr("{name} (step {step:,})", name=record.name, step=last.step) if last else record.name
                if any(author.name == name for author in found):  # who wrote what is told apart by name
                    name = f"{name} ({record.id})"
                found.append(Author(name, record.recipe.base_model, str(tuned)))
        try:
            bases = offered_models(self._project)
        except StudioError:
            bases = list[Path]()
        return [*found, *(Author(folder.name, str(folder)) for folder in bases)]
