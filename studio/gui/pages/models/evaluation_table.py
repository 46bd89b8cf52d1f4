"""The table of all evaluations of a project, and what the chosen one's model answered."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem, QWidget

from studio.core.evaluation import COLUMNS, Evaluation
from studio.gui.language import tr, translated
from studio.gui.widgets.visible_text import plain_tip
from studio.storage.judging_shelf import Shelf

_TALLEST = 9  # rows before it scrolls
_ANSWERS = 300


class EvaluationTable(QTableWidget):
    """Signal: `chosen(object Evaluation or None)`."""

    chosen = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._known: list[Evaluation] = []
        self.columns: list[str] = []
        _read_only(self, tr("Evaluations, newest first"))
        self.itemSelectionChanged.connect(self._tell)

    def show_shelf(self, shelf: Shelf, wanted: str = "") -> None:
        """Show all evaluations, and choose the one of that id, else the newest."""
        self.blockSignals(True)
        self._known = [known for known, _ in shelf.evaluations]
        self.columns = [
            name for name in COLUMNS if any(figures[name].value is not None for _, figures in shelf.evaluations)
        ]
        heads = [tr("Model"), *(translated(COLUMNS[name][0]) for name in self.columns), tr("Asked"), tr("When")]
        self.clear()
        self.setColumnCount(len(heads))
        self.setRowCount(len(self._known))
        self.setHorizontalHeaderLabels(heads)
        for place, name in enumerate(self.columns, start=1):
            head = self.horizontalHeaderItem(place)
            if head is not None:
                head.setToolTip(translated(COLUMNS[name][1]))
        for row, (known, figures) in enumerate(shelf.evaluations):
            asked = f"{len(known.prompts)}, {known.prompt_set}"
            texts = [
                known.name,
                *(figures[name].text for name in self.columns),
                asked,
                known.made[:16].replace("T", " "),
            ]
            for place, text in enumerate(texts):
                self.setItem(row, place, _cell(text))
        self.resizeColumnsToContents()
        self.setColumnWidth(0, min(self.columnWidth(0), 260))
        _fit_height(self, _TALLEST)
        row = next((k for k, known in enumerate(self._known) if known.id == wanted), 0)
        if self._known:
            self.selectRow(row)
        self.blockSignals(False)
        self._tell()

    def current(self) -> Evaluation | None:
        """The evaluation that is chosen."""
        row = self.currentRow()
        return self._known[row] if 0 <= row < len(self._known) else None

    @Slot()
    def _tell(self) -> None:
        self.chosen.emit(self.current())


class AnswerTable(QTableWidget):
    """What a model answered to each prompt; the whole text is in the tip."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        _read_only(self, tr("Answers of the chosen evaluation"))
        self.setWordWrap(True)

    def show_answers(self, known: Evaluation | None) -> None:
        """Show those of an evaluation."""
        rows = list(zip(known.prompts, known.answers, strict=False))[:_ANSWERS] if known else []
        scored = any(answer.reward is not None for _, answer in rows)
        heads = [tr("Prompt"), tr("Answer"), *([tr("Reward")] if scored else [])]
        self.clear()
        self.setColumnCount(len(heads))
        self.setRowCount(len(rows))
        self.setHorizontalHeaderLabels(heads)
        for row, (prompt, answer) in enumerate(rows):
            said = answer.text.strip() or tr("(nothing)")
            self.setItem(row, 0, _cell(prompt))
            self.setItem(row, 1, _cell(said if answer.ended else tr("{said} … (cut off)", said=said)))
            if scored:
                self.setItem(row, 2, _cell("–" if answer.reward is None else f"{answer.reward:+.2f}"))
        self.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        if len(heads) > 1:
            self.horizontalHeader().setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        _fit_height(self, 8)


def _read_only(table: QTableWidget, name: str) -> None:
    table.setAccessibleName(name)
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
    table.setTabKeyNavigation(False)
    table.setShowGrid(False)
    table.verticalHeader().hide()
    table.horizontalHeader().setHighlightSections(False)
    table.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)


def _cell(text: str) -> QTableWidgetItem:
    item = QTableWidgetItem(" ".join(text.split())[:400])
    item.setToolTip(plain_tip(text[:2000]))
    return item


def _fit_height(table: QTableWidget, most: int) -> None:
    """As tall as its rows, up to so many; then it scrolls."""
    shown = min(max(table.rowCount(), 1), most)
    height = table.horizontalHeader().sizeHint().height() + shown * table.verticalHeader().defaultSectionSize()
    bar = table.horizontalScrollBar().sizeHint().height()
    table.setFixedHeight(height + bar + 2 * table.frameWidth())
    table.setVerticalScrollBarPolicy(
        Qt.ScrollBarPolicy.ScrollBarAlwaysOff if table.rowCount() <= most else Qt.ScrollBarPolicy.ScrollBarAsNeeded
    )
