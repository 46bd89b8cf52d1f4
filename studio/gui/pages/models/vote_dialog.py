"""Blind votes on what two models answered when they were judged: two answers at a time, their sides shuffled and no
names. Each vote is kept at once, as a label of the set “Chat votes”."""

from __future__ import annotations

import random

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QDialog, QHBoxLayout, QPlainTextEdit, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from studio.core.contests import Contest
from studio.core.evaluation import Evaluation
from studio.core.labelling import Candidate, Verdict
from studio.gui.language import mark, tr, translated
from studio.gui.widgets.empty_state import EmptyState
from studio.gui.widgets.keys import bind
from studio.gui.widgets.notice import Notice
from studio.gui.widgets.plain_label import plain_label
from studio.gui.widgets.visible_text import unsteered
from studio.jobs.background import BackgroundTask, end_tasks, wait_for_tasks
from studio.storage.label_votes import keep_vote
from studio.storage.project import Project
from studio.storage.settings import labeller_name

_VOTES = (
    (mark("A is better"), Verdict.better(0)),
    (mark("B is better"), Verdict.better(1)),
    (mark("Tie"), Verdict.tie()),
    (mark("Both bad"), Verdict.tie(bad=True)),
)


class VoteDialog(QDialog):
    """Call `open`. Signal: `voted()` when it is closed after a vote."""

    voted = Signal()

    def __init__(
        self, project: Project, first: Evaluation, second: Evaluation, seed: int, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Which answer is better?"))
        self._project, self._sides = project, (first, second)
        chance = random.Random(seed)
        places = [place for place in range(len(first.prompts)) if _differ(first, second, place)]
        chance.shuffle(places)
        self._duels = [(place, chance.random() < 0.5) for place in places]  # whether the second stands at the left
        self._votes: dict[int, int] = {}  # by place: 1 when the first model won, -1 the second, 0 neither
        self._at = 0
        self.notice = Notice()
        self.progress, self.prompt = plain_label("", "muted"), _text(tr("Prompt"))
        self.prompt.setMaximumHeight(120)
        self.answers = [_text(tr("Answer A")), _text(tr("Answer B"))]
        self.buttons: list[QPushButton] = []
        row = QHBoxLayout()
        for number, (words, _) in enumerate(_VOTES):
            button = QPushButton(f"{tr(words)}  ({number + 1})")
            button.setAutoDefault(False)
            button.setObjectName(str(number))
            button.clicked.connect(self._press)
            bind(button, str(number + 1), tr(words), button.click)
            self.buttons.append(button)
            row.addWidget(button)
        row.addStretch()
        self.back = QPushButton(tr("Back"))
        self.back.setAutoDefault(False)
        self.back.clicked.connect(self._go_back)
        bind(self, "Backspace", tr("Back to the vote before"), self._go_back)
        self.close_button = QPushButton(tr("Close"))
        self.close_button.setAutoDefault(False)
        self.close_button.clicked.connect(self.accept)
        row.addWidget(self.back)
        row.addWidget(self.close_button)
        beside = QHBoxLayout()
        for name, answer in zip(("A", "B"), self.answers, strict=True):
            column = QVBoxLayout()
            column.addWidget(plain_label(name, "heading"))
            column.addWidget(answer, 1)
            beside.addLayout(column, 1)
        judging = QWidget()
        inside = QVBoxLayout(judging)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.setSpacing(12)
        for part in (self.progress, self.prompt):
            inside.addWidget(part)
        inside.addLayout(beside, 1)
        self.over = EmptyState("")
        self.stack = QStackedWidget()
        self.stack.addWidget(judging)
        self.stack.addWidget(self.over)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 16, 24, 16)
        layout.setSpacing(12)
        layout.addWidget(self.notice)
        layout.addWidget(self.stack, 1)
        layout.addLayout(row)
        self.resize(960, 600)
        self.finished.connect(self._end)
        self._show()

    def _show(self) -> None:
        over = self._at >= len(self._duels)
        for button in self.buttons:
            button.setVisible(not over)
        self.stack.setCurrentIndex(int(over))
        self.back.setEnabled(self._at > 0)
        if over:
            contest = Contest.of(list(self._votes.values()))
            if not self._votes:
                self.over.say(tr("The two gave the same answers: there is nothing to judge."))
            elif not contest.decided:
                self.over.say(tr("All are judged, and neither was ever the better one."))
            else:
                won, name = translated(str(contest)), self._sides[0].name
                self.over.say(tr("All are judged. “{name}” wins {contest}.", name=name, contest=won))
            self.close_button.setFocus()
            return
        place, turned = self._duels[self._at]
        self.progress.setText(tr("{done} of {count}", done=self._at + 1, count=len(self._duels)))
        self.prompt.setPlainText(unsteered(self._sides[0].prompts[place]))
        for text, side in zip(self.answers, self._sides[::-1] if turned else self._sides, strict=True):
            text.setPlainText(unsteered(side.answers[place].text.strip()) or tr("(nothing)"))

    @Slot()
    def _press(self) -> None:
        if self._at >= len(self._duels):
            return
        place, turned = self._duels[self._at]
        verdict = _VOTES[int(self.sender().objectName())][1]
        sides = self._sides[::-1] if turned else self._sides
        answers = [Candidate(0, side.answers[place].text, side.name) for side in sides]
        project, prompt = self._project, self._sides[0].conversation(place)
        wait_for_tasks(self)  # the vote before, so that they are kept in their order

        def keep(_task: BackgroundTask) -> object:
            return keep_vote(project, labeller_name(), prompt, answers, verdict, blind=True)

        BackgroundTask.begin(self, keep, self._kept, self.notice.show_error)
        gap = verdict.ranks[1] - verdict.ranks[0]
        self._votes[place] = -gap if turned else gap
        self._at += 1
        self._show()

    @Slot(object)
    def _kept(self, _known: object) -> None:
        self.notice.clear()

    @Slot()
    def _go_back(self) -> None:
        if self._at > 0:
            self._at -= 1
            self._show()

    @Slot()
    def _end(self) -> None:
        end_tasks(self)
        if self._votes:
            self.voted.emit()


def _differ(first: Evaluation, second: Evaluation, place: int) -> bool:
    mine, theirs = first.answers[place].text.strip(), second.answers[place].text.strip()
    return mine != theirs


def _text(name: str) -> QPlainTextEdit:
    edit = QPlainTextEdit(readOnly=True)
    edit.setAccessibleName(name)
    edit.setTabChangesFocus(True)
    return edit
