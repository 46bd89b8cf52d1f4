"""What the judging screen is made of and where it stands; what its keys do is `judge_view`."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from studio.core.labelling import LabelPlan
from studio.core.messages import Message
from studio.gui import theme
from studio.gui.language import tr
from studio.gui.pages.label.answer_pane import reading_field
from studio.gui.pages.label.answers_grid import AnswersGrid
from studio.gui.pages.label.judge_bar import JudgeBar
from studio.gui.pages.label.notes_row import NotesRow
from studio.gui.pages.label.rank_list import RankList
from studio.gui.pages.label.verdict_bar import VerdictBar
from studio.gui.pages.label.ways import RankPicker, in_words, prompt_in_words
from studio.gui.widgets.empty_state import EmptyState
from studio.gui.widgets.notice import Notice
from studio.jobs.labelling import View
from studio.storage.label_log import Counts

_SMALL = 480  # logical pixels of height, below which the answers need the room more than the prompt


class JudgeScreen(QWidget):
    """Queue and pace above, then prompt, question and answers, then notes and the keys as buttons."""

    def __init__(self, labeller: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(tr("Judging"))
        self.notice = Notice()
        self.bar = JudgeBar(labeller)
        self.prompt = reading_field(tr("Prompt"))
        self.question = QLabel()
        self.question.setTextFormat(Qt.TextFormat.PlainText)
        theme.set_role(self.question, "heading")
        self.suggestion = QPushButton()
        self.suggestion.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        theme.set_role(self.suggestion, "quiet")
        self.answers = AnswersGrid()
        self.ranking = RankList()
        self.verdicts = VerdictBar()
        self.notes = NotesRow()
        self.empty = EmptyState(tr("Nothing to judge here"))
        self._lay_out()

    def show_prompt(self, prompt: Sequence[Message]) -> None:
        """Show another prompt from its beginning."""
        self.prompt.setPlainText(prompt_in_words(prompt))
        self._fit_prompt()
        if self.height() <= _SMALL:
            self.prompt.verticalScrollBar().setValue(self.prompt.verticalScrollBar().maximum())

    def show_ranking(self, picker: RankPicker) -> None:
        """Show a ranking as far as it has come: on each answer, and as a list."""
        ranks = dict(picker.picked)
        for place, pane in enumerate(self.answers.panes[: picker.count]):
            pane.say(tr("rank {ranks}", ranks=ranks[place]) if place in ranks else "", chosen=ranks.get(place) == 1)
        self.ranking.show_ranking(picker)

    def show_suggestion(self, plan: LabelPlan, view: View, criterion: str) -> None:
        """Show what a machine judge suggests, if one does."""
        found = next(((name, m.verdicts[criterion]) for name, m in view.suggestions if criterion in m.verdicts), None)
        self.suggestion.setVisible(found is not None)
        if found is not None:
            name, verdict = found
            words = in_words(plan, verdict, view.order)
            self.suggestion.setText(
                tr("Machine judge “{name}” suggests: {words}.  Take it  (⏎)", name=name, words=words).replace("&", "&&")
            )

    def say_empty(self, queue: str, counts: Counts) -> None:
        """Say why there is no item, and what to do."""
        if queue != "todo":
            self.empty.say(tr("Nothing here"), tr("No item is in this queue."))
        elif counts.total and not counts.todo:
            self.empty.say(
                tr("All judged"), tr("See how steady the verdicts are in Quality, and train on them in Use.")
            )
        elif counts.total:
            self.empty.say(
                tr("End of the queue"), tr("Choose the queue again to go through what was left out on the way.")
            )
        else:
            self.empty.say(
                tr("No candidates yet"), tr("Have them written under Candidates; the first ones show as they come.")
            )

    def _lay_out(self) -> None:
        answers = QHBoxLayout()
        answers.setSpacing(12)
        answers.addWidget(self.answers, 4)
        answers.addWidget(self.ranking, 1)
        self.ranking.hide()
        asked = QHBoxLayout()
        asked.addWidget(self.question, 1)
        asked.addWidget(self.suggestion)
        work = QWidget()
        column = QVBoxLayout(work)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self.prompt)
        column.addLayout(asked)
        column.addLayout(answers, 1)
        column.addWidget(self.notes)
        self.stack = QStackedWidget()
        self.stack.addWidget(work)
        self.stack.addWidget(self.empty)
        self.stack.setCurrentIndex(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 8, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self.bar)
        layout.addWidget(self.notice)
        layout.addWidget(self.stack, 1)
        layout.addWidget(self.verdicts)

    def _fit_prompt(self) -> None:
        """Give a short prompt no more room than it needs; a long one scrolls, to its end on a small screen."""
        wanted = round(self.prompt.document().size().height()) + 20
        share = 3 if self.height() > _SMALL else 5
        self.prompt.setFixedHeight(max(48, min(wanted, self.height() // share)))

    def fit_notes(self) -> None:
        """On a small screen the row for notes stands only where something is noted; its keys bring it."""
        self.notes.setVisible(self.height() > _SMALL or self.notes.used)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_prompt()
        self.fit_notes()
