"""The Data page: the list of datasets at the left; at the right one dataset, or the import of a file.

What a dataset shows is `dataset_view`; importing is `import_panel`; what is done with a whole dataset is in `tools`.
This module joins them.
"""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QMimeData, Qt, QTemporaryDir, Signal, Slot
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QGuiApplication, QKeySequence, QShowEvent
from PySide6.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from studio.core.datasets import DatasetInfo
from studio.core.errors import StudioError
from studio.gui import theme
from studio.gui.language import tr, translated
from studio.gui.pages.data.beginning import Beginning, hub_button
from studio.gui.pages.data.dataset_view import DatasetView
from studio.gui.pages.data.hub_dialog import HubDialog
from studio.gui.pages.data.import_panel import ImportPanel
from studio.gui.pages.data.incoming import local_file, text_file
from studio.gui.pages.data.tools import TOOLS
from studio.gui.pages.data.tools.tool import ToolDialog
from studio.gui.widgets.ask import question, text_question
from studio.gui.widgets.keys import bind
from studio.gui.widgets.named_list import NamedList
from studio.gui.widgets.notice import Notice
from studio.jobs.background import BackgroundTask, end_tasks
from studio.storage.datasets import delete_dataset, list_datasets, rename_dataset
from studio.storage.project import Project

_KINDS = "json jsonl ndjson csv tsv parquet arrow feather txt md"
_PATTERNS = " ".join(f"*.{kind} *.{kind}.gz *.{kind}.zst" for kind in _KINDS.split())


class DataPage(QWidget):
    """Signals: `train_requested(str dataset_id)`; `label_requested(str dataset_id)`; `datasets_changed()` after an
    import, a rename or a delete.

    `preview_command` replaces the preview worker's command, for tests.
    """

    train_requested = Signal(str)
    label_requested = Signal(str)
    datasets_changed = Signal()

    def __init__(
        self, project: Project, parent: QWidget | None = None, preview_command: list[str] | None = None
    ) -> None:
        super().__init__(parent)
        self.setAcceptDrops(True)
        self._project = project
        self._hub: HubDialog | None = None  # made when it is first wanted; it keeps what was fetched
        self._last_import = ""
        self._pasted: QTemporaryDir | None = None  # what was pasted, as a file, until it is imported
        self._folder = Path.home()  # where the last file came from
        self.notice = Notice()
        self.notice.action_requested.connect(self._undo_import)
        self.list = NamedList(tr("Datasets"))
        self.list.currentItemChanged.connect(self._show_current)
        self.import_button = QPushButton(tr("Import…"))
        self.import_button.clicked.connect(self.choose_file)
        bind(self, "Ctrl+I", tr("Import a dataset file"), self.choose_file)
        within = Qt.ShortcutContext.WidgetWithChildrenShortcut
        bind(
            self,
            QKeySequence.StandardKey.Paste,
            tr("Import what was copied, rows or a file"),
            self.paste,
            context=within,
        )
        self.beginning = Beginning()
        self.beginning.import_requested.connect(self.choose_file)
        self.beginning.hub_requested.connect(self.choose_from_hub)
        self.hub_button = hub_button(tr("From the Hub…"))
        self.hub_button.clicked.connect(self.choose_from_hub)
        self.panel = ImportPanel(project)
        self.panel.imported.connect(self._take_imported)
        self.panel.failed.connect(self._import_failed)
        self.panel.given_up.connect(self._leave_import)
        self.panel.said.connect(self.notice.show_note)
        self.view = DatasetView(project, preview_command)
        self.view.failed.connect(self.notice.show_error)
        self.view.said.connect(self.notice.show_note)
        self.view.changed.connect(self._take_changed)
        self.view.train_requested.connect(self._train)
        self.view.label_requested.connect(self._label)
        self.view.asked.connect(self._use_tool)
        self.stack = QStackedWidget()
        for part in (self.beginning, self.view, self.panel):
            self.stack.addWidget(part)
        self._lay_out()
        self._set_importing(False)
        self.refresh()

    def dataset(self) -> DatasetInfo | None:
        """The dataset that is selected."""
        return self.list.current()

    def refresh(self, select: str = "") -> None:
        """Read the list again and select a dataset: `select`, else the one that was, else the newest."""
        try:
            datasets = list_datasets(self._project)
        except StudioError as error:
            self.notice.show_error(error)
            return
        self.list.show_things(((info, translated(info.size)) for info in datasets), select)
        self.side.setVisible(bool(datasets))  # with nothing to list, the page says how to begin
        self._show_current()

    @Slot()
    def choose_file(self) -> None:
        """Ask for a file to import."""
        if self.import_button.isEnabled():
            path, _ = QFileDialog.getOpenFileName(
                self,
                tr("Import a dataset"),
                str(self._folder),
                tr("Datasets ({patterns});;All files (*)", patterns=_PATTERNS),
            )
            if path:
                self._folder = Path(path).parent
                self.import_file(Path(path))

    @Slot()
    def choose_from_hub(self) -> None:
        """Ask for a dataset's name; its rows come as a file, which is then imported like any other."""
        if self._hub is None:
            self._hub = HubDialog(self._project, self)
            self._hub.fetched.connect(self._import_fetched)
        self._hub.open()

    @Slot(object, str)
    def _import_fetched(self, path: Path, name: str) -> None:
        self.import_file(path, name)

    @Slot()
    def paste(self) -> None:
        """Import what was copied: a file, or rows as text."""
        data: QMimeData | None = QGuiApplication.clipboard().mimeData()
        path = local_file(data)
        if path is not None:
            self.import_file(path)
        elif data is not None and data.text().strip():
            self._pasted = QTemporaryDir()
            try:
                path = text_file(Path(self._pasted.path()), data.text())
            except StudioError as error:
                self.notice.show_error(error)
                return
            self.import_file(path)
        else:
            self.notice.show_note(tr("There is nothing to paste: copy rows of text or a file first."))

    def import_file(self, path: Path, name: str = "") -> None:
        """Read a file and ask whether to import it, under `name` or the file's own."""
        if not self.import_button.isEnabled():
            self.notice.show_note(tr("One import at a time: finish or cancel this one first."))
            return
        self.notice.clear()
        self._set_importing(True)
        self.stack.setCurrentWidget(self.panel)
        self.panel.read(path, name)

    def close_down(self) -> None:
        """End the preview worker and an import, and wait for their threads."""
        for dialog in self.findChildren(ToolDialog):
            dialog.close()
        if self._hub is not None:
            self._hub.close_down()
        self.panel.close_down()
        self.view.close_down()
        end_tasks(self)

    def _set_importing(self, busy: bool) -> None:
        self.list.setEnabled(not busy)
        self.import_button.setEnabled(not busy)
        self.import_button.setToolTip(
            tr("One import at a time: finish or cancel this one first.")
            if busy
            else tr("Import a dataset file (Ctrl+I)")
        )

    @Slot(object)
    def _take_imported(self, info: DatasetInfo) -> None:
        self._set_importing(False)
        self.refresh(select=info.id)
        self.datasets_changed.emit()
        self.list.setFocus()
        self._last_import = info.id
        self.notice.show_note(
            tr("Imported {size} as “{name}”.", size=translated(info.size), name=info.name), tr("Undo import")
        )

        if info.kind_name == "tasks":
            self._use_tool("instructions")  # which is what such rows are for

    @Slot(object, str)
    def _take_made(self, info: DatasetInfo, said: str) -> None:
        """Show a dataset that was made of others; deleting it takes it back."""
        self.refresh(select=info.id)
        self.datasets_changed.emit()
        self._last_import = info.id
        self.notice.show_note(said, tr("Undo"))

    @Slot()
    def _undo_import(self) -> None:
        if self._last_import and self.import_button.isEnabled():
            self._remove(self._last_import)
            self._last_import = ""

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
        info = self.dataset()
        self.view.show_dataset(info)
        self.stack.setCurrentWidget(self.beginning if info is None else self.view)

    @Slot(object)
    def _take_changed(self, info: DatasetInfo) -> None:
        self.refresh(select=info.id)
        self.datasets_changed.emit()

    @Slot(str)
    def _use_tool(self, name: str) -> None:
        info = self.dataset()
        if info is None:
            return
        if name == "rename":
            self._ask_name()
        elif name == "delete":
            self._ask_delete()
        else:
            dialog = TOOLS[name](self._project, info, self)
            dialog.changed.connect(self._take_changed)
            dialog.made.connect(self._take_made)
            dialog.failed.connect(self.notice.show_error)
            dialog.said.connect(self.notice.show_note)
            dialog.open()

    @Slot()
    def _train(self) -> None:
        info = self.dataset()
        if info is not None:
            self.train_requested.emit(info.id)

    @Slot()
    def _label(self) -> None:
        info = self.dataset()
        if info is not None:
            self.label_requested.emit(info.id)

    @Slot()
    def _ask_name(self) -> None:
        info = self.dataset()
        if info is not None:
            dialog = text_question(self, tr("Rename dataset"), tr("New name"), info.name)
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
            tr("Delete “{name}”?", name=info.name),
            tr(
                "Its {size} are taken out of the project for good. Runs that were trained on it keep their results, "
                "but can't be resumed. The file “{source}” is not touched.",
                size=translated(info.size),
                source=info.source,
            ),
            tr("Delete dataset"),
        )
        box.accepted.connect(self._delete)
        box.open()

    @Slot()
    def _delete(self) -> None:
        info = self.dataset()
        if info is not None:
            self._remove(info.id)

    def _remove(self, identity: str) -> None:
        project = self._project
        self._set_importing(True)
        BackgroundTask.begin(self, lambda _task: delete_dataset(project, identity), self._deleted, self._import_failed)

    @Slot(object)
    def _deleted(self, _nothing: object) -> None:
        self._set_importing(False)
        self.refresh()
        self.datasets_changed.emit()

    def _lay_out(self) -> None:
        self.side = side = QWidget()
        side.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        theme.set_role(side, "sidebar")
        heading = QLabel(tr("Datasets"))
        theme.set_role(heading, "heading")
        column = QVBoxLayout(side)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(12)
        column.addWidget(heading)
        column.addWidget(self.list, 1)
        column.addWidget(self.import_button)
        column.addWidget(self.hub_button)
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
        if local_file(event.mimeData()) is not None:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Import the file that was dropped."""
        path = local_file(event.mimeData())
        if path is not None:
            event.acceptProposedAction()
            self.import_file(path)
