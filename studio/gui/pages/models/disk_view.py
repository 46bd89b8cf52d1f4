"""Disk: what each model, run and checkpoint takes, and cleaning up.

What is deleted lies in a trash, from which it can be put back until that is emptied.
"""

from __future__ import annotations

import os
from pathlib import Path

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QKeySequence, QShowEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from studio.core.errors import StudioError
from studio.gui import theme
from studio.gui.language import tr, translated, trn
from studio.gui.pages.models.disk_pieces import PIECE, DiskBar, PieceTable, SizeDelegate
from studio.gui.widgets.ask import question
from studio.gui.widgets.keys import bind
from studio.gui.widgets.notice import Notice
from studio.gui.widgets.plain_label import plain_label
from studio.jobs.background import BackgroundTask, end_tasks
from studio.jobs.runs import ProjectRuns
from studio.storage.disk import Kind, Piece, survey
from studio.storage.files import free_bytes, in_bytes
from studio.storage.hub_places import models_home
from studio.storage.library import add_to_library, forget
from studio.storage.project import Project
from studio.storage.trash import Thrown, Trash, models_trash, project_trash


class DiskView(QWidget):
    """Signal: `changed()`: something was thrown away or put back."""

    changed = Signal()

    def __init__(self, project: Project, runs: ProjectRuns, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._project, self._runs = project, runs
        self._wanted: Path | None = None
        self._asked: list[Piece] = []  # what is to go when the question is answered
        self._thrown: list[Thrown] = []
        self.title, self.about = plain_label(tr("Disk"), "title"), plain_label(tr("Counting…"), "muted")
        self.notice = Notice()
        self.notice.action_requested.connect(self._undo)
        self.bar = DiskBar()
        self.model = PieceTable(self)
        self.table = QTableView()
        self.table.setModel(self.model)
        self.table.setAccessibleName(tr("What takes room, the largest first"))
        self.table.setItemDelegateForColumn(2, SizeDelegate(self.table))
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setShowGrid(False)
        self.table.setTabKeyNavigation(False)
        self.table.verticalHeader().hide()
        header = self.table.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setMinimumSectionSize(96)
        self.table.selectionModel().selectionChanged.connect(self._tell)
        self.throw = QPushButton(tr("Move to trash"))
        self.throw.clicked.connect(self._ask_throw)
        here = Qt.ShortcutContext.WidgetShortcut
        bind(self.table, QKeySequence.StandardKey.Delete, tr("Delete what is selected"), self._ask_throw, context=here)
        self.spare = QPushButton()
        self.spare.setToolTip(tr("All but the last and the best checkpoint of each run that is over"))
        self.spare.clicked.connect(self._throw_spare)
        self.back = QPushButton(tr("Put back"))
        self.back.clicked.connect(self._put_back)
        self.empty = QPushButton()
        theme.set_role(self.empty, "danger")
        self.empty.clicked.connect(self._ask_empty)
        buttons = QHBoxLayout()
        for button in (self.throw, self.spare, self.back):
            buttons.addWidget(button)
        buttons.addStretch()
        buttons.addWidget(self.empty)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        for part in (self.title, self.notice, self.about, self.bar):
            layout.addWidget(part)
        layout.addWidget(self.table, 1)
        layout.addLayout(buttons)
        self._tell()

    def close_down(self) -> None:
        """End the counting."""
        end_tasks(self)

    def showEvent(self, event: QShowEvent) -> None:
        """Count anew."""
        self.refresh()
        super().showEvent(event)

    def choose(self, folder: Path) -> None:
        """Select what lies in that folder once it is counted."""
        self._wanted = folder

    @Slot()
    def refresh(self) -> None:
        """Count in a thread."""
        project = self._project

        def count(task: BackgroundTask) -> list[Piece]:
            return survey(project, task.is_cancelled)

        BackgroundTask.begin(self, count, self._take, self.notice.show_error)

    @Slot(object)
    def _take(self, pieces: list[Piece]) -> None:
        chosen = {self._wanted} if self._wanted else {piece.folder for piece in self._chosen()}
        self._wanted = None
        self.model.take(pieces)
        self.bar.take(pieces)
        for row, piece in enumerate(pieces):
            if piece.folder in chosen:
                self.table.selectRow(row)
        home, free = models_home(), free_bytes(self._project.folder)
        total = in_bytes(sum(piece.size for piece in pieces))
        if _same_disk(home, self._project.folder):
            said = tr("{total} in all; {free} free on the project's disk.", total=total, free=in_bytes(free or 0))
        else:
            said = tr(
                "{total} in all; {free} free on the project's disk, {elsewhere} on that of the downloaded models.",
                total=total,
                free=in_bytes(free or 0),
                elsewhere=in_bytes(free_bytes(home) or 0),
            )
        self.about.setText(said)
        self._tell()

    def _chosen(self) -> list[Piece]:
        return [index.data(PIECE) for index in self.table.selectionModel().selectedRows()]

    def _spare(self) -> list[Piece]:
        return [piece for piece in self.model.pieces() if piece.spare and self._is_over(piece)]

    def _is_over(self, piece: Piece) -> bool:
        """Whether the run that a piece belongs to has ended, so that nobody writes in it."""
        try:
            record = self._runs.record(piece.run)
        except KeyError:
            return False  # it is just being found
        return record.outcome is not None and not record.queued

    @Slot()
    def _tell(self) -> None:
        chosen = self._chosen()
        spare = self._spare()
        trash = [piece for piece in self.model.pieces() if piece.kind is Kind.TRASH]
        can_go = bool(chosen) and all(piece.can_go for piece in chosen)
        self.throw.setEnabled(can_go)
        self.throw.setToolTip("" if can_go else tr("Select what can go; what a run or the program needs can't."))
        self.throw.setText(
            tr("Move to trash ({in_bytes})", in_bytes=in_bytes(sum(p.size for p in chosen)))
            if can_go
            else tr("Move to trash")
        )
        self.spare.setVisible(bool(spare))
        self.spare.setText(
            tr("Clear spare checkpoints ({in_bytes})", in_bytes=in_bytes(sum(piece.size for piece in spare)))
        )
        self.back.setVisible(bool(chosen) and all(piece.kind is Kind.TRASH for piece in chosen))
        self.empty.setVisible(bool(trash))
        self.empty.setText(tr("Empty the trash ({in_bytes})…", in_bytes=in_bytes(sum(piece.size for piece in trash))))

    # -------------------------------------------------------------------------------------------------- throwing away

    @Slot()
    def _ask_throw(self) -> None:
        chosen = self._chosen()
        if not self.throw.isEnabled():
            return
        told = [tr("“{name}”: {note}.", name=piece.name, note=translated(piece.note)) for piece in chosen if piece.note]
        if not told:
            self._throw(chosen)
            return
        box = question(self, tr("Move to the trash?"), "\n".join(told[:6]), tr("Move to trash"))
        self._asked = chosen
        box.accepted.connect(self._throw_asked)
        box.open()

    @Slot()
    def _throw_asked(self) -> None:
        self._throw(self._asked)

    @Slot()
    def _throw_spare(self) -> None:
        self._throw(self._spare())

    def _throw(self, pieces: list[Piece]) -> None:
        self._thrown = []
        size = 0
        runs = {piece.run for piece in pieces if piece.kind is Kind.RUN}
        try:
            for piece in pieces:
                if piece.kind is Kind.CHECKPOINT and piece.run in runs:
                    continue  # goes with its run
                self._thrown.append(self._throw_piece(piece))
                size += piece.size
        except StudioError as error:
            self.notice.show_error(error)
        else:
            count = (
                tr("{count} things are", count=len(self._thrown))
                if len(self._thrown) > 1
                else tr("{what} is", what=translated(self._thrown[0].what))
            )
            self.notice.show_note(
                tr("{count} in the trash, {size}. Emptied, it gives the room back.", count=count, size=in_bytes(size)),
                tr("Undo"),
            )
        self.refresh()
        self.changed.emit()

    def _throw_piece(self, piece: Piece) -> Thrown:
        match piece.kind:
            case Kind.RUN:
                return self._runs.delete(piece.run)
            case Kind.CHECKPOINT:
                if not self._is_over(piece):
                    raise StudioError(f"“{piece.name}” belongs to a run that isn't over.", "Stop the run first.")
                return project_trash(self._project.folder).throw(piece.folder, piece.what)
            case _:
                self._check_unused(piece)
                trash = (
                    _of_models() if piece.kind in (Kind.MODEL, Kind.PARTIAL) else project_trash(self._project.folder)
                )
                thrown = trash.throw(piece.folder, piece.what)
                forget(self._project, piece.folder)
                return thrown

    def _check_unused(self, piece: Piece) -> None:
        folder = os.path.realpath(piece.folder)
        for record in self._runs.records():
            if record.recipe is None or record.outcome is not None:
                continue
            if folder in map(os.path.realpath, (record.recipe.base_model, record.recipe.adapter)):
                raise StudioError(f"The run “{record.name}” trains on “{piece.name}” now.", "Wait for it, or stop it.")

    # ------------------------------------------------------------------------------------------------------ the trash

    @Slot()
    def _undo(self) -> None:
        self._restore(self._thrown)

    @Slot()
    def _put_back(self) -> None:
        places = {piece.folder for piece in self._chosen()}
        self._restore([thrown for trash in self._trashes() for thrown in trash.things() if thrown.place in places])

    def _restore(self, things: list[Thrown]) -> None:
        try:
            for thrown in things:
                project_trash(self._project.folder).put_back(thrown)
                if thrown.origin.parent == self._project.models:
                    add_to_library(self._project, thrown.origin)
        except StudioError as error:
            self.notice.show_error(error)
        self._thrown = []
        self.refresh()
        self.changed.emit()

    @Slot()
    def _ask_empty(self) -> None:
        pieces = [piece for piece in self.model.pieces() if piece.kind is Kind.TRASH]
        size, named = in_bytes(sum(piece.size for piece in pieces)), "; ".join(piece.name for piece in pieces[:5])
        text = trn(
            "{size} are deleted for good: {named}.",
            "{size} are deleted for good, {count} things: {named}.",
            len(pieces),
            size=size,
            named=named + ("; …" if len(pieces) > 5 else ""),
        )
        box = question(self, tr("Empty the trash?"), text, tr("Delete for good"))
        box.accepted.connect(self._empty)
        box.open()

    @Slot()
    def _empty(self) -> None:
        self.notice.clear()
        trashes = self._trashes()

        def empty(_task: BackgroundTask) -> None:
            for trash in trashes:
                trash.empty()

        BackgroundTask.begin(self, empty, self.refresh, self._take_failure)

    @Slot(object)
    def _take_failure(self, error: Exception) -> None:
        self.notice.show_error(error)
        self.refresh()

    def _trashes(self) -> list[Trash]:
        return [project_trash(self._project.folder), _of_models()]


def _of_models() -> Trash:
    return models_trash(models_home())


def _same_disk(one: os.PathLike[str], other: os.PathLike[str]) -> bool:
    try:
        return os.stat(one).st_dev == os.stat(other).st_dev
    except OSError:
        return True
