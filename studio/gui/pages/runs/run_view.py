"""One run: its head (name, phase, progress, what can be done) over its plots, answers, report, log and settings.

Everything shown comes from the run's record; nothing is kept here. Plots are made when a run is first shown, since
importing what draws them takes a moment.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer, Signal, Slot
from PySide6.QtWidgets import QVBoxLayout, QWidget

from studio.core.recipes import Recipe
from studio.gui.language import mark
from studio.gui.pages.runs.ending import Ending
from studio.gui.pages.runs.head import RunHead
from studio.gui.pages.runs.log_view import LogView
from studio.gui.pages.runs.machine_strip import MachineStrip
from studio.gui.pages.runs.parts import Parts
from studio.gui.pages.runs.report_view import ReportView
from studio.gui.pages.runs.rollouts_view import RolloutsView
from studio.gui.pages.runs.run_buttons import RunButtons
from studio.gui.pages.runs.samples_view import SamplesView
from studio.gui.pages.runs.score_view import ScoreView
from studio.gui.pages.runs.settings_view import SettingsView
from studio.jobs.background import BackgroundTask, end_tasks
from studio.jobs.runs import ProjectRuns, RunRecord
from studio.storage.fingerprints import changed_since
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
        self._can_chat = self._can_resume = False
        self._saved = -1
        self._soon = QTimer(self, interval=_REFRESH_MS, singleShot=True)
        self._soon.timeout.connect(self.refresh)

        self.head, self.machine, self.ending = RunHead(project), MachineStrip(), Ending(runs.queue)
        self.buttons = RunButtons(project, runs)
        self.buttons.said.connect(self._say)
        self.buttons.acted.connect(self.refresh)
        self.buttons.chat_requested.connect(self.chat_requested)
        self.buttons.evaluate_requested.connect(self.evaluate_requested)
        self.buttons.recipe_requested.connect(self.recipe_requested)
        self.head.right.addWidget(self.buttons)
        self.ending.notice.action_requested.connect(self.buttons.acts.take_back)
        self.ending.card.copy_requested.connect(self.buttons.copy_diagnostics)
        self.ending.card.log_requested.connect(self._show_log)

        self.plots: RunPlots | None = None
        self._plots_place, self.rollouts, self.samples = QWidget(), RolloutsView(), SamplesView()
        self.report, self.log, self.settings = ReportView(), LogView(), SettingsView(project)
        self.score = ScoreView(project)
        self.parts = Parts(
            {
                mark("Plots"): self._plots_place,
                mark("Samples"): self.samples,  # of methods whose model writes text
                mark("Answers"): self.rollouts,  # of methods that write answers themselves
                mark("Report"): self.report,  # of reward models
                mark("Score"): self.score,  # of finished ones
                mark("Log"): self.log,
                mark("Settings"): self.settings,
            }
        )
        self.parts.shown.connect(self._show_controls)

        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 0, 0, 0)
        layout.setSpacing(12)
        for widget in (self.head, self.machine, self.ending.notice, self.ending.card):
            layout.addWidget(widget)
        layout.addWidget(self.parts, 1)
        runs.run_changed.connect(self._take_change)

    @property
    def run_id(self) -> str:
        """The run that is shown; empty when there is none."""
        return self._record.id if self._record else ""

    def show_run(self, run_id: str) -> None:
        """Show a run. Raises KeyError for one that isn't there."""
        self._record = self._runs.record(run_id)
        self._runs.follow(run_id)
        self.buttons.show_run(self._record)
        self._saved = -1
        self.ending.forget()
        self.head.say_of_base("")
        self._show_curves(self._record)
        self.log.show_run(self._record.folder)
        self.settings.show_recipe(self._record.recipe, self._record.folder.folder)
        self.refresh()

    def _plots(self) -> RunPlots:
        if self.plots is None:
            from studio.gui.plots.run_plots import RunPlots

            self.plots = RunPlots(self._smoothing)
            self.plots.smoothing_changed.connect(self.smoothing_changed)
            self.plots.said.connect(self._say)
            place = QVBoxLayout(self._plots_place)
            place.setContentsMargins(0, 0, 0, 0)
            place.addWidget(self.plots)
            self.parts.row.addWidget(self.plots.controls)
        return self.plots

    def _show_curves(self, record: RunRecord) -> None:
        recipe = record.recipe
        self._plots().show_curves(record.curves, recipe.method if recipe else "", _never_measured(recipe))
        self.rollouts.show_rollouts(record.history.rollouts)
        self.samples.show_book(record.history.samples)
        self.parts.offer("Samples", not self.samples.is_empty)
        self.parts.offer("Answers", recipe is not None and recipe.how.is_rewarded)

    @Slot(str)
    def _show_controls(self, word: str) -> None:
        if self.plots is not None:
            self.plots.controls.setVisible(word == "Plots")

    @Slot()
    def _show_log(self) -> None:
        self.parts.show_part("Log")

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
            self.parts.offer("Samples", not self.samples.is_empty)
        self._look_at_disk(record)
        self.head.show_record(record)
        self.machine.show_use(record.history.machine)
        self.settings.show_environment(record.story.environment)
        self.buttons.offer(can_chat=self._can_chat, can_resume=self._can_resume)
        self.log.follow(running=not record.state.is_over)
        self.ending.tell(record)

    def _look_at_disk(self, record: RunRecord) -> None:
        """Ask the folder what can be resumed, talked to and reported, when that may have changed."""
        saved = hash((record.story.checkpoint_step, record.state, record.story.attempt))
        if saved != self._saved:
            self._saved = saved
            self._can_resume = record.folder.last_checkpoint() is not None
            tuned = record.folder.tuned_folder()
            self._can_chat = tuned is not None
            if tuned is not None:
                self._look_at_base(record, tuned)
            self.parts.offer("Report", self.report.show_file(record.folder.report))
            self._offer_score(record)

    def _look_at_base(self, record: RunRecord, tuned: Path) -> None:
        """Whether the base model is still what the run was trained on; in a thread, since weights are read."""
        recipe, run_id = record.recipe, record.id

        def look(_task: BackgroundTask) -> tuple[str, str]:
            return run_id, changed_since(Path(recipe.base_model), tuned) if recipe else ""

        BackgroundTask.begin(self, look, self._take_base, self._say)

    def _offer_score(self, record: RunRecord) -> None:
        recipe, folder = record.recipe, record.folder
        judges = recipe is not None and recipe.method == "reward" and folder.is_sealed
        if recipe is not None and judges:
            self.score.show_judge(Path(recipe.base_model), folder.adapter, self.report.kind)
        self.parts.offer("Score", judges)

    def close_down(self) -> None:
        """End what scores answers, and wait for files that are written; runs go on."""
        self.score.close_down()
        end_tasks(self)

    @Slot(object)
    def _take_base(self, found: tuple[str, str]) -> None:
        run_id, sentence = found
        if run_id == self.run_id:
            self.head.say_of_base(sentence)

    @Slot(object)
    @Slot(object, str)
    def _say(self, told: object, action: str = "") -> None:
        self.ending.say(told, action)


def _never_measured(recipe: Recipe | None) -> frozenset[str]:
    """Metrics that a run will not have, or that say nothing of it."""
    judged = recipe is not None and recipe.rewards.has_judge
    steered = recipe is not None and getattr(recipe.settings, "kl_control", "") == "adaptive"
    return frozenset(["eval_judge"] * (not judged) + ["kl_coef"] * (not steered))
