"""Importing a file, step by step in one panel: reading it, saying what would come in, storing it. Nothing waits.

The panel is shown in place of a dataset; reading and storing run in the background and can be cancelled.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QFormLayout,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QListWidget,
    QProgressBar,
    QPushButton,
    QStackedLayout,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from studio.core.datasets import DatasetInfo, ImportPreview
from studio.gui import theme
from studio.jobs.background import BackgroundTask
from studio.storage.interchange import import_file, preview_file
from studio.storage.project import Project

_PARTS = 1000  # of the progress bar, whatever the work counts in


class ImportPanel(QWidget):
    """Signals: `imported(object DatasetInfo)`; `failed(object Exception)`; `given_up()` when the user cancelled.

    After each of them the panel is free for another file.
    """

    imported = Signal(object)
    failed = Signal(object)
    given_up = Signal()

    def __init__(self, project: Project, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._project = project
        self._path = Path()
        self._task: BackgroundTask | None = None
        self._preview: ImportPreview | None = None
        self.steps = QStackedLayout(self)
        self.steps.addWidget(self._make_progress())
        self.steps.addWidget(self._make_confirm())

    def read(self, path: Path) -> None:
        """Begin with a file: read it and say what would be imported."""
        self._path = path
        self._run(
            f"Reading “{path.name}”…",
            lambda task: preview_file(path, task.report, task.is_cancelled),
            self._show_preview,
        )

    @Slot()
    def store(self) -> None:
        """Import what was read, under the name that was typed."""
        project, path, name = self._project, self._path, self.name.text()
        self._run(
            f"Importing “{path.name}”…",
            lambda task: import_file(project, path, name, task.report, task.is_cancelled),
            self._stored,
        )

    @Slot()
    def cancel(self) -> None:
        """End the work, or leave the question unanswered."""
        if self._task is not None and self._task.isRunning():
            self._task.cancel()
            self.doing.setText("Cancelling…")
        else:
            self.given_up.emit()

    def close_down(self) -> None:
        """Cancel what runs and wait for its thread."""
        if self._task is not None:
            self._task.cancel()
            self._task.wait()

    def _run(self, doing: str, work: Callable[[BackgroundTask], object], done: Callable[[Any], None]) -> None:
        self.doing.setText(doing)
        self.bar.setRange(0, 0)
        self.steps.setCurrentIndex(0)
        self.cancel_work.setFocus()
        if self._task is not None:
            self._task.wait()
            self._task.deleteLater()
        self._task = BackgroundTask(work, self)
        self._task.progressed.connect(self._show_progress)
        self._task.succeeded.connect(done)  # a method of this panel, marked @Slot
        self._task.failed.connect(self.failed)
        self._task.cancelled.connect(self.given_up)
        self._task.start()

    @Slot(int, int, str)
    def _show_progress(self, done: int, total: int, note: str) -> None:
        self.bar.setRange(0, _PARTS if total else 0)
        self.bar.setValue(done * _PARTS // total if total else 0)

    @Slot(object)
    def _show_preview(self, preview: ImportPreview) -> None:
        self._preview = preview
        self.title.setText(f"Import “{self._path.name}”")
        self.summary.setText(preview.summary + ".")
        self.name.setText(self._path.stem)
        columns = preview.kind.columns
        self.first.setColumnCount(len(columns))
        self.first.setHorizontalHeaderLabels(columns)
        self.first.setRowCount(len(preview.first))
        for row, example in enumerate(preview.first):
            for column, text in enumerate(example.cells):
                self.first.setItem(row, column, QTableWidgetItem(" ".join(text[:500].split())))
        self.bad.clear()
        self.bad.addItems(_sentences(preview))
        for part in (self.bad_title, self.bad, self.copy):
            part.setVisible(bool(preview.broken))
        self.bad_title.setText(
            f"{_rows(preview.broken)} cannot be used and will be left out. The file itself is not changed."
        )
        self.go.setText(f"Import {preview.kind.count(preview.rows)}")
        self.steps.setCurrentIndex(1)
        self.go.setFocus()

    @Slot(object)
    def _stored(self, dataset: DatasetInfo) -> None:
        self.imported.emit(dataset)

    @Slot()
    def _copy_bad(self) -> None:
        if self._preview is not None:
            QGuiApplication.clipboard().setText("\n".join([str(self._path), *_sentences(self._preview)]))

    def _make_progress(self) -> QWidget:
        self.doing = QLabel()
        self.doing.setTextFormat(Qt.TextFormat.PlainText)
        self.doing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        theme.set_role(self.doing, "heading")
        self.bar = QProgressBar()
        self.bar.setMaximumWidth(480)
        self.bar.setAccessibleName("Progress of the import")
        self.cancel_work = QPushButton("Cancel")
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

    def _make_confirm(self) -> QWidget:
        self.title, self.summary, self.bad_title = QLabel(), QLabel(), QLabel()
        for label, role in ((self.title, "title"), (self.summary, ""), (self.bad_title, "warning")):
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setWordWrap(True)
            theme.set_role(label, role)
        self.name = QLineEdit()
        self.name.setMaximumWidth(480)
        self.name.returnPressed.connect(self.store)
        self.first = QTableWidget(0, 0)
        self.first.setAccessibleName("First rows")
        self.first.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.first.setSelectionMode(QTableWidget.SelectionMode.NoSelection)
        self.first.setTabKeyNavigation(False)
        self.first.setShowGrid(False)
        self.first.setWordWrap(False)
        self.first.verticalHeader().hide()
        self.first.setMaximumHeight(200)
        self.first.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.first.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft)
        self.bad = QListWidget()
        self.bad.setAccessibleName("Rows that cannot be used")
        self.bad.setWordWrap(True)
        self.copy = QPushButton("Copy list")
        theme.set_role(self.copy, "quiet")
        self.copy.clicked.connect(self._copy_bad)
        self.go = QPushButton()
        theme.set_role(self.go, "primary")
        self.go.clicked.connect(self.store)
        self.no = QPushButton("Cancel")
        self.no.clicked.connect(self.cancel)
        for button in (self.go, self.no, self.copy):
            button.setAutoDefault(True)  # Return presses them too
        named = QFormLayout()
        named.addRow("Call it", self.name)
        buttons = QHBoxLayout()
        buttons.addWidget(self.go)
        buttons.addWidget(self.no)
        buttons.addStretch()
        bad_line = QHBoxLayout()
        bad_line.addWidget(self.bad_title, 1)
        bad_line.addWidget(self.copy)
        page = QWidget()
        layout = QVBoxLayout(page)
        layout.setContentsMargins(24, 24, 24, 24)
        layout.setSpacing(12)
        layout.addWidget(self.title)
        layout.addWidget(self.summary)
        layout.addLayout(named)
        layout.addWidget(self.first, 2)
        layout.addLayout(bad_line)
        layout.addWidget(self.bad, 2)
        layout.addLayout(buttons)
        layout.addStretch()
        return page


def _rows(count: int) -> str:
    return f"{count:,} row{'s' * (count != 1)}"


def _sentences(preview: ImportPreview) -> list[str]:
    """One line for each bad row that is named, and one for the rest."""
    lines = [f"Line {problem.line:,}: {problem.reason}." for problem in preview.problems]
    rest = preview.broken - len(preview.problems)
    return [*lines, f"… and {_rows(rest)} more."] if rest > 0 else lines
