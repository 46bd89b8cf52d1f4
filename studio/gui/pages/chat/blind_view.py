"""The blind test: two answers at a time without names, judged by key; then who won how often, and how sure that is.

Answers are written ahead while one reads. Each vote is a label of the set “Chat votes” at once.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from studio.core.blind_tests import BOTH_BAD, TIE, A, B, BlindTest, Duel
from studio.core.dialogue import Turn
from studio.core.errors import StudioError
from studio.core.labelling import Candidate, Verdict
from studio.core.messages import Message
from studio.gui import theme
from studio.gui.language import mark, tr
from studio.gui.pages.chat.blind_result import BlindResult
from studio.gui.pages.chat.pane_text import PaneText
from studio.gui.pages.chat.prompt_run import Task
from studio.gui.pages.chat.prompt_set_view import SET_UP, How, PromptSetView
from studio.gui.pages.chat.worker import ChatWorker
from studio.gui.widgets.flow_layout import FlowLayout
from studio.gui.widgets.keys import bind
from studio.jobs.background import BackgroundTask, end_tasks, wait_for_tasks
from studio.storage.label_votes import keep_vote
from studio.storage.project import Project
from studio.storage.settings import labeller_name

_VOTES = (
    (A, mark("A is better"), "1"),
    (B, mark("B is better"), "2"),
    (TIE, mark("Tie"), "3"),
    (BOTH_BAD, mark("Both bad"), "4"),
)
_VERDICTS = {
    A: Verdict((1, 2)),
    B: Verdict((2, 1)),
    TIE: Verdict.tie(2),
    BOTH_BAD: Verdict.tie(2, bad=True),
}


class BlindView(PromptSetView):
    """Two sides, the votes below them, and at the end the result."""

    def __init__(self, project: Project, worker: ChatWorker, how: Callable[[], How], load: Callable[[], bool]) -> None:
        super().__init__(project, worker, how, load)
        self._project = project
        self.test: BlindTest | None = None
        self._at = 0  # the duel that is shown
        self._systems: dict[str, str] = {}
        self.run.answered.connect(self._take_answer)
        self.run.failed.connect(self._stumble)
        self.question, self.progress = QLabel(), QLabel()
        self.question.setWordWrap(True)
        self.question.setTextFormat(Qt.TextFormat.PlainText)
        self.question.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        theme.set_role(self.question, "heading")
        theme.set_role(self.progress, "muted")
        self.sides = (PaneText(), PaneText())
        self.buttons: dict[str, QPushButton] = {}
        self.again = QPushButton(tr("Go on"))
        self.again.setToolTip(tr("Ask what has no answer yet"))
        self.again.clicked.connect(self._go_on)
        self.again.hide()
        self.result = BlindResult()
        self.result.again_requested.connect(self.show_set_up)
        self.finish = QPushButton(tr("Show the result now"))
        self.finish.setToolTip(tr("Ends the test with the votes so far"))
        self.finish.clicked.connect(self._end)
        theme.set_role(self.finish, "quiet")
        self.lay_out(
            tr("Blind test"),
            tr(
                "Two of the panes' models answer each prompt. You don't see which, and their sides are shuffled. "
                "Vote with the keys 1 to 4; the names come with the result. Every vote is kept under Label."
            ),
            tr("Start the blind test"),
            self._duels(),
            self.result,
        )

    def _duels(self) -> QWidget:
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.progress)
        column.addWidget(self.question)
        texts = QHBoxLayout()
        texts.setSpacing(16)
        for letter, text in zip("AB", self.sides, strict=True):
            side = QVBoxLayout()
            name = QLabel(letter)
            theme.set_role(name, "title")
            side.addWidget(name)
            text.setAccessibleName(tr("Answer {letter}", letter=letter))
            text.setPlaceholderText(tr("It is being written…"))
            side.addWidget(text, 1)
            texts.addLayout(side, 1)
        column.addLayout(texts, 1)
        self.votes = QWidget()
        shape = self.votes.sizePolicy()
        shape.setHeightForWidth(True)
        self.votes.setSizePolicy(shape)
        row = FlowLayout(self.votes)
        for vote, known, key in _VOTES:
            words = tr(known)
            button = QPushButton(f"{words}  ({key})")
            button.setObjectName(vote)
            button.clicked.connect(self._press)
            row.addWidget(button)
            self.buttons[vote] = button
            shortcut = bind(
                self,
                key,
                tr("Blind test: {words}", words=words),
                self._press,
                context=Qt.ShortcutContext.WidgetWithChildrenShortcut,
            )
            shortcut.setObjectName(vote)
        row.addWidget(self.finish)
        row.addWidget(self.again)
        column.addWidget(self.votes)
        return page

    def close_down(self) -> None:
        """Let the last vote be kept."""
        super().close_down()
        end_tasks(self)

    def tasks(self, how: How, prompts: list[str]) -> list[Task]:
        """The duels. Raises StudioError when there are no two models."""
        if len(how) < 2:
            raise StudioError("A blind test needs two models.", "Add a pane, and choose another model for it.")
        self.test = BlindTest.of(list(how), prompts, seed=random.randrange(2**31))
        self._systems = {pane: system for pane, (_, system) in how.items()}
        self._at = 0
        self.again.hide()
        return [Task(duel.prompt, (duel.left, duel.right)) for duel in self.test.duels]

    def begun(self) -> None:
        """The first duel."""
        self._show()
        self.setFocus()

    # ------------------------------------------------------------------------------------------------- the duels

    @property
    def _duel(self) -> Duel | None:
        return self.test.duels[self._at] if self.test is not None and self._at < len(self.test.duels) else None

    def _show(self) -> None:
        while self._is_passed_over():
            self._at += 1
        duel = self._duel
        if duel is None:
            self._end()
            return
        assert self.test is not None
        task = self.run.tasks[self._at]
        done, written = len(self.test.judged), self.run.complete
        self.progress.setText(
            tr(
                "{at} of {count}  ·  {done} votes  ·  {written} answered",
                at=self._at + 1,
                count=len(self.test.duels),
                done=done,
                written=written,
            )
        )
        self.question.setText(duel.prompt if len(duel.prompt) < 600 else f"{duel.prompt[:600]}…")
        for side, pane in zip(self.sides, (duel.left, duel.right), strict=True):
            side.show_answer(Turn("", task.answers.get(pane, "") if task.done else ""))
        for button in self.buttons.values():
            button.setEnabled(task.done)
            button.setToolTip("" if task.done else tr("Both answers are still being written."))

    def _is_passed_over(self) -> bool:
        """Whether nobody need look at the duel: equal answers are a tie; where there is none, there is no vote."""
        duel = self._duel
        if duel is None or not self.run.tasks[self._at].done:
            return False
        task = self.run.tasks[self._at]
        left, right = _text(task, duel.left), _text(task, duel.right)
        if not task.problem and left == right:
            duel.vote = TIE
        return bool(task.problem) or left == right or not left or not right

    @Slot(int)
    def _take_answer(self, number: int) -> None:
        if self.stack.currentIndex() == SET_UP + 1 and number >= self._at:
            self._show()

    @Slot()
    def _press(self) -> None:
        duel, vote = self._duel, self.sender().objectName()
        if duel is None or self.stack.currentIndex() != SET_UP + 1 or not self.run.tasks[self._at].done:
            return
        duel.vote = vote
        self.setFocus()  # a button that turns grey would hand it on to the one that ends the test
        task = self.run.tasks[self._at]
        self._keep(duel, task)
        self._at += 1
        self._show()

    def _keep(self, duel: Duel, task: Task) -> None:
        system = self._systems[duel.left] if self._systems[duel.left] == self._systems[duel.right] else ""
        prompt = [Message("system", system)] if system else []
        prompt.append(Message("user", duel.prompt))
        answers = [Candidate(0, task.answers[pane], task.models.get(pane, "")) for pane in (duel.left, duel.right)]
        project, verdict = self._project, _VERDICTS[duel.vote]
        wait_for_tasks(self)  # votes are kept one after the other
        keeping = BackgroundTask(
            lambda _: keep_vote(project, labeller_name(), prompt, answers, verdict, blind=True), self
        )
        keeping.failed.connect(self.failed)
        keeping.start()

    # ----------------------------------------------------------------------------------------------- coming and going

    @Slot()
    def _stumble(self) -> None:
        self.again.show()  # the page has said why

    @Slot()
    def _go_on(self) -> None:
        self.again.hide()
        self._load()
        self.run.go_on()

    @Slot()
    def _end(self) -> None:
        self.run.stop()
        if self.test is not None:
            names: dict[str, str] = {}
            for task in self.run.tasks:
                names.update({pane: name for pane, name in task.models.items() if name})
            self.result.show_test(self.test, names)
            self.stack.setCurrentWidget(self.result)

    @Slot()
    def _leave(self) -> None:
        if self.stack.currentIndex() == SET_UP + 1:
            self.show_set_up()
        super()._leave()


def _text(task: Task, pane: str) -> str:
    return task.answers.get(pane, "").strip()
