"""Importing a file, step by step in one panel: reading it, saying what would come in, storing it. Nothing waits.

The panel is shown in place of a dataset; reading and storing run in the background and can be cancelled. What is asked
before anything is stored is `import_question`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog, QLabel, QProgressBar, QPushButton, QStackedLayout, QVBoxLayout, QWidget

from studio.core.datasets import DatasetInfo, ImportPreview
from studio.core.errors import StudioError
from studio.core.layouts import Layout
from studio.gui import theme
from studio.gui.language import tr, trn
from studio.gui.pages.data.import_question import ImportQuestion, sentences
from studio.jobs.background import BackgroundTask, end_tasks
from studio.storage.interchange import (
    UnknownShape,
    import_file,
    look,
    preview_file,
    remember_layout,
    write_problems,
)
from studio.storage.project import Project

_PARTS = 1000  # of the progress bar, whatever the work counts in


class ImportPanel(QWidget):
    """Signals: `imported(object DatasetInfo)`; `failed(object Exception)`; `given_up()` when the user cancelled.

    After each of them the panel is free for another file. `said(str)` is a note while it goes on.
    """

    imported = Signal(object)
    failed = Signal(object)
    given_up = Signal()
    said = Signal(str)

    def __init__(self, project: Project, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._project = project
        self._path = Path()
        self._name = ""
        self._task: BackgroundTask | None = None
        self._preview: ImportPreview | None = None
        self._chosen: Layout | None = None  # by a person, so it is remembered
        self.question = ImportQuestion()
        self.question.go.clicked.connect(self.store)
        self.question.name.returnPressed.connect(self.store)
        self.question.no.clicked.connect(self.cancel)
        self.question.copy.clicked.connect(self._copy_bad)
        self.question.save.clicked.connect(self._ask_where)
        self.question.layout_form.layout_changed.connect(self._read_so)
        self.steps = QStackedLayout(self)
        self.steps.addWidget(self._make_progress())
        self.steps.addWidget(self.question)

    def read(self, path: Path, name: str = "") -> None:
        """Begin with a file: read it and say what would be imported, under `name` or the file's."""
        self._path, self._name, self._preview, self._chosen = path, name, None, None
        project = self._project
        self._run(
            tr("Reading “{name}”…", name=name or path.name),
            lambda task: look(project, path, task.report, task.is_cancelled),
            self._show_preview,
        )

    @Slot(object)
    def _read_so(self, layout: Layout) -> None:
        self._chosen = layout
        path = self._path
        self._run(
            tr("Reading “{name}”…", name=self._name or path.name),
            lambda task: preview_file(path, task.report, task.is_cancelled, layout=layout),
            self._show_preview,
        )

    @Slot()
    def store(self) -> None:
        """Import what was read, under the name that was typed."""
        preview = self._preview
        if preview is None or not self.question.go.isEnabled():
            return
        project, path, name, chosen = self._project, self._path, self.question.name.text(), self._chosen

        def work(task: BackgroundTask) -> DatasetInfo:
            if chosen is not None:
                remember_layout(project, preview.columns, chosen)
            return import_file(project, path, name, task.report, task.is_cancelled, layout=preview.layout)

        self._run(tr("Importing “{name}”…", name=self._name or path.name), work, self._stored)

    @Slot()
    def cancel(self) -> None:
        """End the work, or leave the question unanswered."""
        if self._task is not None and not self._task.is_over:
            self._task.cancel()
            self.doing.setText(tr("Cancelling…"))
        else:
            self.given_up.emit()

    def close_down(self) -> None:
        """Cancel what runs and wait for its thread."""
        end_tasks(self)

    def _run(self, doing: str, work: Callable[[BackgroundTask], object], done: Callable[[Any], None]) -> None:
        self.doing.setText(doing)
        self.bar.setRange(0, 0)
        self.steps.setCurrentIndex(0)
        self.cancel_work.setFocus()
        self._task = BackgroundTask(work, self)
        self._task.progressed.connect(self._show_progress)
        self._task.succeeded.connect(done)  # a method of this panel, marked @Slot
        self._task.failed.connect(self._fail)
        self._task.cancelled.connect(self._cancelled)
        self._task.start()

    @Slot(int, int, str)
    def _show_progress(self, done: int, total: int, note: str) -> None:
        self.bar.setRange(0, _PARTS if total else 0)
        self.bar.setValue(done * _PARTS // total if total else 0)

    @Slot(object)
    def _show_preview(self, preview: ImportPreview) -> None:
        self._preview = preview
        self.question.show_preview(self._called, preview)
        self.steps.setCurrentIndex(1)
        self.question.go.setFocus()

    @property
    def _called(self) -> str:
        return self._name or self._path.name.split(".", 1)[0] or self._path.name

    @Slot(object)
    def _fail(self, error: Exception) -> None:
        if isinstance(error, UnknownShape):
            self._preview = None
            self.question.ask_layout(self._called, error)
            self.steps.setCurrentIndex(1)
            self.question.layout_form.shape.setFocus()
        elif self._chosen is not None and isinstance(error, StudioError):
            self._preview = None
            self.question.say_useless(error)  # the file can still be read in another way
            self.steps.setCurrentIndex(1)
        else:
            self.failed.emit(error)

    @Slot()
    def _cancelled(self) -> None:
        self.given_up.emit()

    @Slot(object)
    def _stored(self, dataset: DatasetInfo) -> None:
        self.imported.emit(dataset)

    @Slot()
    def _copy_bad(self) -> None:
        if self._preview is not None:
            QGuiApplication.clipboard().setText("\n".join([str(self._path), *sentences(self._preview)]))

    @Slot()
    def _ask_where(self) -> None:
        start = str(self._path.with_name(tr("{called} - bad rows.csv", called=self._called)))
        path, _ = QFileDialog.getSaveFileName(self, tr("Save the list of bad rows"), start, tr("Tables (*.csv)"))
        if path:
            self.save_bad(Path(path))

    def save_bad(self, target: Path) -> None:
        """Write all rows that can't be used to a file, then come back to the question."""
        preview, path = self._preview, self._path
        if preview is None:
            return

        def work(task: BackgroundTask) -> str:
            count = write_problems(path, target, preview.layout, task.report, task.is_cancelled)
            return trn(
                "{count:,} bad row written to “{name}”.",
                "{count:,} bad rows written to “{name}”.",
                count,
                name=target.name,
            )

        self._run(tr("Writing “{name}”…", name=target.name), work, self._saved_bad)

    @Slot(object)
    def _saved_bad(self, said: str) -> None:
        self.steps.setCurrentIndex(1)
        self.question.save.setFocus()
        self.said.emit(said)

    def _make_progress(self) -> QWidget:
        self.doing = QLabel()
        self.doing.setTextFormat(Qt.TextFormat.PlainText)
        self.doing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        theme.set_role(self.doing, "heading")
        self.bar = QProgressBar()
        self.bar.setMaximumWidth(480)
        self.bar.setAccessibleName(tr("Progress of the import"))
        self.cancel_work = QPushButton(tr("Cancel"))
        self.cancel_work.clicked.connect(self.cancel)
        self.cancel_work.setAutoDefault(True)
        page = QWidget()
        layout = QVBoxLayout(page)
        layout.setSpacing(16)
        layout.addStretch(2)
        layout.addWidget(self.doing)
        layout.addWidget(self.bar)
        layout.setAlignment(self.bar, Qt.AlignmentFlag.AlignHCenter)
        layout.addWidget(self.cancel_work, alignment=Qt.AlignmentFlag.AlignHCenter)
        layout.addStretch(3)
        self.bar.setMinimumWidth(320)
        return page
