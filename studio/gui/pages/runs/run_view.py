"""One run: its head (name, phase, progress, what can be done) over its plots, answers, report, log and settings.

Everything shown comes from the run's record; nothing is kept here. Plots are made when a run is first shown, since
importing what draws them takes a moment.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer, Signal, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QMenu,
    QPushButton,
    QTabBar,
    QVBoxLayout,
    QWidget,
)

from studio.core.errors import StudioError
from studio.core.recipes import Recipe
from studio.core.rewards import Function
from studio.core.runs import Outcome, RunState
from studio.gui import theme
from studio.gui.pages.runs.actions import RunActions
from studio.gui.pages.runs.asking import ask_to_stop
from studio.gui.pages.runs.base_check import BaseCheck
from studio.gui.pages.runs.diagnostics import diagnostics_of
from studio.gui.pages.runs.failure_card import FailureCard
from studio.gui.pages.runs.head import RunHead
from studio.gui.pages.runs.log_view import LogView
from studio.gui.pages.runs.machine_strip import MachineStrip
from studio.gui.pages.runs.report_view import ReportView
from studio.gui.pages.runs.rollouts_view import RolloutsView
from studio.gui.pages.runs.samples_view import SamplesView
from studio.gui.pages.runs.score_view import ScoreView
from studio.gui.pages.runs.settings_view import SettingsView
from studio.gui.widgets.code_consent import CodeConsent
from studio.gui.widgets.flow_layout import FlowLayout
from studio.gui.widgets.notice import Notice
from studio.jobs.runs import ProjectRuns, RunRecord
from studio.storage.consent import allow, is_allowed, read_code
from studio.storage.project import Project

if TYPE_CHECKING:
    from studio.gui.plots.run_plots import RunPlots

_REFRESH_MS = 100


class RunView(QWidget):
    """Shows the run given to `show_run` and follows it.

    chat_requested(run_id). evaluate_requested(run_id). smoothing_changed(weight): to be remembered for the next start.
    recipe_requested(recipe): a new run as this one was.
    """

    chat_requested = Signal(str)
    evaluate_requested = Signal(str)
    smoothing_changed = Signal(float)
    recipe_requested = Signal(object)

    def __init__(self, project: Project, runs: ProjectRuns, smoothing: float, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._runs, self._smoothing = runs, smoothing
        self._record: RunRecord | None = None
        self._told: Outcome | None = None
        self._can_chat = self._can_resume = False
        self._saved, self._queued = -1, ""
        self._soon = QTimer(self, interval=_REFRESH_MS, singleShot=True)
        self._soon.timeout.connect(self.refresh)

        self.head = RunHead(project)
        self.notice = Notice()
        self.acts = RunActions(project, runs, self)
        self.acts.said.connect(self._say_with)
        self.acts.recipe_requested.connect(self.recipe_requested)
        self.notice.action_requested.connect(self.acts.take_back)
        self.pause = _button("Pause", "", self._pause)
        self.pause.setToolTip("Saves, ends the process so that its memory is free, and goes on exactly there on Resume")
        self.stop = _button("Stop…", "danger", self._ask_to_stop)
        self.resume = _button("Resume", "primary", self._resume)
        self.unqueue = _button("Take out of the queue", "", self._unqueue)
        self.compare = _button("Compare in Chat", "", self._chat)
        self.evaluate = _button("Evaluate", "", self._evaluate)
        self.evaluate.setToolTip("Asks held-out prompts and says in figures how well it does, beside other models")
        self.more = QPushButton("More")
        menu = QMenu(self.more)
        self.again = menu.addAction("New run from this one", self.acts.train_again)
        self.enqueue = menu.addAction("Add to the queue", self._enqueue)
        menu.addSeparator()
        menu.addAction("Rename…", self.acts.rename)
        menu.addAction("Tags…", self.acts.tag)
        menu.addAction("Note…", self.acts.note)
        menu.addSeparator()
        self.copy = menu.addAction("Copy diagnostics", self._copy)
        self.command = menu.addAction("Copy as command", self.acts.copy_command)
        self.export = menu.addAction("Save the recipe…", self.acts.export_recipe)
        self.report_file = menu.addAction("Save a report…", self.acts.export_report)
        menu.addAction("Write for TensorBoard", self.acts.write_for_tensorboard)
        menu.addSeparator()
        self.delete = menu.addAction("Delete…", self.acts.ask_to_delete)
        self.more.setMenu(menu)
        for button in (self.pause, self.stop, self.unqueue, self.resume, self.compare, self.evaluate, self.more):
            self.head.buttons.addWidget(button)

        self.failure = FailureCard()
        self.failure.copy_requested.connect(self._copy)
        self.failure.log_requested.connect(self._show_log)
        self.machine = MachineStrip()
        self._base = BaseCheck(self)
        self._base.checked.connect(self._take_base)

        self.tabs = QTabBar(drawBase=False, expanding=False, usesScrollButtons=False)
        self.tabs.setAccessibleName("What to show of the run")
        self.plots: RunPlots | None = None
        self._plots_place, self.rollouts, self.samples = QWidget(), RolloutsView(), SamplesView()
        self.report, self.log, self.settings = ReportView(), LogView(), SettingsView(project)
        self.score = ScoreView(project)
        self._shown = {
            "Plots": self._plots_place,
            "Samples": self.samples,  # of methods whose model writes text
            "Answers": self.rollouts,  # of methods that write answers themselves
            "Report": self.report,  # of reward models
            "Score": self.score,  # of finished ones
            "Log": self.log,
            "Settings": self.settings,
        }
        for word in self._shown:
            self.tabs.addTab(word)
        self.tabs.currentChanged.connect(self._show_tab)
        tab_row = QWidget()
        shape = tab_row.sizePolicy()
        shape.setHeightForWidth(True)
        tab_row.setSizePolicy(shape)
        self._tab_row = FlowLayout(tab_row)  # the plots' controls go below the tabs where there is no room beside
        self._tab_row.addWidget(self.tabs)

        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 0, 0, 0)
        layout.setSpacing(12)
        layout.addWidget(self.head)
        layout.addWidget(self.machine)
        layout.addWidget(self.notice)
        layout.addWidget(self.failure)
        layout.addWidget(tab_row)
        for page in self._shown.values():  # not a stack, which would make all as high as the highest
            layout.addWidget(page, 1)
        self._show_tab(0)
        runs.run_changed.connect(self._take_change)

    @property
    def run_id(self) -> str:
        """The run that is shown; empty when there is none."""
        return self._record.id if self._record else ""

    def show_run(self, run_id: str) -> None:
        """Show a run. Raises KeyError for one that isn't there."""
        self._record = self._runs.record(run_id)
        self._runs.follow(run_id)
        self.acts.choose([run_id])
        self._told, self._saved, self._queued = None, -1, ""
        self.notice.clear()
        self.failure.hide()
        self.head.say_of_base("")
        self._show_curves(self._record)
        self.log.show_run(self._record.folder)
        self.settings.show_recipe(self._record.recipe, self._record.folder.folder)
        self.refresh()

    def show_tab(self, word: str) -> None:
        """Show what the tab of that name has."""
        self.tabs.setCurrentIndex(list(self._shown).index(word))

    def has_tab(self, word: str) -> bool:
        """Whether the run has what the tab of that name shows."""
        return self.tabs.isTabVisible(list(self._shown).index(word))

    def _showing(self, word: str) -> bool:
        return self.tabs.currentIndex() == list(self._shown).index(word)

    def _offer_tab(self, word: str, there: bool) -> None:
        if not there and self._showing(word):
            self.tabs.setCurrentIndex(0)
        self.tabs.setTabVisible(list(self._shown).index(word), there)
        self.tabs.updateGeometry()  # Qt forgets to
        self.tabs.setElideMode(self.tabs.elideMode())  # which lays the tabs out anew: else a hidden one leaves a hole

    def _plots(self) -> RunPlots:
        if self.plots is None:
            from studio.gui.plots.run_plots import RunPlots

            self.plots = RunPlots(self._smoothing)
            self.plots.smoothing_changed.connect(self.smoothing_changed)
            self.plots.said.connect(self._say)
            place = QVBoxLayout(self._plots_place)
            place.setContentsMargins(0, 0, 0, 0)
            place.addWidget(self.plots)
            self._tab_row.addWidget(self.plots.controls)
        return self.plots

    def _show_curves(self, record: RunRecord) -> None:
        recipe = record.recipe
        self._plots().show_curves(record.curves, recipe.method if recipe else "", _never_measured(recipe))
        self.rollouts.show_rollouts(record.history.rollouts)
        self.samples.show_book(record.history.samples)
        self._offer_tab("Samples", not self.samples.is_empty)
        self._offer_tab("Answers", recipe is not None and recipe.how.is_rewarded)

    @Slot(int)
    def _show_tab(self, number: int) -> None:
        for place, page in enumerate(self._shown.values()):
            page.setVisible(place == number)
        if self.plots is not None:
            self.plots.controls.setVisible(self._showing("Plots"))

    @Slot(str)
    def _take_change(self, run_id: str) -> None:
        """News of a run. A long history comes in hundreds of parts, so what shows them waits a moment."""
        if run_id == self.run_id and not self._soon.isActive():
            self._soon.start()

    @Slot()
    def refresh(self) -> None:
        """Show the record as it stands."""
        record = self._record
        if record is None:
            return
        plots = self._plots()
        if plots.curves is not record.curves:  # they begin anew, or were put away when the run ended
            self._runs.follow(record.id)
            self._show_curves(record)
        else:
            plots.curves_changed()
            self.rollouts.follow()
            self.samples.follow()
            if self.has_tab("Samples") is self.samples.is_empty:
                self._offer_tab("Samples", not self.samples.is_empty)
        self._look_at_disk(record)
        self.head.show_record(record)
        self.machine.show_use(record.history.machine)
        self.settings.show_environment(record.story.environment)
        self._offer(record)
        self.log.follow(running=not record.state.is_over)
        self._tell_ending(record)

    def _look_at_disk(self, record: RunRecord) -> None:
        """Ask the folder what can be resumed, talked to and reported, when that may have changed."""
        saved = hash((record.story.checkpoint_step, record.state, record.story.attempt))
        if saved != self._saved:
            self._saved = saved
            self._can_resume = record.folder.last_checkpoint() is not None
            self._can_chat = record.folder.tuned_folder() is not None
            if self._can_chat:
                self._base.look(record)
            self._offer_tab("Report", self.report.show_file(record.folder.report))
            self._offer_score(record)

    def _offer_score(self, record: RunRecord) -> None:
        recipe, folder = record.recipe, record.folder
        judges = recipe is not None and recipe.method == "reward" and folder.is_sealed
        if recipe is not None and judges:
            self.score.show_judge(Path(recipe.base_model), folder.adapter, self.report.kind)
        self._offer_tab("Score", judges)

    def close_down(self) -> None:
        """End what scores answers, and wait for files that are written; runs go on."""
        self.score.close_down()
        self.acts.close_down()
        self._base.close_down()
        if self.plots is not None:
            self.plots.saver.close_down()

    def _offer(self, record: RunRecord) -> None:
        # A worker that has said its last word still needs a moment to be gone; nothing is offered meanwhile.
        gone, finished = record.outcome is not None, record.state is RunState.FINISHED
        stopping = self._runs.is_stopping(record.id)
        self.stop.setVisible(not record.state.is_over and not record.broken)
        self.stop.setText("Stopping…" if stopping else "Stop…")
        self.pause.setVisible(not record.state.is_over and not record.broken)
        self.pause.setEnabled(not stopping)
        self.resume.setVisible(gone and not finished and not record.broken)
        waiting = record.queued or record.state is RunState.WAITING
        self.resume.setText("Start now" if waiting else "Resume" if self._can_resume else "Start again")
        self.unqueue.setVisible(record.queued and gone)
        self.enqueue.setVisible(gone and not finished and not record.queued and not record.broken)
        self.compare.setVisible(self._can_chat)
        self.evaluate.setVisible(self._can_chat and gone)
        if self.compare.property("role") != ("primary" if finished else ""):
            theme.set_role(self.compare, "primary" if finished else "")
        self.delete.setVisible(gone or bool(record.broken))
        for action in (self.again, self.command, self.export, self.report_file):
            action.setVisible(record.recipe is not None)

    def _tell_ending(self, record: RunRecord) -> None:
        queued = self._runs.queue.queue.sentence_for(record.id, datetime.now()) if record.queued else ""
        if queued != self._queued:
            self._queued = queued
            self._told = None
            self.notice.clear()
        if queued and record.outcome is not None:
            if self._told is None:
                self._told = record.outcome
                self.notice.show_note(queued)
            return
        if record.broken and self._told is None:
            self._told = Outcome(RunState.FAILED, record.broken)
            self.notice.show_error(StudioError(record.broken))
        elif record.outcome is None and self._told is not None and not record.broken:
            self._told = None
            self.notice.clear()
            self.failure.hide()
        elif record.outcome is not None and record.outcome is not self._told:
            self._told = record.outcome
            self.failure.hide()
            if record.state in (RunState.FAILED, RunState.INTERRUPTED):
                self.notice.clear()
                self.failure.show_outcome(record.outcome)
            else:
                self.notice.show_note(f"{record.outcome.sentence} {record.outcome.hint}".strip())

    # --------------------------------------------------------------------------------------------------------- actions

    @Slot()
    def _ask_to_stop(self) -> None:
        record = self._record
        if record is not None and not record.state.is_over:
            ask_to_stop(self, record).chosen.connect(self._stop)

    @Slot(bool)
    def _stop(self, save: bool) -> None:
        if self._record is None or self._record.state.is_over:
            return
        self._try(lambda run_id: self._runs.stop(run_id, save=save))

    @Slot()
    def _pause(self) -> None:
        if self._record is not None and not self._record.state.is_over:
            self._try(lambda run_id: self._runs.stop(run_id, save=True, pause=True))

    @Slot()
    def _resume(self) -> None:
        self._try(self._resume_agreed)

    def _resume_agreed(self, run_id: str) -> None:
        """Resume, once the user agreed to code that rewards in it: the run may come from another computer."""
        recipe = self._runs.record(run_id).recipe
        function = recipe.rewards.function if recipe else None
        if function is not None and not is_allowed(function.sha256):
            now, text = read_code(Path(function.path))
            if now.sha256 == function.sha256:
                question = CodeConsent(function, text, self)
                question.agreed.connect(self._agree)
                question.open()
                return
        self._runs.resume(run_id)

    @Slot(object)
    def _agree(self, function: Function) -> None:
        def resume(run_id: str) -> None:
            allow(function)
            self._runs.resume(run_id)

        self._try(resume)

    @Slot()
    def _unqueue(self) -> None:
        if self._record is not None:
            self._runs.queue.remove(self._record.id)

    @Slot()
    def _enqueue(self) -> None:
        if self._record is not None:
            self._runs.queue.add(self._record.folder)

    @Slot()
    def _chat(self) -> None:
        if self._record is not None:
            self.chat_requested.emit(self._record.id)

    @Slot()
    def _evaluate(self) -> None:
        if self._record is not None:
            self.evaluate_requested.emit(self._record.id)

    @Slot()
    def _show_log(self) -> None:
        self.show_tab("Log")

    @Slot(str, str)
    def _take_base(self, run_id: str, sentence: str) -> None:
        if run_id == self.run_id:
            self.head.say_of_base(sentence)

    @Slot()
    def _copy(self) -> None:
        if self._record is not None:
            QGuiApplication.clipboard().setText(diagnostics_of(self._record))
            self.notice.show_note("The diagnostics are on the clipboard: settings, ending, and the end of the log.")

    @Slot(object)
    def _say(self, told: object) -> None:
        self._say_with(told, "")

    @Slot(object, str)
    def _say_with(self, told: object, action: str) -> None:
        if isinstance(told, BaseException):
            self.notice.show_error(told)
        else:
            self.notice.show_note(str(told), action)

    def _try(self, action: Callable[[str], None]) -> None:
        """Do something with the run; what goes wrong is said."""
        if self._record is None:
            return
        try:
            action(self._record.id)
        except StudioError as error:
            self.notice.show_error(error)
        else:
            self.refresh()


def _never_measured(recipe: Recipe | None) -> frozenset[str]:
    """Metrics that a run will not have, or that say nothing of it."""
    judged = recipe is not None and recipe.rewards.has_judge
    steered = recipe is not None and getattr(recipe.settings, "kl_control", "") == "adaptive"
    return frozenset(["eval_judge"] * (not judged) + ["kl_coef"] * (not steered))


def _button(text: str, role: str, action: Callable[[], None]) -> QPushButton:
    button = QPushButton(text)
    theme.set_role(button, role)
    button.clicked.connect(action)
    return button
