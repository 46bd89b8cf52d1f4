"""Who wins against whom: the chosen evaluation's model beside each other one that was asked the same, by everybody who
says; and a local model that can be asked to judge two of them."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from studio.core.contests import Contest
from studio.core.evaluation import Evaluation
from studio.gui.language import tr, translated
from studio.gui.pages.models.panel import choice
from studio.gui.widgets.plain_label import plain_label
from studio.storage.judging_shelf import Shelf
from studio.storage.library import LibraryModel


class ContestView(QWidget):
    """Signals: `judging_requested(object LibraryModel, object Evaluation)`: the judge, and the other side;
    `voting_requested(object Evaluation)`: a person judges, against that one."""

    judging_requested = Signal(object, object)
    voting_requested = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._known: Evaluation | None = None
        self.title, self.lines = plain_label(tr("Who wins"), "heading"), plain_label(selectable=True)
        self.other = choice(tr("The model to compare with"), letters=14)
        self.judge = choice(tr("The local model that judges"), letters=14)
        self.ask = QPushButton(tr("Let it judge"))
        self.ask.setToolTip(tr("It reads both answers to each prompt, in both orders, and says which is better"))
        self.ask.clicked.connect(self._ask)
        self.vote = QPushButton(tr("Vote blind…"))
        self.vote.setToolTip(tr("You read both answers to each prompt, without knowing whose they are"))
        self.vote.clicked.connect(self._vote)
        row = QHBoxLayout()
        row.addWidget(QLabel(tr("Against")))
        row.addWidget(self.other, 1)
        row.addWidget(self.vote)
        row.addWidget(QLabel(tr("or by")))
        row.addWidget(self.judge, 1)
        row.addWidget(self.ask)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self.title)
        layout.addWidget(self.lines)
        layout.addLayout(row)

    def show_evaluation(self, known: Evaluation | None, shelf: Shelf) -> None:
        """Offer what the chosen evaluation can be compared with."""
        self._known = known
        others = [
            other
            for other, _ in shelf.evaluations
            if known is not None and other.id != known.id and other.prompt_digest == known.prompt_digest
        ]
        self.other.clear()
        for other in others:
            self.other.addItem(other.name, other)
        kept = self.judge.currentText()
        self.judge.clear()
        for model in shelf.writers:
            self.judge.addItem(model.name, model)
        self.judge.setCurrentIndex(max(0, self.judge.findText(kept)))
        self.lines.setText("" if others else tr("Evaluate another model on the same prompts to see which one wins."))
        for part in (self.other, self.judge, self.ask, self.vote):
            part.setEnabled(bool(others))

    @Slot(object)
    def show_contests(self, answer: tuple[Evaluation, Sequence[tuple[Evaluation, str, Contest]]]) -> None:
        """Say who wins, unless another evaluation was chosen meanwhile."""
        known, found = answer
        if self._known != known:
            return
        lines = [
            tr("against {name}, by {who}: {contest}", name=other.name, who=translated(who), contest=_told(contest))
            for other, who, contest in found
        ]
        if lines:
            head = tr("How often {name} wins:", name=known.name)
            self.lines.setText("\n".join([head, *(f"   {line}" for line in lines)]))

    @Slot()
    def _vote(self) -> None:
        other: Evaluation | None = self.other.currentData()
        if other is not None:
            self.voting_requested.emit(other)

    @Slot()
    def _ask(self) -> None:
        judge: LibraryModel | None = self.judge.currentData()
        other: Evaluation | None = self.other.currentData()
        if judge is not None and other is not None:
            self.judging_requested.emit(judge, other)


def _told(contest: Contest) -> str:
    if not contest.decided:
        return tr("no prompt was decided, {ties} ties", ties=contest.ties)
    low, high = contest.interval
    won = tr("{wins} of {decided} decided prompts", wins=contest.wins, decided=contest.decided)
    return tr(
        "{won}, {share:.0f} % ({low:.0f} to {high:.0f} %), {ties} ties",
        won=won,
        share=100 * (contest.share or 0.0),
        low=100 * low,
        high=100 * high,
        ties=contest.ties,
    )
