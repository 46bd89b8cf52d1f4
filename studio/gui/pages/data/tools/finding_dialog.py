"""Tools that look through a dataset and list what they find: duplicates, and secrets. What is found can be tagged."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QHeaderView, QPushButton, QTableWidget, QTableWidgetItem, QWidget

from studio.core.datasets import DatasetInfo
from studio.core.hints import hints_in
from studio.gui.language import mark, tr, translated, trn
from studio.gui.pages.data.tools.tool import ToolDialog
from studio.jobs.background import BackgroundTask
from studio.storage.datasets import records_at
from studio.storage.duplicates import Group, find_duplicates, texts_of, words_of
from studio.storage.project import Project
from studio.storage.revisions import delete_records, tag_records

_SHOWN = 500  # lines of the list
_TEXT = 120  # characters of a text in it


class FindingDialog(ToolDialog):
    """A list of what was found, and a button that tags all of it with `tag`."""

    tag = ""

    def __init__(self, project: Project, dataset: DatasetInfo, parent: QWidget | None = None) -> None:
        super().__init__(project, dataset, parent)
        self.ids: list[int] = []
        self.table = QTableWidget(0, 0)
        self.table.setAccessibleName(tr("Found"))
        self.table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.table.setSelectionBehavior(QTableWidget.SelectionBehavior.SelectRows)
        self.table.setShowGrid(False)
        self.table.setTabKeyNavigation(False)
        self.table.setWordWrap(False)
        self.table.verticalHeader().hide()
        self.body.addWidget(self.table, 1)
        self.tag_button = QPushButton(tr("Tag them “{tag}”", tag=self.tag))
        self.tag_button.clicked.connect(self._tag)
        self.buttons.addWidget(self.tag_button)
        self.tag_button.setEnabled(False)
        self.resize(760, 480)

    def show_rows(self, columns: Sequence[str], rows: Sequence[Sequence[str]], ids: list[int]) -> None:
        """List what was found; `ids` of the records that it is about."""
        self.ids = ids
        self.table.setColumnCount(len(columns))
        self.table.setHorizontalHeaderLabels(list(columns))
        self.table.setRowCount(min(len(rows), _SHOWN))
        for number, row in enumerate(rows[:_SHOWN]):
            for column, text in enumerate(row):
                self.table.setItem(number, column, QTableWidgetItem(text))
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(len(columns) - 1, QHeaderView.ResizeMode.Stretch)
        self.tag_button.setEnabled(bool(ids))

    @Slot()
    def _tag(self) -> None:
        project, info, ids, tag = self.project, self.dataset, self.ids, self.tag
        self.change(lambda _task: tag_records(project, info, ids, tag, on=True), self._tagged)

    @Slot(object)
    def _tagged(self, info: DatasetInfo) -> None:
        self.said.emit(
            tr(
                "Tagged {count} “{tag}”: choose the tag under Filter to see them.",
                count=translated(info.kind.count(len(self.ids))),
                tag=self.tag,
            )
        )
        self.changed.emit(info)
        self.close()


class DuplicatesDialog(FindingDialog):
    """Examples that repeat another one, or nearly do; all but the first of each can be taken out."""

    title = mark("Duplicates")
    tag = "duplicate"

    def __init__(self, project: Project, dataset: DatasetInfo, parent: QWidget | None = None) -> None:
        super().__init__(project, dataset, parent)
        self.delete_button = self.primary(tr("Delete the repeats"), self._delete)
        self.delete_button.setEnabled(False)
        self.about.setText(tr("Comparing every example with every other…"))
        self.start(self._find, self._show)

    def _find(self, task: BackgroundTask) -> tuple[list[Group], list[tuple[str, str, str]]]:
        groups = find_duplicates(self.project, self.dataset, report=task.report, cancelled=task.is_cancelled)
        heads = [group.ids[0] for group in groups[:_SHOWN]]
        first = records_at(self.project, self.dataset, heads)
        rows = [
            (
                f"{len(group.ids):,}",
                tr("the same") if group.exact else tr("nearly the same"),
                " ".join(words_of(first[group.ids[0]])[:_TEXT].split()),
            )
            for group in groups[:_SHOWN]
        ]
        return groups, rows

    @Slot(object)
    def _show(self, found: tuple[list[Group], list[tuple[str, str, str]]]) -> None:
        groups, rows = found
        repeats = sorted({identity for group in groups for identity in group.ids[1:]})
        self.show_rows((tr("Examples"), tr("Are"), tr("The first")), rows, repeats)
        self.delete_button.setEnabled(bool(repeats))
        exact = sum(len(group.ids) - 1 for group in groups if group.exact)
        self.about.setText(
            trn(
                "{repeats} of {rows:,} repeats an earlier one: {exact:,} to the letter, {nearly:,} nearly. Repeats "
                "make a model learn a few examples by heart.",
                "{repeats} of {rows:,} repeat an earlier one: {exact:,} to the letter, {nearly:,} nearly. Repeats "
                "make a model learn a few examples by heart.",
                len(repeats),
                repeats=translated(self.dataset.kind.count(len(repeats))),
                rows=self.dataset.rows,
                exact=exact,
                nearly=len(repeats) - exact,
            )
            if repeats
            else tr("No example repeats another.")
        )

    @Slot()
    def _delete(self) -> None:
        project, info, ids = self.project, self.dataset, self.ids
        self.change(lambda _task: delete_records(project, info, ids), self._deleted)

    @Slot(object)
    def _deleted(self, info: DatasetInfo) -> None:
        self.said.emit(tr("Deleted {count}. Undo with Ctrl+Z.", count=translated(info.kind.count(len(self.ids)))))
        self.changed.emit(info)
        self.close()


class SecretsDialog(FindingDialog):
    """Examples that seem to hold keys, passwords or what tells who somebody is."""

    title = mark("Secrets")
    tag = "secret"

    def __init__(self, project: Project, dataset: DatasetInfo, parent: QWidget | None = None) -> None:
        super().__init__(project, dataset, parent)
        self.about.setText(tr("Looking for keys, passwords, addresses and numbers that tell who somebody is…"))
        self.start(self._find, self._show)

    def _find(self, task: BackgroundTask) -> tuple[list[tuple[str, str, str]], list[int]]:
        rows: list[tuple[str, str, str]] = []
        ids: list[int] = []
        records = texts_of(self.project, self.dataset, task.report, task.is_cancelled)
        for number, (identity, record) in enumerate(records, start=1):
            hints = hints_in("\n".join([words_of(record), *record.cells]))
            if hints:
                ids.append(identity)
            if len(rows) < _SHOWN:
                rows += [(f"{number:,}", translated(hint.what), hint.shown) for hint in hints]
        return rows, ids

    @Slot(object)
    def _show(self, found: tuple[list[tuple[str, str, str]], list[int]]) -> None:
        rows, ids = found
        self.show_rows(("#", tr("Looks like"), tr("Seen")), rows, ids)
        self.about.setText(
            tr(
                "{count} of {rows:,} hold something that looks like a secret or like what tells who somebody is. "
                "These are hints: look at each before you decide.",
                count=translated(self.dataset.kind.count(len(ids))),
                rows=self.dataset.rows,
            )
            if ids
            else tr(
                "Nothing looks like a secret or like what tells who somebody is. That is no proof that there is none."
            )
        )
