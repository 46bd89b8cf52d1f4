"""The buttons of the run that is shown, with a menu of what is seldom wanted; which are there follows the run.

What several runs can be asked for as well is `actions`; what is said goes out by a signal.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Signal, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QMenu, QPushButton, QWidget

from studio.core.errors import StudioError
from studio.core.rewards import Function
from studio.core.runs import RunState
from studio.gui import theme
from studio.gui.language import tr
from studio.gui.pages.runs.actions import RunActions
from studio.gui.pages.runs.asking import ask_to_stop
from studio.gui.pages.runs.diagnostics import diagnostics_of
from studio.gui.widgets.code_consent import CodeConsent
from studio.jobs.runs import ProjectRuns, RunRecord
from studio.storage.consent import allow, is_allowed, read_code
from studio.storage.project import Project


class RunButtons(QWidget):
    """Acts on the run given to `show_run`.

    chat_requested(run_id). evaluate_requested(run_id). recipe_requested(recipe): a new run as this one was. acted():
    something was done with the run. said(object, str): an error, or a note as text; and what a button beside it does.
    """

    chat_requested = Signal(str)
    evaluate_requested = Signal(str)
    recipe_requested = Signal(object)
    acted = Signal()
    said = Signal(object, str)

    def __init__(self, project: Project, runs: ProjectRuns, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._runs = runs
        self._record: RunRecord | None = None
        self.acts = RunActions(project, runs, self)
        self.acts.said.connect(self.said)
        self.acts.recipe_requested.connect(self.recipe_requested)
        self.pause = _button(tr("Pause"), "", self._pause)
        self._about_pause = tr(
            "Saves, ends the process so that its memory is free, and goes on exactly there on Resume"
        )
        self.stop = _button(tr("Stop…"), "danger", self._ask_to_stop)
        self.resume = _button(tr("Resume"), "primary", self._resume)
        self.unqueue = _button(tr("Take out of the queue"), "", self._unqueue)
        self.compare = _button(tr("Compare in Chat"), "", self._chat)
        self.evaluate = _button(tr("Evaluate"), "", self._evaluate)
        self.evaluate.setToolTip(tr("Asks held-out prompts and says in figures how well it does, beside other models"))
        self.more = QPushButton(tr("More"))
        menu = QMenu(self.more)
        self.again = menu.addAction(tr("New run from this one"), self.acts.train_again)
        self.enqueue = menu.addAction(tr("Add to the queue"), self._enqueue)
        menu.addSeparator()
        menu.addAction(tr("Rename…"), self.acts.rename)
        menu.addAction(tr("Tags…"), self.acts.tag)
        menu.addAction(tr("Note…"), self.acts.note)
        menu.addSeparator()
        self.copy = menu.addAction(tr("Copy diagnostics"), self.copy_diagnostics)
        self.command = menu.addAction(tr("Copy as command"), self.acts.copy_command)
        self.export = menu.addAction(tr("Save the recipe…"), self.acts.export_recipe)
        self.report_file = menu.addAction(tr("Save a report…"), self.acts.export_report)
        menu.addAction(tr("Write for TensorBoard"), self.acts.write_for_tensorboard)
        menu.addSeparator()
        self.delete = menu.addAction(tr("Delete…"), self.acts.ask_to_delete)
        self.more.setMenu(menu)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        for button in (self.pause, self.stop, self.unqueue, self.resume, self.compare, self.evaluate, self.more):
            layout.addWidget(button)

    def show_run(self, record: RunRecord) -> None:
        """Act on this one from now on."""
        self._record = record
        self.acts.choose([record.id])

    def offer(self, *, can_chat: bool, can_resume: bool) -> None:
        """Show what can be done as the run stands; what can be talked to and resumed is known from its folder."""
        record = self._record
        if record is None:
            return
        # A worker that has said its last word still needs a moment to be gone; nothing is offered meanwhile.
        gone, finished = record.outcome is not None, record.state is RunState.FINISHED
        stopping = self._runs.is_stopping(record.id)
        self.stop.setVisible(not record.state.is_over and not record.broken)
        self.stop.setText(tr("Stopping…") if stopping else tr("Stop…"))
        self.pause.setVisible(not record.state.is_over and not record.broken)
        self.pause.setEnabled(not stopping)
        self.pause.setToolTip(tr("Stopping…") if stopping else self._about_pause)
        self.resume.setVisible(gone and not finished and not record.broken)
        waiting = record.queued or record.state is RunState.WAITING
        self.resume.setText(tr("Start now") if waiting else tr("Resume") if can_resume else tr("Start again"))
        self.unqueue.setVisible(record.queued and gone)
        self.enqueue.setVisible(gone and not finished and not record.queued and not record.broken)
        self.compare.setVisible(can_chat)
        self.evaluate.setVisible(can_chat and gone)
        if self.compare.property("role") != ("primary" if finished else ""):
            theme.set_role(self.compare, "primary" if finished else "")
        self.delete.setVisible(gone or bool(record.broken))
        for action in (self.again, self.command, self.export, self.report_file):
            action.setVisible(record.recipe is not None)

    @Slot()
    def copy_diagnostics(self) -> None:
        """Put all that tells why it ended as it did on the clipboard."""
        if self._record is not None:
            QGuiApplication.clipboard().setText(diagnostics_of(self._record))
            self.said.emit(tr("The diagnostics are on the clipboard: settings, ending, and the end of the log."), "")

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

    def _try(self, action: Callable[[str], None]) -> None:
        """Do something with the run; what goes wrong is said."""
        if self._record is None:
            return
        try:
            action(self._record.id)
        except StudioError as error:
            self.said.emit(error, "")
        else:
            self.acted.emit()


def _button(text: str, role: str, action: Callable[[], None]) -> QPushButton:
    button = QPushButton(text)
    theme.set_role(button, role)
    button.clicked.connect(action)
    return button
