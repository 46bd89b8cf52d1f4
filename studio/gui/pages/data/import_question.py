"""What is asked before a file is imported: how it is read, what would come in, which rows would be left out."""

from __future__ import annotations

import json

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QFormLayout,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QListWidget,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from studio.core.datasets import ImportPreview
from studio.core.errors import StudioError
from studio.gui import theme
from studio.gui.language import tr, translated, trn
from studio.gui.pages.data.layout_form import LayoutForm
from studio.gui.widgets.fitting_scroll import FittingScroll
from studio.storage.interchange import UnknownShape

_CELL = 500  # characters of a cell; more is never visible


class ImportQuestion(QWidget):
    """The question itself. Its buttons (`go`, `no`, `copy`, `save`) are connected by the import panel."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title, self.summary, self.notes, self.bad_title = QLabel(), QLabel(), QLabel(), QLabel()
        roles = ((self.title, "title"), (self.summary, ""), (self.notes, "muted"), (self.bad_title, "warning"))
        for label, role in roles:
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setWordWrap(True)
            theme.set_role(label, role)
        self.layout_form = LayoutForm()
        self.name = QLineEdit()
        self.name.setMaximumWidth(480)
        self.first = QTableWidget(0, 0)
        self.first.setAccessibleName(tr("First rows"))
        self.first.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.first.setSelectionMode(QTableWidget.SelectionMode.NoSelection)
        self.first.setTabKeyNavigation(False)
        self.first.setShowGrid(False)
        self.first.setWordWrap(False)
        self.first.verticalHeader().hide()
        self.first.setMinimumHeight(150)
        self.first.setMaximumHeight(220)
        self.first.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.bad = QListWidget()
        self.bad.setAccessibleName(tr("Rows that cannot be used"))
        self.bad.setWordWrap(True)
        self.bad.setMinimumHeight(90)
        self.copy, self.save = QPushButton(tr("Copy list")), QPushButton(tr("Save list…"))
        for button in (self.copy, self.save):
            theme.set_role(button, "quiet")
        self.go = QPushButton()
        theme.set_role(self.go, "primary")
        self.no = QPushButton(tr("Cancel"))
        for button in (self.go, self.no, self.copy, self.save):
            button.setAutoDefault(True)  # Return presses them too
        self._lay_out()

    def show_preview(self, called: str, preview: ImportPreview) -> None:
        """Say what a file would bring."""
        self.title.setText(tr("Import “{called}”", called=called))
        self.summary.setText(tr("{summary}.", summary=translated(preview.summary)))
        theme.set_role(self.summary, "")
        about = translated(preview.layout.about)
        notes = [*map(translated, preview.notes), *([tr("Read with {about}.", about=about)] if about else [])]
        self.notes.setText("\n".join(notes))
        self.notes.setVisible(bool(notes))
        self.layout_form.show_layout(preview.columns, preview.layout)
        self.name.setText(called)
        self._fill(tuple(map(translated, preview.kind.columns)), [record.cells for record in preview.first])
        self.bad.clear()
        self.bad.addItems(sentences(preview))
        self._show_bad(bool(preview.broken))
        self.bad_title.setText(
            tr(
                "{broken} cannot be used and will be left out. The file itself is not changed.",
                broken=rows_in_words(preview.broken),
            )
        )
        self.go.setText(tr("Import {count}", count=translated(preview.kind.count(preview.rows))))
        self.go.setEnabled(True)
        self.go.setToolTip("")

    def ask_layout(self, called: str, unknown: UnknownShape) -> None:
        """Ask which column is which, with the file's own first rows to see."""
        self.title.setText(tr("Import “{called}”", called=called))
        self.summary.setText(
            tr("Its columns fit no form that Plumbline knows. Say what the rows are, and which column is which.")
        )
        theme.set_role(self.summary, "")
        self.notes.hide()
        self.name.setText(called)
        cells = [tuple(_shown(row.get(name)) for name in unknown.columns) for row in unknown.rows[:5]]
        self._fill(tuple(unknown.columns), cells)
        self._show_bad(False)
        self.go.setText(tr("Import"))
        self.go.setEnabled(False)
        self.go.setToolTip(self.summary.text())
        self.layout_form.ask_layout(unknown.columns)
        layout = self.layout_form.layout_chosen()
        if layout is not None and layout.columns:
            self.layout_form.layout_changed.emit(layout)  # a proposal, shown with what it would bring

    def say_useless(self, error: StudioError) -> None:
        """Say that the file gives nothing when it is read as chosen."""
        what = translated(error.what)
        self.summary.setText(tr("Read in this way, {what}", what=what[:1].lower() + what[1:]))
        theme.set_role(self.summary, "error")
        self._show_bad(False)
        self.go.setEnabled(False)
        self.go.setToolTip(self.summary.text())

    def _show_bad(self, shown: bool) -> None:
        for part in (self.bad_title, self.bad, self.copy, self.save):
            part.setVisible(shown)

    def _fill(self, columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
        self.first.setColumnCount(len(columns))
        self.first.setHorizontalHeaderLabels(columns)
        self.first.setRowCount(len(rows))
        for number, cells in enumerate(rows):
            for column, text in enumerate(cells):
                self.first.setItem(number, column, QTableWidgetItem(" ".join(text[:_CELL].split())))

    def _lay_out(self) -> None:
        named = QFormLayout()
        named.addRow(tr("Read as"), self.layout_form)
        named.addRow(tr("Call it"), self.name)
        buttons = QHBoxLayout()
        buttons.setContentsMargins(24, 0, 24, 0)
        buttons.addWidget(self.go)
        buttons.addWidget(self.no)
        buttons.addStretch()
        bad_line = QHBoxLayout()
        bad_line.addWidget(self.bad_title, 1)
        bad_line.addWidget(self.copy)
        bad_line.addWidget(self.save)
        page = QWidget()
        layout = QVBoxLayout(page)
        layout.setContentsMargins(24, 24, 24, 0)
        layout.setSpacing(12)
        layout.addWidget(self.title)
        layout.addWidget(self.summary)
        layout.addWidget(self.notes)
        layout.addLayout(named)
        layout.addWidget(self.first, 2)
        layout.addLayout(bad_line)
        layout.addWidget(self.bad, 2)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 16)
        outer.setSpacing(12)
        self.area = FittingScroll(page)
        outer.addWidget(self.area)
        outer.addLayout(buttons)  # in sight, however small the window is
        outer.addStretch()


def _shown(value: object) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False, default=str)


def rows_in_words(count: int) -> str:
    """Such as "1,200 rows"."""
    return trn("{count:,} row", "{count:,} rows", count)


def sentences(preview: ImportPreview) -> list[str]:
    """One line for each bad row that is named, and one for the rest."""
    lines = [
        tr("Line {line:,}: {reason}.", line=problem.line, reason=translated(problem.reason))
        for problem in preview.problems
    ]
    rest = preview.broken - len(preview.problems)
    return [*lines, tr("… and {rest} more.", rest=rows_in_words(rest))] if rest > 0 else lines
