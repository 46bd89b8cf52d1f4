"""Judge a model: ask it held-out prompts in a worker, and see its figures beside those of all that were judged.

What is measured is `core.evaluation`; what was measured stays in the project.
"""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from studio.core.errors import StudioError
from studio.core.evaluation import COLUMNS, Evaluation
from studio.core.evaluation_plan import EvaluationPlan, Measures
from studio.gui import theme
from studio.gui.language import mark, tr
from studio.gui.pages.models.contest_view import ContestView
from studio.gui.pages.models.evaluation_table import AnswerTable, EvaluationTable
from studio.gui.pages.models.panel import Panel
from studio.gui.pages.models.work_line import WorkLine
from studio.gui.plots.evaluation_plot import EvaluationPlot
from studio.gui.widgets.form import SettingsForm
from studio.gui.widgets.notice import Notice
from studio.gui.widgets.rules_form import RulesForm
from studio.jobs.asking import WorkerTask
from studio.jobs.background import BackgroundTask, end_tasks
from studio.processes.asking import Asking, Report
from studio.processes.evaluating import evaluate, let_judge
from studio.storage.evaluations import delete_evaluation
from studio.storage.judging_shelf import Shelf, contests_against, read_shelf, reward_of
from studio.storage.library import LibraryModel
from studio.storage.project import Project
from studio.storage.subjects import subject_of_model


class JudgePanel(Panel):
    """Evaluates the chosen model, and shows every evaluation of the project."""

    title = mark("Judge")

    def __init__(self, project: Project, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._project = project
        self._model: LibraryModel | None = None
        self._shelf: Shelf | None = None
        self._asked_at_once = False
        self._wanted = ""
        self.notice = Notice()
        self.prompts, self.heldout, self.reward = QComboBox(), QComboBox(), QComboBox()
        for combo, name in ((self.prompts, tr("Prompts to ask")), (self.heldout, tr("Examples for perplexity")),
                            (self.reward, tr("Reward model"))):  # fmt: skip
            combo.setAccessibleName(name)
            combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            combo.setMinimumContentsLength(24)
        self.more = QCheckBox(tr("Show how much is asked, and rules"))
        self.measures = SettingsForm(Measures)
        self.rules = RulesForm(tr("Add a rule"))
        self.begin = QPushButton(tr("Evaluate"))
        theme.set_role(self.begin, "primary")
        self.work = WorkLine(tr("the evaluation"))
        self.empty = QLabel(tr("Nothing was evaluated in this project yet."))
        theme.set_role(self.empty, "muted")
        self.table, self.answers = EvaluationTable(), AnswerTable()
        self.figure = QComboBox()
        self.figure.setAccessibleName(tr("Figure to draw"))
        self.plot = EvaluationPlot()
        self.contests = ContestView()
        self.forget = QPushButton(tr("Forget this evaluation"))
        theme.set_role(self.forget, "quiet")
        self.results = QWidget()
        self._lay_out()
        self.more.toggled.connect(self._show_more)
        self.begin.clicked.connect(self.evaluate)
        self.work.over.connect(self._offer)
        self.table.chosen.connect(self._take_chosen)
        self.figure.currentIndexChanged.connect(self._draw)
        self.contests.judging_requested.connect(self._let_judge)
        self.forget.clicked.connect(self._forget)
        self._show_more(False)
        self.results.hide()

    def _lay_out(self) -> None:
        rows = QFormLayout()
        rows.setHorizontalSpacing(24)
        rows.setVerticalSpacing(8)
        rows.addRow(tr("&Prompts"), self.prompts)
        rows.addRow(tr("Perple&xity on"), self.heldout)
        rows.addRow(tr("&Reward model"), self.reward)
        inside = QVBoxLayout(self.results)
        inside.setContentsMargins(0, 8, 0, 0)
        inside.setSpacing(8)
        drawn = QHBoxLayout()
        drawn.addWidget(_heading(tr("Side by side")), 1)
        drawn.addWidget(self.figure)
        answered = QHBoxLayout()
        answered.addWidget(_heading(tr("Its answers")), 1)
        answered.addWidget(self.forget)
        inside.addWidget(self.table)
        inside.addLayout(drawn)
        inside.addWidget(self.plot)
        inside.addWidget(self.contests)
        inside.addLayout(answered)
        inside.addWidget(self.answers)
        begin = QHBoxLayout()
        begin.addWidget(self.begin)
        begin.addStretch()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 8, 12, 0)
        layout.setSpacing(8)
        layout.addWidget(self.notice)
        layout.addLayout(rows)
        layout.addWidget(self.more)
        layout.addWidget(self.measures)
        layout.addWidget(self.rules)
        layout.addLayout(begin)
        layout.addWidget(self.work)
        layout.addWidget(self.empty)
        layout.addWidget(self.results)
        layout.addStretch()

    def suits(self, model: LibraryModel) -> bool:
        """Every model that writes."""
        return model.writes and model.folder.is_dir()

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

    def close_down(self) -> None:
        """End what is under way."""
        end_tasks(self)

    def _read(self) -> None:
        project = self._project

        def read(_task: BackgroundTask) -> Shelf:
            return read_shelf(project)

        BackgroundTask.begin(self, read, self._show_shelf, self.notice.show_error)

    @Slot(object)
    def _show_shelf(self, shelf: Shelf) -> None:
        self._shelf = shelf
        for combo, known in ((self.prompts, shelf.prompts), (self.heldout, shelf.heldout)):
            kept = combo.currentData()
            combo.clear()
            for key, name in known:
                combo.addItem(name, key)
            combo.setCurrentIndex(max(0, combo.findData(kept)))
        kept, first = self.reward.currentText(), self.reward.count() == 0
        self.reward.clear()
        self.reward.addItem(tr("None"), None)
        for model in shelf.rewards:
            self.reward.addItem(model.name, model)
        found = self.reward.findText(kept)
        self.reward.setCurrentIndex(min(1, self.reward.count() - 1) if first else max(0, found))
        chosen = self.table.current()
        self.table.show_shelf(shelf, self._wanted or (chosen.id if chosen else ""))
        self._wanted = ""
        kept = self.figure.currentData()
        self.figure.blockSignals(True)
        self.figure.clear()
        for name in self.table.columns:
            self.figure.addItem(COLUMNS[name][0], name)
        self.figure.setCurrentIndex(max(0, self.figure.findData(kept)))
        self.figure.blockSignals(False)
        self._draw()
        self.empty.setVisible(not shelf.evaluations)
        self.results.setVisible(bool(shelf.evaluations))
        if self._asked_at_once:
            self._asked_at_once = False
            self.evaluate()

    # ------------------------------------------------------------------------------------------------- judging

    @Slot()
    def evaluate(self) -> None:
        """Evaluate the chosen model."""
        model = self._model
        if self.work.is_busy:
            self.notice.show_note(tr("Another evaluation is under way. Press Evaluate when it is done."))
            return
        if model is None:
            return
        self.notice.clear()
        wrong = self.rules.wrong()
        try:
            if wrong is not None:
                raise StudioError(wrong.problem(), "Correct the rule, or take it away.")
            subject = subject_of_model(model)
            reward: LibraryModel | None = self.reward.currentData()
            plan = EvaluationPlan(
                self.prompts.currentData() or "",
                self.heldout.currentData() or "",
                self.measures.values(),
                self.rules.rules(),
                reward_of(reward) if reward is not None else None,
            )
        except StudioError as error:
            self.more.setChecked(True)
            self.notice.show_error(error)
            return
        project = self._project

        def work(worker: Asking, report: Report) -> object:
            return evaluate(worker, project, subject, plan, report)

        self._start(work, self._take_evaluation)

    @Slot(object, object)
    def _let_judge(self, judge: LibraryModel, other: Evaluation) -> None:
        known = self.table.current()
        if known is None or self.work.is_busy:
            return
        project = self._project

        def work(worker: Asking, report: Report) -> object:
            return let_judge(worker, project, known, other, subject_of_model(judge), report), []

        self._start(work, self._take_evaluation)

    def _start(self, work: Callable[[Asking, Report], object], succeeded: Callable[..., object]) -> None:
        self.notice.clear()
        task = WorkerTask("evaluate", self._project.logs / "evaluate.log", work, self)
        task.succeeded.connect(succeeded)
        task.failed.connect(self.notice.show_error)
        self.work.follow(task)
        self._offer()

    @Slot(object)
    def _take_evaluation(self, found: tuple[Evaluation, list[str]]) -> None:
        known, notes = found
        self._wanted = known.id
        if notes:
            self.notice.show_note("\n".join(notes))
        self._read()

    @Slot()
    def _forget(self) -> None:
        known = self.table.current()
        if known is None:
            return
        project = self._project

        def forget(_task: BackgroundTask) -> Shelf:
            delete_evaluation(project, known)
            return read_shelf(project)

        BackgroundTask.begin(self, forget, self._show_shelf, self.notice.show_error)

    # ------------------------------------------------------------------------------------------------- showing

    @Slot(object)
    def _take_chosen(self, known: Evaluation | None) -> None:
        if self._shelf is None:
            return
        self.answers.show_answers(known)
        self.contests.show_evaluation(known, self._shelf)
        if known is None:
            return
        project, others = self._project, [one for one, _ in self._shelf.evaluations]

        def look(_task: BackgroundTask) -> object:
            return known, contests_against(project, known, others)

        BackgroundTask.begin(self, look, self.contests.show_contests, self.notice.show_error)

    @Slot()
    def _draw(self) -> None:
        name = self.figure.currentData()
        if self._shelf is not None and name is not None:
            rows = [(known.name, figures[name]) for known, figures in self._shelf.evaluations]
            self.plot.show_figures(COLUMNS[name][0], rows)

    @Slot(bool)
    def _show_more(self, shown: bool) -> None:
        self.measures.setVisible(shown)
        self.rules.setVisible(shown)

    @Slot()
    def _offer(self) -> None:
        self.begin.setEnabled(not self.work.is_busy)
        self.contests.setEnabled(not self.work.is_busy)


def _heading(text: str) -> QLabel:
    label = QLabel(text)
    label.setTextFormat(Qt.TextFormat.PlainText)
    theme.set_role(label, "heading")
    return label
