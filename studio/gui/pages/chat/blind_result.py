"""What a blind test found: for each pair wins, losses and ties with the interval of the win rate, and strengths."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from studio.core.blind_tests import BlindTest
from studio.core.contests import share
from studio.gui import theme
from studio.gui.language import mark, tr

_HEADS = (
    mark("Model"),
    mark("against"),
    mark("n"),
    mark("wins"),
    mark("losses"),
    mark("ties"),
    mark("both bad"),
    mark("win rate of decided (95 %)"),
)


class BlindResult(QWidget):
    """again_requested(): another test is wanted."""

    again_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.summary = QLabel()
        self.summary.setWordWrap(True)
        self.summary.setTextFormat(Qt.TextFormat.PlainText)
        self.table = QTableWidget(0, len(_HEADS))
        self.table.setHorizontalHeaderLabels([tr(head) for head in _HEADS])
        self.table.setAccessibleName(tr("Results of the blind test"))
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.verticalHeader().hide()
        self.table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.strengths = QLabel()
        self.strengths.setWordWrap(True)
        self.strengths.setTextFormat(Qt.TextFormat.PlainText)
        self.about = QLabel(
            tr(
                "The rate is of the prompts that had a winner; ties are told beside it. The interval is Wilson's: the "
                "true rate lies in it 95 times of 100. While it holds 50 %, nobody has been shown to be better."
            )
        )
        self.about.setWordWrap(True)
        theme.set_role(self.about, "muted")
        self.again = QPushButton(tr("Another blind test"))
        self.again.clicked.connect(self.again_requested)
        self.copy = QPushButton(tr("Copy"))
        self.copy.setToolTip(tr("Copy the result as text"))
        self.copy.clicked.connect(self._copy)
        buttons = QHBoxLayout()
        buttons.addWidget(self.again)
        buttons.addWidget(self.copy)
        buttons.addStretch()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self.summary)
        layout.addWidget(self.table, 1)
        layout.addWidget(self.strengths)
        layout.addWidget(self.about)
        layout.addLayout(buttons)

    def show_test(self, test: BlindTest, names: Mapping[str, str]) -> None:
        """Show what a test found. names: of the models, by what the test calls them."""
        called = {model: names.get(model, model) for model in test.models}
        twice = [name for name in called.values() if list(called.values()).count(name) > 1]
        called = {
            model: tr("{name} ({model} pane)", name=name, model=model) if name in twice else name
            for model, name in called.items()
        }
        results = test.results()
        votes = len(test.judged)
        self.summary.setText(
            tr("{votes} of {count} prompts were judged.", votes=votes, count=len(test.duels))
            if votes
            else tr("No vote was given, so nothing is known.")
        )
        self.table.setRowCount(len(results))
        for row, result in enumerate(results):
            contest = result.contest
            rate = share(contest.wins, contest.decided) if contest.decided else tr("no winner in any")
            cells = (
                called[result.first], called[result.second], contest.decided + contest.ties, contest.wins,
                contest.losses, contest.ties, result.bad, rate,
            )  # fmt: skip
            for column, cell in enumerate(cells):
                item = QTableWidgetItem(str(cell))
                if column in range(2, 7):
                    item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                self.table.setItem(row, column, item)
        self.table.setVisible(bool(results))
        self.about.setVisible(bool(results))
        order = sorted(test.strengths().items(), key=lambda item: -item[1])
        told = "  ·  ".join(f"{called[model]} {strength:+.0f}" for model, strength in order)
        self.strengths.setText(
            tr("Strength (Bradley-Terry, on Elo's scale; 100 more wins 64 of 100): {told}", told=told)
        )
        self.strengths.setVisible(votes > 0 and len(test.models) > 2)

    def as_text(self) -> str:
        """The result for other programs: a line a pair, cells apart by tabs."""
        lines = [self.summary.text(), "\t".join(tr(head) for head in _HEADS)]
        for row in range(self.table.rowCount()):
            cells = [self.table.item(row, column) for column in range(len(_HEADS))]
            lines.append("\t".join(cell.text() if cell else "" for cell in cells))
        if not self.strengths.isHidden():
            lines.append(self.strengths.text())
        return "\n".join(lines)

    @Slot()
    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.as_text())
