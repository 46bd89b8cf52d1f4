"""A set of prompts through all panes: a grid of answers to browse, and to take elsewhere."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QProgressBar,
    QPushButton,
    QSplitter,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from studio.core.dialogue import Turn
from studio.core.errors import StudioError
from studio.gui import theme
from studio.gui.language import mark, tr, translated
from studio.gui.pages.chat.pane_text import PaneText
from studio.gui.pages.chat.prompt_run import Task
from studio.gui.pages.chat.prompt_set_view import How, PromptSetView
from studio.gui.pages.chat.worker import ChatWorker
from studio.storage.files import write_whole
from studio.storage.project import Project

_CELL = 120  # characters of an answer in the grid; below it stands the whole
_FORMS = mark("Table (*.csv);;JSON lines (*.jsonl)")


class BatchView(PromptSetView):
    """The grid, and below it the chosen answer whole."""

    def __init__(self, project: Project, worker: ChatWorker, how: Callable[[], How], load: Callable[[], bool]) -> None:
        super().__init__(project, worker, how, load)
        self._panes: list[str] = []
        self.run.answered.connect(self._take_answer)
        self.run.ended.connect(self._tell)
        self.run.failed.connect(self._tell)
        self.bar = QProgressBar()
        self.bar.setAccessibleName(tr("Prompts that are answered"))
        self.bar.setTextVisible(False)
        self.done = QLabel()
        theme.set_role(self.done, "muted")
        self.stop = QPushButton(tr("Stop"))
        self.stop.clicked.connect(self._stop_or_go_on)
        self.export = QPushButton(tr("Export…"))
        self.export.setToolTip(tr("Write the grid as a table or as JSON lines"))
        self.export.clicked.connect(self._ask_where)
        self.other = QPushButton(tr("Other prompts"))
        self.other.clicked.connect(self.show_set_up)
        self.grid = QTableWidget(0, 1)
        self.grid.setAccessibleName(tr("Answers: a row for each prompt, a column for each model"))
        self.grid.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.grid.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.grid.currentCellChanged.connect(self._show_cell)
        self.whole = PaneText()
        self.whole.setAccessibleName(tr("The chosen answer"))
        self.whole.setPlaceholderText(tr("Choose a cell to read it whole."))
        self.lay_out(
            tr("Batch"),
            tr("Every prompt is asked of all panes, each with its own settings; the answers make a grid."),
            tr("Ask all panes"),
            self._answers(),
        )

    def _answers(self) -> QWidget:
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        row = QHBoxLayout()
        row.addWidget(self.bar, 1)
        row.addWidget(self.done)
        for button in (self.stop, self.export, self.other):
            row.addWidget(button)
        column.addLayout(row)
        both = QSplitter(Qt.Orientation.Vertical)
        both.addWidget(self.grid)
        both.addWidget(self.whole)
        both.setStretchFactor(0, 3)
        both.setStretchFactor(1, 2)
        both.setChildrenCollapsible(False)
        column.addWidget(both, 1)
        return page

    def tasks(self, how: How, prompts: list[str]) -> list[Task]:
        """Every prompt of all panes."""
        self._panes = list(how)
        return [Task(prompt, tuple(self._panes)) for prompt in prompts]

    def begun(self) -> None:
        """An empty grid."""
        self.grid.clear()
        self.grid.setColumnCount(1 + len(self._panes))
        self.grid.setHorizontalHeaderLabels([tr("Prompt"), *self._panes])
        self.grid.setRowCount(len(self.run.tasks))
        for row, task in enumerate(self.run.tasks):
            self.grid.setItem(row, 0, QTableWidgetItem(_short(task.prompt)))
        self.grid.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.bar.setRange(0, len(self.run.tasks))
        self._tell()

    def as_csv(self) -> str:
        """The grid as a table: a row for each prompt, a column for each model."""
        text = io.StringIO()
        table = csv.writer(text)
        table.writerow(["prompt", *self._names()])
        for task in self.run.tasks:
            table.writerow([task.prompt, *(task.answers.get(pane, "") for pane in self._panes)])
        return text.getvalue()

    def as_json_lines(self) -> str:
        """The grid as lines: a prompt with the answers by model each."""
        names = self._names()
        lines: list[str] = []
        for task in self.run.tasks:
            answers = {name: task.answers.get(pane, "") for name, pane in zip(names, self._panes, strict=True)}
            lines.append(json.dumps({"prompt": task.prompt, "answers": answers}, ensure_ascii=False) + "\n")
        return "".join(lines)

    def _names(self) -> list[str]:
        """What the panes' models are called, each otherwise."""
        found: list[str] = []
        for pane in self._panes:
            name = next((task.models[pane] for task in self.run.tasks if task.models.get(pane)), pane)
            found.append(name if name not in found else tr("{name} ({pane} pane)", name=name, pane=pane))
        return found

    @Slot(int)
    def _take_answer(self, number: int) -> None:
        task = self.run.tasks[number]
        self.grid.setHorizontalHeaderLabels([tr("Prompt"), *self._names()])
        for column, pane in enumerate(self._panes, 1):
            item = QTableWidgetItem(_short(translated(task.problem) or task.answers.get(pane, "")))
            self.grid.setItem(number, column, item)
        self._tell()
        if number == self.grid.currentRow():
            self._show_cell(number, self.grid.currentColumn(), 0, 0)

    @Slot()
    def _tell(self) -> None:
        done, count = self.run.complete, len(self.run.tasks)
        self.bar.setValue(done)
        self.done.setText(tr("{done} of {count}", done=done, count=count))
        self.stop.setText(tr("Stop") if self.run.active else tr("Go on"))
        self.stop.setVisible(done < count)
        self.export.setEnabled(done > 0)

    @Slot(int, int, int, int)
    def _show_cell(self, row: int, column: int, _row: int, _column: int) -> None:
        if 0 <= row < len(self.run.tasks):
            task = self.run.tasks[row]
            if column <= 0:
                self.whole.show_turns([Turn(task.prompt)])
            else:
                pane = self._panes[column - 1]
                answer = translated(task.problem) or task.answers.get(pane, "") if task.done else ""
                self.whole.show_turns([Turn(task.prompt, answer, task.models.get(pane, ""), ended="-")])

    @Slot()
    def _stop_or_go_on(self) -> None:
        if self.run.active:
            self.run.stop()
        else:
            self._load()
            self.run.go_on()
        self._tell()

    @Slot()
    def _ask_where(self) -> None:
        dialog = QFileDialog(self, tr("Export the answers"), str(Path.home() / "answers.csv"), tr(_FORMS))
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix("csv")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(self.export_to)
        dialog.open()

    @Slot(str)
    def export_to(self, file: str) -> None:
        """Write the grid to a file; its ending says in which form."""
        target = Path(file)
        try:
            write_whole(target, self.as_json_lines() if target.suffix.lower() == ".jsonl" else self.as_csv())
        except (StudioError, OSError) as error:
            self.failed.emit(error)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _CELL else f"{line[:_CELL]}…"
