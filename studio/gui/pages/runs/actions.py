"""What can be done with runs that are chosen: named, tagged, noted, copied, saved, trained again, thrown away.

The run's own view and the history offer the same. Whatever is said goes out by a signal, to be shown where the user is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QObject, Qt, Signal, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog, QWidget

from studio.core.errors import StudioError
from studio.gui.language import tr
from studio.gui.pages.runs.asking import ask_to_delete
from studio.gui.widgets.ask import text_question
from studio.jobs.background import BackgroundTask, end_tasks
from studio.jobs.runs import ProjectRuns
from studio.storage.files import write_whole
from studio.storage.project import Project
from studio.storage.recipe_files import command_line, write_recipe
from studio.storage.run_notes import name_from, tags_from
from studio.storage.run_reports import run_report
from studio.storage.tensorboard import FOLDER, write_tensorboard
from studio.storage.trash import Thrown


class RunActions(QObject):
    """Acts on the runs that `choose` was given.

    said(object, str): an error, or a note as text; and what a button beside it does, or "". recipe_requested(recipe):
    a new run is to begin as this one did.
    """

    said = Signal(object, str)
    recipe_requested = Signal(object)

    def __init__(self, project: Project, runs: ProjectRuns, window: QWidget) -> None:
        super().__init__(window)
        self._project, self._runs = project, runs
        self._ids: list[str] = []
        self._thrown: list[Thrown] = []
        self._task: BackgroundTask | None = None

    def _window(self) -> QWidget:
        # Asked for each time: a reference kept here would be a cycle with the view that keeps this.
        found = self.parent()
        assert isinstance(found, QWidget)
        return found

    def choose(self, run_ids: Sequence[str]) -> None:
        """Act on these from now on."""
        self._ids = list(run_ids)

    # ------------------------------------------------------------------------------------------------------ in words

    @Slot()
    def rename(self) -> None:
        """Ask for a name."""
        for run_id in self._ids[:1]:
            dialog = text_question(self._window(), tr("Rename the run"), tr("Name"), self._runs.record(run_id).name)
            dialog.textValueSelected.connect(self._take_name)
            dialog.open()

    @Slot()
    def tag(self) -> None:
        """Ask for tags."""
        if self._ids:
            known = dict.fromkeys(tag for run_id in self._ids for tag in self._runs.record(run_id).notes.tags)
            dialog = text_question(self._window(), tr("Tags"), tr("Tags, with commas between"), ", ".join(known))
            dialog.textValueSelected.connect(self._take_tags)
            dialog.open()

    @Slot()
    def note(self) -> None:
        """Ask for a note."""
        for run_id in self._ids[:1]:
            text = self._runs.record(run_id).notes.note
            dialog = text_question(self._window(), tr("Note"), tr("What to remember about this run"), text)
            dialog.textValueSelected.connect(self._take_note)
            dialog.open()

    @Slot(str)
    def _take_name(self, name: str) -> None:
        def take(run_id: str) -> None:
            self._annotate(run_id, name=name_from(name))
            if not name_from(name):
                known = self._runs.record(run_id).name
                self.said.emit(tr("Without a name of its own, the run is called “{name}” again.", name=known), "")

        self._each(take)

    @Slot(str)
    def _take_tags(self, text: str) -> None:
        self._each(lambda run_id: self._annotate(run_id, tags=tags_from(text)))

    @Slot(str)
    def _take_note(self, text: str) -> None:
        self._each(lambda run_id: self._annotate(run_id, note=text.strip()))

    def _annotate(self, run_id: str, **changed: object) -> None:
        self._runs.annotate(run_id, replace(self._runs.record(run_id).notes, **changed))  # type: ignore[arg-type]

    # ------------------------------------------------------------------------------------------------- away and back

    @Slot()
    def ask_to_delete(self) -> None:
        """Ask whether to throw them away."""
        if self._ids:
            records = [self._runs.record(run_id) for run_id in self._ids]
            ask_to_delete(self._window(), records).chosen.connect(self._delete)

    @Slot(bool)
    def _delete(self, _yes: bool) -> None:
        self._thrown = []

        def throw(run_id: str) -> None:
            name = self._runs.record(run_id).name
            self._thrown.append(self._runs.delete(run_id))
            told = (
                tr("“{name}” is in the trash.", name=name)
                if len(self._thrown) == 1
                else tr("{count} runs are in the trash.", count=len(self._thrown))
            )
            self.said.emit(told, tr("Take it back") if len(self._thrown) == 1 else tr("Take them back"))

        self._each(throw)

    @Slot()
    def take_back(self) -> None:
        """Undo the last deletion."""
        thrown, self._thrown = self._thrown, []
        for run in thrown:
            try:
                self._runs.restore(run)
            except StudioError as error:
                self.said.emit(error, "")

    # ------------------------------------------------------------------------------------------- recipes and reports

    @Slot()
    def train_again(self) -> None:
        """Fill in the Train page as this run was."""
        for run_id in self._ids[:1]:
            recipe = self._runs.record(run_id).recipe
            if recipe is not None:
                self.recipe_requested.emit(replace(recipe, name=""))

    @Slot()
    def copy_command(self) -> None:
        """Put the line on the clipboard that trains the same in a terminal."""

        def copy(run_id: str) -> None:
            recipe = self._runs.record(run_id).recipe
            if recipe is not None:
                file = write_recipe(self._project, recipe)
                QGuiApplication.clipboard().setText(command_line(self._project, file))
                note = tr(
                    "The command is on the clipboard; its recipe is recipes/{name} in the project.", name=file.name
                )
                self.said.emit(note, "")

        self._each(copy, first=True)

    @Slot()
    def export_recipe(self) -> None:
        """Ask where to save the recipe."""
        self._ask_file(tr("Save the recipe"), "json", tr("Recipe (*.json)"), self.save_recipe)

    @Slot(str)
    def save_recipe(self, file: str) -> None:
        """Save the recipe as a file that Train can open."""

        def save(run_id: str) -> None:
            recipe = self._runs.record(run_id).recipe
            if recipe is not None:
                write_whole(Path(file), recipe.to_json())
                self.said.emit(tr("The recipe is saved as “{file}”.", file=file), "")

        self._each(save, first=True)

    @Slot()
    def export_report(self) -> None:
        """Ask where to save a report."""
        self._ask_file(tr("Save a report"), "html", tr("Report (*.html)"), self.save_report)

    @Slot(str)
    def save_report(self, file: str) -> None:
        """Save a page about the run that holds everything it shows."""
        if not self._ids:
            return
        project, record = self._project, self._runs.record(self._ids[0])
        folder, notes, name, outcome = record.folder, record.notes, record.name, record.outcome
        said = f"{outcome.sentence} {outcome.hint}".strip() if outcome else "It is still going on."

        def write(_task: BackgroundTask) -> str:
            write_whole(Path(file), run_report(project, folder, name, notes, said))
            return tr("The report is saved as “{file}”. It opens in any browser and needs nothing else.", file=file)

        self._begin(write)

    @Slot()
    def write_for_tensorboard(self) -> None:
        """Write the curves beside the run as TensorBoard reads them."""
        if not self._ids:
            return
        record = self._runs.record(self._ids[0])
        folder, written = record.folder, record.folder.folder / FOLDER
        # A worker that writes them itself holds the file open: another in its place would not grow.
        goes_on = not record.state.is_over and written.is_dir()

        def write(_task: BackgroundTask) -> str:
            place = written if goes_on else write_tensorboard(folder)
            return tr("The curves are in “{folder}”. Show them with: tensorboard --logdir", folder=place)

        self._begin(write)

    def _begin(self, write: Callable[[BackgroundTask], object]) -> None:
        """Write in a thread, since a long run is read for it."""
        if self._task is not None and not self._task.is_over:
            self.said.emit(tr("Another file is being written; try again in a moment."), "")
            return
        self._task = BackgroundTask.begin(self, write, self._written, self._not_written)

    @Slot(object)
    def _written(self, told: str) -> None:
        self.said.emit(told, "")

    @Slot(object)
    def _not_written(self, error: Exception) -> None:
        self.said.emit(error, "")

    def close_down(self) -> None:
        """Wait for a file that is being written."""
        end_tasks(self)

    def _ask_file(self, title: str, suffix: str, kinds: str, save: Callable[[str], None]) -> None:
        for run_id in self._ids[:1]:
            words = re.sub(r"[^\w.-]+", "-", self._runs.record(run_id).name).strip("-.").lower()[:60] or "run"
            dialog = QFileDialog(self._window(), title, "", kinds)
            dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
            dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            dialog.setDefaultSuffix(suffix)
            dialog.selectFile(f"{words}.{suffix}")
            dialog.fileSelected.connect(save)
            dialog.open()

    def _each(self, act: Callable[[str], None], *, first: bool = False) -> None:
        """Do something with the chosen runs; what goes wrong is said, and the others are done all the same."""
        for run_id in self._ids[:1] if first else list(self._ids):
            try:
                act(run_id)
            except StudioError as error:
                self.said.emit(error, "")
            except KeyError:  # it went while a question was open
                continue
