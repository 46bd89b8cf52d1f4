"""One dataset: its name and what can be done with it, the search, the table, and the tokens of the selected example.

Changes are in `storage.revisions`; each can be undone. The larger tools are dialogs of their own, in `tools`.
"""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt, QTimer, Signal, Slot
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu, QScrollArea, QSplitter, QVBoxLayout, QWidget

from studio.core.datasets import DatasetInfo
from studio.core.errors import StudioError
from studio.core.filters import FLAGGED, Filter
from studio.core.records import Record
from studio.gui.language import mark, tr, translated
from studio.gui.pages.data.dataset_head import DatasetHead
from studio.gui.pages.data.examples import ExamplesModel, ExamplesTable
from studio.gui.pages.data.filter_bar import FilterBar
from studio.gui.pages.data.preview_pane import PreviewPane
from studio.gui.pages.data.record_editor import RecordEditor
from studio.gui.widgets.ask import text_question
from studio.jobs.background import BackgroundTask, end_tasks
from studio.storage.project import Project
from studio.storage.revisions import (
    add_records,
    can_undo_redo,
    delete_records,
    redo,
    replace_record,
    tag_records,
    undo,
)
from studio.storage.search import index_dataset, sources_of, tags_of

_TOOLS = {
    "duplicates": mark("Find duplicates…"),
    "lengths": mark("Lengths…"),
    "secrets": mark("Look for secrets…"),
    "split": mark("Split…"),
    "mix": mark("Mix with others…"),
    "drafts": mark("Let a model draft…"),
    "instructions": mark("Make instructions…"),
    "history": mark("History…"),
    "export": mark("Export…"),
    "rename": mark("Rename…"),
    "delete": mark("Delete dataset…"),
}
_MANY = 20_000  # records; changing more than this takes a moment, so it is done in the background
Change = Callable[[DatasetInfo], DatasetInfo]


class DatasetView(QWidget):
    """Signals: `train_requested()`, `label_requested()`; `changed(object DatasetInfo)` after a change;
    `failed(object Exception)`; `said(str)`; `asked(str)` for a tool by its name (`_TOOLS`)."""

    train_requested = Signal()
    label_requested = Signal()
    changed = Signal(object)
    failed = Signal(object)
    said = Signal(str)
    asked = Signal(str)

    def __init__(
        self, project: Project, preview_command: list[str] | None = None, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._project = project
        self._shown: DatasetInfo | None = None
        self._work: BackgroundTask | None = None
        self._indexing: BackgroundTask | None = None
        self._keep = -1  # the record to come back to
        self.model = ExamplesModel(project, self)
        self.model.failed.connect(self.failed)
        self.model.counted.connect(self._show_count)
        self.table = ExamplesTable(self.model)
        self.table.example_selected.connect(self._show_example)
        self.table.doubleClicked.connect(self.edit)
        self.preview = PreviewPane(project, command=preview_command)
        self.filters = FilterBar()
        self.filters.filter_changed.connect(self._filter)
        self.head = DatasetHead()
        self.head.train.clicked.connect(self._train_or_make)
        self.head.label.clicked.connect(self.label_requested)
        self.tools: dict[str, QAction] = {}
        self.head.edit.setMenu(self._edit_menu())
        self.head.tools.setMenu(self._tools_menu())
        self._lay_out()

    def show_dataset(self, info: DatasetInfo | None) -> None:
        """Show a dataset as it is now, or none."""
        before, self._shown = self._shown, info
        if info is None:
            self.model.show_dataset(None)
            self.preview.show_example(None)
            return
        self.head.show_dataset(info)
        if before is not None and (before.id, before.revision) == (info.id, info.revision):
            return
        if before is None or before.id != info.id:
            self.filters.clear()
            self.filters.more.setChecked(False)
        self._read_again(before is not None and before.id == info.id)
        QTimer.singleShot(0, self._index)

    @Slot()
    def _train_or_make(self) -> None:
        if self._shown is not None and self._shown.kind_name == "tasks":
            self.asked.emit("instructions")
        else:
            self.train_requested.emit()

    def close_down(self) -> None:
        """End the preview worker and what runs in the background, and wait for their threads."""
        self._shown = None  # nothing is begun any more, not even what was put off
        self.model.close_down()
        self.preview.close_down()
        end_tasks(self)

    @property
    def dataset(self) -> DatasetInfo | None:
        """What is shown."""
        return self._shown

    # ---------------------------------------------------------------------------------------- what is shown

    def _read_again(self, stay: bool) -> None:
        """Show the rows anew; `stay` at the row that is current."""
        info = self._shown
        if info is None:
            return
        row = max(0, self.table.currentIndex().row()) if stay else 0
        try:
            tags = tags_of(self._project, info)
            self.filters.offer(list(tags), sources_of(self._project, info), info.source)
            back, on = can_undo_redo(self._project, info)
        except StudioError as error:
            self.failed.emit(error)
            return
        for action, words, what in ((self.undo_action, tr("Undo"), back), (self.redo_action, tr("Redo"), on)):
            what = translated(what)
            action.setEnabled(bool(what))
            action.setText(f"{words}: {what[0].lower()}{what[1:]}" if what else words)
        self.model.show_dataset(info, self.filters.filter(), tagged=bool(tags))
        kept = self.model.row_of(self._keep) if self._keep >= 0 else -1
        self._keep = -1
        row = kept if kept >= 0 else min(row, self.model.rowCount() - 1)
        if row >= 0:
            self.table.selectRow(row)
            self.table.scrollTo(self.model.index(row, 0))
        else:
            self.preview.show_example(None)

    @Slot(object)
    def _filter(self, _wanted: Filter) -> None:
        self._read_again(stay=False)

    @Slot(int, bool)
    def _show_count(self, rows: int, whole: bool) -> None:
        if self._shown is not None:
            self.filters.show_count(rows, self._shown.rows, whole)
            if rows and not self.table.currentIndex().isValid():
                self.table.selectRow(0)
            if not rows and whole:
                self.preview.show_example(None)

    @Slot(int)
    def _show_example(self, row: int) -> None:
        self.preview.show_example(self.model.example(row) if row >= 0 else None)

    @Slot()
    def _index(self) -> None:
        """Let the search's index catch up, in the background; searching works meanwhile, only slower."""
        project, info = self._project, self._shown
        if info is None or (self._indexing is not None and not self._indexing.is_over):
            return
        self._indexing = BackgroundTask(lambda task: index_dataset(project, info, cancelled=task.is_cancelled), self)
        self._indexing.failed.connect(self.failed)
        self._indexing.start(BackgroundTask.Priority.LowPriority)

    # ---------------------------------------------------------------------------------------- changes

    def _change(self, change: Change, count: int = 1, said: str = "") -> None:
        """Make a change now, or in the background when it is a large one."""
        info = self._shown
        if info is None or (self._work is not None and not self._work.is_over):
            return
        if count < _MANY:
            try:
                self._changed(change(info))
            except StudioError as error:
                self.failed.emit(error)
                return
            if said:
                self.said.emit(said)
            return
        self._work = BackgroundTask.begin(self, lambda _task: change(info), self._changed, self.failed)
        self.said.emit(tr("Changing many examples, one moment…"))

    @Slot(object)
    def _changed(self, info: DatasetInfo) -> None:
        self.changed.emit(info)

    @Slot()
    def edit(self) -> None:
        """Edit the current example."""
        info, row = self._shown, self.table.currentIndex().row()
        record = self.model.example(row) if row >= 0 else None
        if info is None or record is None:
            return
        identity = self.model.ids(row, row)[0]
        dialog = RecordEditor(info.kind, record, self)
        dialog.saved.connect(self._replace)
        dialog.setProperty("record", identity)
        dialog.open()

    @Slot(object)
    def _replace(self, record: Record) -> None:
        old = int(self.sender().property("record"))

        def change(info: DatasetInfo) -> DatasetInfo:
            changed, self._keep = replace_record(self._project, info, old, record)
            return changed

        self._change(change)

    @Slot()
    def add(self) -> None:
        """Write a new example."""
        if self._shown is not None:
            dialog = RecordEditor(self._shown.kind, None, self)
            dialog.saved.connect(self._add)
            dialog.open()

    @Slot(object)
    def _add(self, record: Record) -> None:
        def change(info: DatasetInfo) -> DatasetInfo:
            changed, ids = add_records(self._project, info, [record])
            self._keep = ids[0]
            return changed

        self._change(change)

    @Slot()
    def delete(self) -> None:
        """Take the selected examples out; it can be undone, so nothing is asked."""
        ids, info = self.table.selected_ids(), self._shown
        if ids and info is not None:
            words = tr("Deleted {count}. Undo with Ctrl+Z.", count=translated(info.kind.count(len(ids))))
            self._change(lambda now: delete_records(self._project, now, ids), len(ids), words)

    @Slot()
    def flag(self) -> None:
        """Flag the selected examples, or take the flag away when all have it."""
        ids = self.table.selected_ids()
        if ids:
            self._keep = ids[0]
            row = self.table.currentIndex().row()
            on = FLAGGED not in self.model.tags(row)
            self._change(lambda now: tag_records(self._project, now, ids, FLAGGED, on=on), len(ids))

    @Slot()
    def ask_tag(self) -> None:
        """Ask for a tag for the selected examples."""
        if self.table.selected_ids():
            dialog = text_question(
                self, tr("Tag"), tr("A tag for the selected examples; one that they have is taken away"), ""
            )
            dialog.textValueSelected.connect(self._tag)
            dialog.open()

    @Slot(str)
    def _tag(self, tag: str) -> None:
        ids, row = self.table.selected_ids(), self.table.currentIndex().row()
        self._keep = ids[0] if ids else -1
        on = tag.strip() not in self.model.tags(row)
        self._change(lambda now: tag_records(self._project, now, ids, tag, on=on), len(ids))

    @Slot()
    def undo(self) -> None:
        """Take the last change back."""
        self._step(undo, tr("Undone"))

    @Slot()
    def redo(self) -> None:
        """Make the change again that was taken back."""
        self._step(redo, tr("Done again"))

    def _step(self, step: Callable[[Project, DatasetInfo], tuple[DatasetInfo, str]], words: str) -> None:
        def change(info: DatasetInfo) -> DatasetInfo:
            changed, what = step(self._project, info)
            self.said.emit(f"{words}: {what[0].lower()}{what[1:]}.")
            return changed

        self._change(change)

    # ---------------------------------------------------------------------------------------- the parts

    def _edit_menu(self) -> QMenu:
        menu = QMenu(self)
        self.edit_action = self._action(menu, tr("Edit example…"), "F2", self.edit)
        self.add_action = self._action(menu, tr("Add example…"), "Ctrl+Shift+N", self.add)
        self.flag_action = self._action(menu, tr("Flag ⚑"), "Ctrl+Shift+F", self.flag)
        self.tag_action = self._action(menu, tr("Tag…"), "Ctrl+T", self.ask_tag)
        self.delete_action = self._action(menu, tr("Delete selected"), "Del", self.delete)
        menu.addSeparator()
        self.undo_action = self._action(menu, tr("Undo"), "Ctrl+Z", self.undo)
        self.redo_action = self._action(menu, tr("Redo"), "Ctrl+Shift+Z", self.redo)
        self.delete_action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        self.removeAction(self.delete_action)
        self.table.addAction(self.delete_action)  # in the search box the key deletes letters
        find = QAction(tr("Search"), self)
        find.setShortcut(QKeySequence.StandardKey.Find)
        find.setShortcutContext(Qt.ShortcutContext.WindowShortcut)
        find.triggered.connect(self.filters.search.setFocus)
        self.addAction(find)
        return menu

    def _tools_menu(self) -> QMenu:
        menu = QMenu(self)
        for name, words in _TOOLS.items():
            if name == "export":
                menu.addSeparator()
            action = menu.addAction(tr(words))
            action.setData(name)
            action.triggered.connect(self._ask_tool)
            self.tools[name] = action
        return menu

    @Slot()
    def _ask_tool(self) -> None:
        action = self.sender()
        if isinstance(action, QAction):
            self.asked.emit(action.data())

    def _action(self, menu: QMenu, words: str, keys: str, slot: Callable[[], None]) -> QAction:
        action = menu.addAction(words)
        action.setShortcut(QKeySequence(keys))
        action.setShortcutContext(Qt.ShortcutContext.WindowShortcut)  # while the page shows, wherever the focus is
        action.triggered.connect(slot)
        self.addAction(action)
        return action

    def _lay_out(self) -> None:
        halves = QSplitter(Qt.Orientation.Vertical)
        halves.setChildrenCollapsible(False)
        self.table.setMinimumHeight(160)
        halves.addWidget(self.table)
        halves.addWidget(self.preview)
        halves.setSizes([360, 440])
        inside = QWidget()
        inside.setMinimumHeight(560)
        layout = QVBoxLayout(inside)
        layout.setContentsMargins(24, 16, 24, 16)
        layout.setSpacing(12)
        layout.addWidget(self.head)
        layout.addWidget(self.filters)
        layout.addWidget(halves, 1)
        scroll = QScrollArea()  # a small window scrolls instead of crushing everything
        scroll.setWidgetResizable(True)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setWidget(inside)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(scroll)
