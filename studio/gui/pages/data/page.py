"""The Data page: the list of datasets at the left; at the right one dataset, or the import of a file.

What a dataset shows is in `examples` and `preview_pane`; importing is `import_panel`. This module joins them.
"""

from __future__ import annotations

import os
from pathlib import Path

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QKeySequence, QShortcut, QShowEvent
from PySide6.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QScrollArea,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from studio.core.datasets import DatasetInfo
from studio.core.errors import StudioError
from studio.gui import theme
from studio.gui.pages.data.examples import ExamplesModel, ExamplesTable
from studio.gui.pages.data.import_panel import ImportPanel
from studio.gui.pages.data.preview_pane import PreviewPane
from studio.gui.widgets.ask import question, text_question
from studio.gui.widgets.empty_state import EmptyState
from studio.gui.widgets.notice import Notice
from studio.jobs.background import BackgroundTask
from studio.storage.datasets import delete_dataset, list_datasets, rename_dataset
from studio.storage.project import DATABASE, Project

_FILES = "Datasets (*.json *.jsonl *.csv *.tsv *.parquet *.txt);;All files (*)"


class DataPage(QWidget):
    """Signals: `train_requested(str dataset_id)`; `datasets_changed()` after an import, a rename or a delete.

    `preview_command` replaces the preview worker's command, for tests.
    """

    train_requested = Signal(str)
    datasets_changed = Signal()

    def __init__(
        self, project: Project, parent: QWidget | None = None, preview_command: list[str] | None = None
    ) -> None:
        super().__init__(parent)
        self.setAcceptDrops(True)
        self._project = project
        self._removal: BackgroundTask | None = None
        self._shown: DatasetInfo | None = None
        self._folder = Path.home()  # where the last file came from
        self.notice = Notice()
        self.list = QListWidget()
        self.list.setAccessibleName("Datasets")
        self.list.setWordWrap(True)
        self.list.currentItemChanged.connect(self._show_current)
        self.import_button = QPushButton("Import…")
        self.import_button.setToolTip("Import a dataset file (Ctrl+I)")
        self.import_button.clicked.connect(self.choose_file)
        QShortcut(QKeySequence("Ctrl+I"), self).activated.connect(self.choose_file)
        self.empty = EmptyState(
            "No dataset yet",
            "A dataset is a file of examples to learn from: questions with their answers, two answers of which one is "
            "preferred, rated answers, or plain text.\nImport a JSON, CSV, Parquet or text file, or drop it here.",
            "Import…",
        )
        self.empty.action_requested.connect(self.choose_file)
        self.panel = ImportPanel(project)
        self.panel.imported.connect(self._take_imported)
        self.panel.failed.connect(self._import_failed)
        self.panel.given_up.connect(self._leave_import)
        self.model = ExamplesModel(project, self)
        self.model.failed.connect(self.notice.show_error)
        self.table = ExamplesTable(self.model)
        self.table.example_selected.connect(self._show_example)
        self.preview = PreviewPane(project, command=preview_command)
        self.stack = QStackedWidget()
        for part in (self.empty, self._make_dataset_view(), self.panel):
            self.stack.addWidget(part)
        self._lay_out()
        self.refresh()

    def dataset(self) -> DatasetInfo | None:
        """The dataset that is selected."""
        item = self.list.currentItem()
        return item.data(Qt.ItemDataRole.UserRole) if item is not None else None

    def refresh(self, select: str = "") -> None:
        """Read the list again and select a dataset: `select`, else the one that was, else the newest."""
        before = self.dataset()
        try:
            datasets = list_datasets(self._project)
        except StudioError as error:
            self.notice.show_error(error)
            return
        wanted = select or (before.id if before else "")
        self.list.blockSignals(True)
        self.list.clear()
        for info in datasets:
            item = QListWidgetItem(f"{info.name}\n{info.size}")
            item.setData(Qt.ItemDataRole.UserRole, info)
            item.setToolTip(info.name)
            self.list.addItem(item)
            if info.id == wanted or self.list.currentItem() is None:
                self.list.setCurrentItem(item)
        self.list.blockSignals(False)
        self.side.setVisible(bool(datasets))  # with nothing to list, the page says how to begin
        self._show_current()

    @Slot()
    def choose_file(self) -> None:
        """Ask for a file to import."""
        if self.import_button.isEnabled():
            path, _ = QFileDialog.getOpenFileName(self, "Import a dataset", str(self._folder), _FILES)
            if path:
                self._folder = Path(path).parent
                self.import_file(Path(path))

    def import_file(self, path: Path) -> None:
        """Read a file and ask whether to import it."""
        if not self.import_button.isEnabled():
            self.notice.show_note("One import at a time: finish or cancel this one first.")
            return
        self.notice.clear()
        self._set_importing(True)
        self.stack.setCurrentWidget(self.panel)
        self.panel.read(path)

    def close_down(self) -> None:
        """End the preview worker and an import, and wait for their threads."""
        self.panel.close_down()
        self.preview.close_down()
        if self._removal is not None:
            self._removal.wait()

    def _set_importing(self, busy: bool) -> None:
        self.list.setEnabled(not busy)
        self.import_button.setEnabled(not busy)

    @Slot(object)
    def _take_imported(self, info: DatasetInfo) -> None:
        self._set_importing(False)
        self.refresh(select=info.id)
        self.datasets_changed.emit()
        self.list.setFocus()

    @Slot(object)
    def _import_failed(self, error: Exception) -> None:
        self._leave_import()
        self.notice.show_error(error)

    @Slot()
    def _leave_import(self) -> None:
        self._set_importing(False)
        self._show_current()

    @Slot()
    def _show_current(self) -> None:
        info, before = self.dataset(), self._shown
        self._shown = info
        if info is None:
            self.model.show_dataset(None)
            self.preview.show_example(None)
            self.stack.setCurrentWidget(self.empty)
            return
        self.title.setText(info.name)
        self.about.setText(f"{info.size} · from {info.source} · imported {info.created[:10]}")
        self.stack.setCurrentIndex(1)
        if before is None or before.id != info.id:
            self.model.show_dataset(info)
            self.table.selectRow(0)

    @Slot(int)
    def _show_example(self, row: int) -> None:
        self.preview.show_example(self.model.example(row) if row >= 0 else None)

    @Slot()
    def _train(self) -> None:
        info = self.dataset()
        if info is not None:
            self.train_requested.emit(info.id)

    @Slot()
    def _ask_name(self) -> None:
        info = self.dataset()
        if info is not None:
            dialog = text_question(self, "Rename dataset", "New name", info.name)
            dialog.textValueSelected.connect(self._rename)
            dialog.open()

    @Slot(str)
    def _rename(self, name: str) -> None:
        info = self.dataset()
        if info is None:
            return
        try:
            rename_dataset(self._project, info.id, name)
        except StudioError as error:
            self.notice.show_error(error)
            return
        self.refresh()
        self.datasets_changed.emit()

    @Slot()
    def _ask_delete(self) -> None:
        info = self.dataset()
        if info is None:
            return
        box = question(
            self,
            f"Delete “{info.name}”?",
            f"Its {info.size} are taken out of the project for good. Runs that were trained on it keep "
            f"their results, but can't be resumed. The file “{info.source}” is not touched.",
            "Delete dataset",
        )
        box.accepted.connect(self._delete)
        box.open()

    @Slot()
    def _delete(self) -> None:
        info, project = self.dataset(), self._project
        if info is None:
            return
        self._set_importing(True)
        if self._removal is not None:
            self._removal.deleteLater()
        identity = info.id
        self._removal = BackgroundTask(lambda _task: delete_dataset(project, identity), self)
        self._removal.succeeded.connect(self._deleted)
        self._removal.failed.connect(self._import_failed)
        self._removal.start()

    @Slot(object)
    def _deleted(self, _nothing: object) -> None:
        self._set_importing(False)
        self.refresh()
        self.datasets_changed.emit()

    def _make_dataset_view(self) -> QWidget:
        self.title, self.about = QLabel(), QLabel()
        theme.set_role(self.title, "title")
        theme.set_role(self.about, "muted")
        for label in (self.title, self.about):
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setWordWrap(True)
        self.rename_button, self.delete_button = QPushButton("Rename…"), QPushButton("Delete…")
        self.train_button = QPushButton("Train on this")
        theme.set_role(self.train_button, "primary")
        for button, slot in (
            (self.rename_button, self._ask_name),
            (self.delete_button, self._ask_delete),
            (self.train_button, self._train),
        ):
            button.clicked.connect(slot)
        head = QHBoxLayout()
        words = QVBoxLayout()
        words.addWidget(self.title)
        words.addWidget(self.about)
        head.addLayout(words, 1)
        for button in (self.rename_button, self.delete_button, self.train_button):
            head.addWidget(button, alignment=Qt.AlignmentFlag.AlignTop)
        halves = QSplitter(Qt.Orientation.Vertical)
        halves.setChildrenCollapsible(False)
        halves.addWidget(self.table)
        halves.addWidget(self.preview)
        halves.setSizes([360, 440])
        view = QWidget()
        view.setMinimumHeight(560)
        layout = QVBoxLayout(view)
        layout.setContentsMargins(24, 16, 24, 16)
        layout.setSpacing(12)
        layout.addLayout(head)
        layout.addWidget(halves, 1)
        scroll = QScrollArea()  # a small window scrolls instead of crushing everything
        scroll.setWidgetResizable(True)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setWidget(view)
        return scroll

    def _lay_out(self) -> None:
        self.side = side = QWidget()
        side.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        theme.set_role(side, "sidebar")
        heading = QLabel("Datasets")
        theme.set_role(heading, "heading")
        column = QVBoxLayout(side)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(12)
        column.addWidget(heading)
        column.addWidget(self.list, 1)
        column.addWidget(self.import_button)
        side.setMinimumWidth(180)
        right = QWidget()
        main = QVBoxLayout(right)
        main.setContentsMargins(0, 0, 0, 0)
        padded = QVBoxLayout()
        padded.setContentsMargins(24, 0, 24, 0)
        padded.addWidget(self.notice)
        main.addLayout(padded)
        main.addWidget(self.stack, 1)
        split = QSplitter()
        split.setChildrenCollapsible(False)
        split.addWidget(side)
        split.addWidget(right)
        split.setStretchFactor(1, 1)
        split.setSizes([220, 1000])
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(split)

    def showEvent(self, event: QShowEvent) -> None:
        """Know what was imported elsewhere."""
        super().showEvent(event)
        if self.import_button.isEnabled():
            self.refresh()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take files; a project's folder is the window's to open."""
        if _dropped(event) is not None:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Import the file that was dropped."""
        path = _dropped(event)
        if path is not None:
            event.acceptProposedAction()
            self.import_file(path)


def _dropped(event: QDropEvent) -> Path | None:
    """The first local file or folder of a drop, unless it is a project."""
    for url in event.mimeData().urls():
        if url.isLocalFile():
            path = Path(url.toLocalFile())
            return None if os.path.isfile(path / DATABASE) else path
    return None
