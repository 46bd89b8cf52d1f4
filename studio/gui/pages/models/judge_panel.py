"""Judge a model: ask it held-out prompts in a worker, and see its figures beside those of all that were judged.

What is measured is `core.evaluation`; what was measured stays in the project.
"""

from __future__ import annotations

import secrets

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QPushButton, QWidget

from studio.core.errors import StudioError
from studio.core.evaluation import Evaluation
from studio.gui import theme
from studio.gui.language import mark, tr
from studio.gui.pages.models.judge_form import JudgeForm
from studio.gui.pages.models.judge_results import JudgeResults
from studio.gui.pages.models.panel import WorkPanel, row_of
from studio.gui.pages.models.vote_dialog import VoteDialog
from studio.gui.widgets.plain_label import plain_label
from studio.jobs.background import BackgroundTask
from studio.processes.asking import Asking, Report
from studio.processes.evaluating import evaluate, let_judge
from studio.storage.evaluations import delete_evaluation
from studio.storage.judging_shelf import Shelf, contests_against, read_shelf
from studio.storage.library import LibraryModel
from studio.storage.project import Project
from studio.storage.subjects import subject_of_model


class JudgePanel(WorkPanel):
    """Evaluates the chosen model, and shows every evaluation of the project."""

    title = mark("Judge")

    def __init__(self, project: Project, parent: QWidget | None = None) -> None:
        super().__init__(project, tr("the evaluation"), parent)
        self._asked_at_once = False
        self._wanted = ""  # the id of the evaluation to choose when the list is there
        self.form, self.results = JudgeForm(), JudgeResults()
        self.ask = QPushButton(tr("Evaluate"))
        theme.set_role(self.ask, "primary")
        self.empty = plain_label(tr("Nothing was evaluated in this project yet."), "muted")
        self.column.setSpacing(8)
        self.place(self.form, row_of(self.ask), self.work, self.empty, self.results)
        self.column.addStretch()
        self.ask.clicked.connect(self.evaluate)
        self.results.chosen.connect(self._look)
        self.results.forget_requested.connect(self._forget)
        self.results.contests.judging_requested.connect(self._let_judge)
        self.results.contests.voting_requested.connect(self._vote)
        self.results.hide()

    def show_model(self, model: LibraryModel) -> None:
        """Be about another model; what was judged is read again."""
        if model != self._model:
            self._model = model
            self.notice.clear()
        self._read()

    def choose(self, evaluation: str) -> None:
        """Choose the evaluation of that id when it is next shown."""
        self._wanted = evaluation

    def evaluate_at_once(self, model: LibraryModel) -> None:
        """Evaluate a model as soon as it is known what can be asked."""
        self._asked_at_once = True
        self.show_model(model)

    @Slot()
    def _read(self) -> None:
        project = self._project

        def read(_task: BackgroundTask) -> Shelf:
            return read_shelf(project)

        BackgroundTask.begin(self, read, self._show_shelf, self.notice.show_error)

    @Slot(object)
    def _show_shelf(self, shelf: Shelf) -> None:
        self.form.show_shelf(shelf)
        self.results.show_shelf(shelf, self._wanted)
        self._wanted = ""
        self.empty.setVisible(not shelf.evaluations)
        if self._asked_at_once:
            self._asked_at_once = False
            self.evaluate()

    @Slot()
    def evaluate(self) -> None:
        """Evaluate the chosen model."""
        model, project = self._model, self._project
        if self.work.is_busy:
            self.notice.show_note(tr("Another evaluation is under way. Press Evaluate when it is done."))
            return
        if model is None:
            return
        try:
            subject, plan = subject_of_model(model), self.form.plan()
        except StudioError as error:
            self.notice.show_error(error)
            return

        def work(worker: Asking, report: Report) -> object:
            return evaluate(worker, project, subject, plan, report)

        self.begin("evaluate", work, self._take_evaluation)

    @Slot(object, object)
    def _let_judge(self, judge: LibraryModel, other: Evaluation) -> None:
        known, project = self.results.table.current(), self._project
        if known is None:
            return

        def work(worker: Asking, report: Report) -> object:
            return let_judge(worker, project, known, other, subject_of_model(judge), report), []

        self.begin("evaluate", work, self._take_evaluation)

    @Slot(object)
    def _vote(self, other: Evaluation) -> None:
        known = self.results.table.current()
        if known is not None:
            dialog = VoteDialog(self._project, known, other, secrets.randbits(32), self)
            dialog.voted.connect(self._read)
            dialog.open()

    @Slot(object)
    def _take_evaluation(self, found: tuple[Evaluation, list[str]]) -> None:
        known, notes = found
        self._wanted = known.id
        if notes:
            self.notice.show_note("\n".join(notes))
        self._read()

    @Slot(object)
    def _forget(self, known: Evaluation) -> None:
        project = self._project

        def forget(_task: BackgroundTask) -> Shelf:
            delete_evaluation(project, known)
            return read_shelf(project)

        BackgroundTask.begin(self, forget, self._show_shelf, self.notice.show_error)

    @Slot(object)
    def _look(self, known: Evaluation) -> None:
        """See who won against whom."""
        shelf, project = self.results.shelf, self._project
        if shelf is None:
            return
        others = [one for one, _ in shelf.evaluations]

        def look(_task: BackgroundTask) -> object:
            return known, contests_against(project, known, others)

        BackgroundTask.begin(self, look, self.results.contests.show_contests, self.notice.show_error)

    @Slot()
    def _offer(self) -> None:
        self.ask.setEnabled(not self.work.is_busy)
        self.ask.setToolTip(self.why_not())
        self.results.contests.setEnabled(not self.work.is_busy)
