"""The blind test: two answers at a time without names, judged by key; then who won how often, and how sure that is.

Answers are written ahead while one reads. Each vote is a label of the set “Chat votes” at once.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from studio.core.blind_tests import BOTH_BAD, TIE, A, B, BlindTest, Duel
from studio.core.conversation import Sampling
from studio.core.dialogue import Turn
from studio.core.errors import StudioError
from studio.core.labelling import Candidate, Verdict
from studio.core.messages import Message
from studio.gui import theme
from studio.gui.pages.chat.blind_result import BlindResult
from studio.gui.pages.chat.pane_text import PaneText
from studio.gui.pages.chat.prompt_run import PromptRun, Task
from studio.gui.pages.chat.prompt_source import PromptSource
from studio.gui.pages.chat.worker import ChatWorker
from studio.gui.widgets.flow_layout import FlowLayout
from studio.gui.widgets.keys import bind
from studio.jobs.background import BackgroundTask
from studio.storage.label_votes import keep_vote
from studio.storage.project import Project
from studio.storage.settings import labeller_name

_VOTES = ((A, "A is better", "1"), (B, "B is better", "2"), (TIE, "Tie", "3"), (BOTH_BAD, "Both bad", "4"))
_VERDICTS = {
    A: Verdict((1, 2)),
    B: Verdict((2, 1)),
    TIE: Verdict.tie(2),
    BOTH_BAD: Verdict.tie(2, bad=True),
}
How = Mapping[str, tuple[Sampling, str]]


class BlindView(QWidget):
    """left(): back to chat. failed(object). how: gives, for the panes that there are, how each is asked; raises
    StudioError. load: has their models loaded if they aren't."""

    left = Signal()
    failed = Signal(object)

    def __init__(self, project: Project, worker: ChatWorker, how: Callable[[], How], load: Callable[[], bool]) -> None:
        super().__init__()
        self._project, self._how, self._load = project, how, load
        self.test: BlindTest | None = None
        self._at = 0  # the duel that is shown
        self._systems: dict[str, str] = {}
        self._task: BackgroundTask | None = None
        self.run = PromptRun(worker, self)
        self.run.answered.connect(self._take_answer)
        self.run.failed.connect(self._stumble)
        self.source = PromptSource(project)
        self.start = QPushButton("Start the blind test")
        theme.set_role(self.start, "primary")
        self.start.clicked.connect(self.begin)
        self.question, self.progress = QLabel(), QLabel()
        self.question.setWordWrap(True)
        self.question.setTextFormat(Qt.TextFormat.PlainText)
        self.question.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        theme.set_role(self.question, "heading")
        theme.set_role(self.progress, "muted")
        self.sides = (PaneText(), PaneText())
        self.buttons: dict[str, QPushButton] = {}
        self.again = QPushButton("Go on")
        self.again.setToolTip("Ask what has no answer yet")
        self.again.clicked.connect(self._go_on)
        self.again.hide()
        self.result = BlindResult()
        self.result.again_requested.connect(self._show_set_up)
        self.leave = QPushButton("Back to chat")
        self.leave.clicked.connect(self._leave)
        self.finish = QPushButton("Show the result now")
        self.finish.setToolTip("Ends the test with the votes so far")
        self.finish.clicked.connect(self._end)
        for button in (self.leave, self.finish):
            theme.set_role(button, "quiet")
        self._lay_out()
        self._show_set_up()

    def _lay_out(self) -> None:
        set_up = QWidget()
        column = QVBoxLayout(set_up)
        column.setContentsMargins(0, 0, 0, 0)
        about = QLabel(
            "Two of the panes' models answer each prompt. You don't see which, and their sides are shuffled. "
            "Vote with the keys 1 to 4; the names come with the result. Every vote is kept under Label."
        )
        about.setWordWrap(True)
        column.addWidget(about)
        column.addWidget(self.source)
        column.addWidget(self.start, alignment=Qt.AlignmentFlag.AlignLeft)
        column.addStretch()
        duel = QWidget()
        column = QVBoxLayout(duel)
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
            text.setAccessibleName(f"Answer {letter}")
            text.setPlaceholderText("It is being written…")
            side.addWidget(text, 1)
            texts.addLayout(side, 1)
        column.addLayout(texts, 1)
        row_of_votes = QWidget()
        shape = row_of_votes.sizePolicy()
        shape.setHeightForWidth(True)
        row_of_votes.setSizePolicy(shape)
        row = FlowLayout(row_of_votes)
        for vote, words, key in _VOTES:
            button = QPushButton(f"{words}  ({key})")
            button.setObjectName(vote)
            button.clicked.connect(self._press)
            row.addWidget(button)
            self.buttons[vote] = button
            shortcut = bind(
                self, key, f"Blind test: {words}", self._press, context=Qt.ShortcutContext.WidgetWithChildrenShortcut
            )
            shortcut.setObjectName(vote)
        row.addWidget(self.finish)
        row.addWidget(self.again)
        column.addWidget(row_of_votes)
        self.stack = QStackedWidget()
        for widget in (set_up, duel, self.result):
            self.stack.addWidget(widget)
        head = QHBoxLayout()
        title = QLabel("Blind test")
        theme.set_role(title, "title")
        head.addWidget(title)
        head.addStretch()
        head.addWidget(self.leave)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(12)
        layout.addLayout(head)
        layout.addWidget(self.stack, 1)

    def close_down(self) -> None:
        """Let the last vote be kept."""
        self.run.stop()
        if self._task is not None:
            self._task.wait()

    @Slot()
    def begin(self) -> None:
        """Make the duels, and have them answered."""
        try:
            how, prompts = self._how(), self.source.prompts()
            if len(how) < 2:
                raise StudioError("A blind test needs two models.", "Add a pane, and choose another model for it.")
        except StudioError as error:
            self.failed.emit(error)
            return
        self.test = BlindTest.of(list(how), prompts, seed=random.randrange(2**31))
        self._systems = {pane: system for pane, (_, system) in how.items()}
        self._at = 0
        self._load()
        self.run.begin([Task(duel.prompt, (duel.left, duel.right)) for duel in self.test.duels], how)
        self.stack.setCurrentIndex(1)
        self._show()
        self.setFocus()

    # ------------------------------------------------------------------------------------------------- the duels

    @property
    def _duel(self) -> Duel | None:
        return self.test.duels[self._at] if self.test is not None and self._at < len(self.test.duels) else None

    def _show(self) -> None:
        duel = self._duel
        if duel is None:
            self._end()
            return
        assert self.test is not None
        task = self.run.tasks[self._at]
        done, written = len(self.test.judged), self.run.complete
        self.progress.setText(f"{self._at + 1} of {len(self.test.duels)}  ·  {done} votes  ·  {written} answered")
        self.question.setText(duel.prompt if len(duel.prompt) < 600 else f"{duel.prompt[:600]}…")
        for side, pane in zip(self.sides, (duel.left, duel.right), strict=True):
            side.show_answer(Turn("", task.answers.get(pane, "") if task.done else ""))
        alike = task.done and _text(task, duel.left) == _text(task, duel.right)
        if task.done and (alike or task.problem or not _text(task, duel.left) or not _text(task, duel.right)):
            self._pass_over(duel, task)
            return
        for button in self.buttons.values():
            button.setEnabled(task.done)

    def _pass_over(self, duel: Duel, task: Task) -> None:
        """Equal answers are a tie that nobody need look at; where there is none, there is no vote."""
        if not task.problem and _text(task, duel.left) == _text(task, duel.right):
            duel.vote = TIE
        self._at += 1
        self._show()

    @Slot(int)
    def _take_answer(self, number: int) -> None:
        if self.stack.currentIndex() == 1 and number >= self._at:
            self._show()

    @Slot()
    def _press(self) -> None:
        duel, vote = self._duel, self.sender().objectName()
        if duel is None or self.stack.currentIndex() != 1 or not self.run.tasks[self._at].done:
            return
        duel.vote = vote
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
        if self._task is not None:
            self._task.wait()
        self._task = BackgroundTask(lambda _: keep_vote(project, labeller_name(), prompt, answers, verdict), self)
        self._task.failed.connect(self.failed)
        self._task.start()

    # ----------------------------------------------------------------------------------------------- coming and going

    @Slot(object)
    def _stumble(self, _error: StudioError) -> None:
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
            self.stack.setCurrentIndex(2)

    @Slot()
    def _show_set_up(self) -> None:
        self.source.list_again()
        self.stack.setCurrentIndex(0)

    @Slot()
    def _leave(self) -> None:
        self.run.stop()
        if self.stack.currentIndex() == 1:
            self._show_set_up()
        self.left.emit()


def _text(task: Task, pane: str) -> str:
    return task.answers.get(pane, "").strip()
