"""The Train page: what to train at the left (`recipe_form`), what will happen at the right, and the start.

Starting is `jobs.runs`; this page says what is missing for it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QGuiApplication, QShowEvent
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from studio.core.errors import StudioError
from studio.core.pace import Pace, pace_of, same_kind
from studio.core.recipes import Recipe
from studio.gui import theme
from studio.gui.language import tr
from studio.gui.pages.train.later import LaterButton
from studio.gui.pages.train.recipe_form import RecipeForm, is_templated
from studio.gui.pages.train.reward_choice import in_words
from studio.gui.pages.train.summary import Plan, SummaryCard
from studio.gui.preferences import Preferences
from studio.gui.widgets.notice import Notice
from studio.jobs.background import end_tasks
from studio.jobs.runs import ProjectRuns, RunRecord
from studio.storage.datasets import find_dataset
from studio.storage.project import Project
from studio.storage.recipe_files import command_line, read_recipe, write_recipe


class TrainPage(QWidget):
    """Makes a recipe and starts a run.

    run_started(run_id). run_queued(run_id): it waits for its turn or its time.
    import_requested(): there is no dataset that fits and the user wants one.
    """

    run_started = Signal(str)
    run_queued = Signal(str)
    import_requested = Signal()

    def __init__(
        self, project: Project, runs: ProjectRuns, preferences: Preferences, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._project, self._runs = project, runs
        self.notice = Notice()
        self._busy = False
        self.form = RecipeForm(project, runs, preferences)
        self.form.changed.connect(self._tell)
        self.form.import_requested.connect(self.import_requested)
        self.form.failed.connect(self.notice.show_error)
        self.form.said.connect(self.notice.show_note)
        self.summary = SummaryCard(project)
        self.summary.memory.fit_requested.connect(self.form.take_settings)
        self.summary.memory.judged.connect(self._tell)
        self.summary.memory.device_known.connect(self.form.take_device)
        self.start = QPushButton()
        theme.set_role(self.start, "primary")
        self.start.clicked.connect(self._start)
        self.copy = QPushButton(tr("Copy as command"))
        theme.set_role(self.copy, "quiet")
        self.copy.setToolTip(tr("Writes the recipe into the project and copies the line that trains it in a terminal"))
        self.copy.clicked.connect(self._copy)
        self.open = QPushButton(tr("Open a recipe…"))
        theme.set_role(self.open, "quiet")
        self.open.setToolTip(tr("Fill in this page from a recipe that was saved; nothing starts"))
        self.open.clicked.connect(self._open_recipe)
        self.later = LaterButton()
        self.later.later_requested.connect(self._enqueue)
        self.later.now_requested.connect(self._start_now)
        runs.run_changed.connect(self._show_busy)
        runs.list_changed.connect(self._show_busy)
        self.summary.footer.addWidget(self.start)
        self.summary.footer.addWidget(self.later)
        self.summary.footer.addWidget(self.copy)
        self.summary.footer.addWidget(self.open)
        self._lay_out()
        self.form.begin()
        self._tell()

    def _lay_out(self) -> None:
        self.summary.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Preferred)
        side = QVBoxLayout()
        side.addWidget(self.summary)
        side.addStretch()
        both = QHBoxLayout()
        both.setSpacing(24)
        both.addWidget(self.form, 1)
        both.addLayout(side)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 16, 24, 16)
        layout.setSpacing(12)
        layout.addWidget(self.notice)
        layout.addLayout(both, 1)

    @Slot()
    def _open_recipe(self) -> None:
        dialog = QFileDialog(self, tr("Open a recipe"), str(self._project.recipes), tr("Recipes (*.json)"))
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(self.open_recipe)
        dialog.open()

    @Slot(str)
    def open_recipe(self, file: str) -> None:
        """Fill in the form from a recipe's file; what isn't here is said."""
        try:
            recipe = read_recipe(Path(file))
            self.form.show_recipe(replace(recipe, dataset=find_dataset(self._project, recipe.dataset).id))
        except StudioError as error:
            self.notice.show_error(error)
            return
        self.notice.show_note(tr("Filled in from “{name}”. Nothing has started.", name=Path(file).name))

    def close_down(self) -> None:
        """Wait for what is under way."""
        self.form.model.close_down()
        self.summary.memory.close_down()
        end_tasks(self)

    def showEvent(self, event: QShowEvent) -> None:
        """Know what other pages imported, renamed or deleted."""
        self.form.dataset.refresh()
        super().showEvent(event)

    # ------------------------------------------------------------------------------------------------ what will happen

    def _missing(self) -> tuple[str, QWidget | None]:
        """What the Start button says instead, and the field to go to; empty when nothing is missing."""
        missing = self.form.missing()
        if not missing[0] and self.summary.memory.refusal:
            return tr("Choose a smaller model"), self.form.model.combo
        return missing

    @Slot()
    def _tell(self) -> None:
        """Say what will happen, and what is missing for it."""
        form = self.form
        missing, _ = self._missing()
        method, model, start = form.methods.method(), form.model.model(), form.start_from.record()
        busy = self._runs.is_busy
        self.start.setText(missing or (tr("Add to the queue") if busy else tr("Start training")))
        self.later.show_busy(busy)
        self.later.setEnabled(not missing)
        self.later.setToolTip(missing)
        problems = form.settings.problems()
        plan = Plan(
            method,
            model,
            tr("the adapter of “{name}”", name=start.name) if start else tr("the base model itself") if model else "",
            form.dataset.dataset(),
            form.template.label() if is_templated(method) else tr("none: the text is read as it is"),
            None if problems else form.settings.values(),
            next(iter(problems.values()), ""),
            None if missing else self._pace(),
            form.chosen_rewards(),
            in_words(form.chosen_rewards()),
            start is not None,
        )
        self.summary.show_plan(plan)

    def _recipe(self) -> Recipe:
        """What is asked for, with the dataset by its id. Raises StudioError."""
        dataset = self.form.dataset.dataset()
        return replace(self.form.recipe(), dataset=dataset.id if dataset else "")

    def _pace(self) -> Pace | None:
        """How fast the newest run of the same kind was."""
        planned = self._recipe()
        for record in self._runs.records():
            if record.recipe is not None and same_kind(record.recipe, planned):
                pace = pace_of(record.name, record.recipe, record.story)
                if pace is not None:
                    return pace
        return None

    # --------------------------------------------------------------------------------------------------------- actions

    def _goes(self) -> bool:
        """Whether nothing is missing; otherwise the user is taken to what is."""
        missing, field = self._missing()
        if not missing:
            return True
        if field is None:
            self.import_requested.emit()
            return False
        self.form.go_to(field)
        return False

    @Slot()
    def _show_busy(self) -> None:
        """Something began or ended to run: the start button then adds to the queue, or no longer does."""
        busy = self._runs.is_busy
        if busy != self._busy:
            self._busy = busy
            self._tell()

    @Slot()
    def _start(self) -> None:
        if self._runs.is_busy:
            self._enqueue(0.0)
        else:
            self._start_now()

    @Slot()
    def _start_now(self) -> None:
        record = self._make_run(self._runs.start)
        if record is not None:
            self.run_started.emit(record.id)

    @Slot(float)
    def _enqueue(self, not_before: float) -> None:
        record = self._make_run(lambda recipe: self._runs.enqueue(recipe, not_before))
        if record is not None:
            self.run_queued.emit(record.id)

    def _make_run(self, make: Callable[[Recipe], RunRecord]) -> RunRecord | None:
        """Make a run of what is chosen; None when something is missing or wrong, which is said."""
        if not self._goes():
            return None
        self.notice.clear()
        if self.form.methods.method().is_rewarded and not self.form.rewards.still_agreed():
            return None
        try:
            return make(self._recipe())
        except StudioError as error:
            self.notice.show_error(error)
            return None

    @Slot()
    def _copy(self) -> None:
        if not self._goes():
            return
        try:
            file = write_recipe(self._project, self.form.recipe())
        except StudioError as error:
            self.notice.show_error(error)
            return
        QGuiApplication.clipboard().setText(command_line(self._project, file))
        self.notice.show_note(
            tr("The command is on the clipboard; its recipe is recipes/{name} in the project.", name=file.name)
        )
