"""The page that sets up what trains: what was found, which build of torch that means and why, what is downloaded where
to; then progress with a way out, and afterwards repair, update, check and removal of what is there.

Nothing is downloaded before the button is pressed. The work is `processes.runtimes`.
"""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QProgressBar, QPushButton, QScrollArea, QVBoxLayout, QWidget

from studio.core.errors import StudioError
from studio.gui import theme
from studio.gui.language import tr, translated
from studio.gui.pages.runtime import words
from studio.gui.pages.runtime.found import Found, lines_about, look
from studio.gui.pages.runtime.options import SetUpOptions
from studio.gui.widgets.ask import question
from studio.gui.widgets.notice import Notice
from studio.jobs.background import BackgroundTask, end_tasks
from studio.processes.launch import runtime_worker
from studio.processes.runtimes import set_up
from studio.processes.trial import Trial, train_two_steps
from studio.storage.files import in_bytes
from studio.storage.runtimes import Runtime, current_runtime, forget_runtime, lend_packages

_WIDEST = 860
_PARTS = 1000


class RuntimePage(QScrollArea):
    """Signals: `left()`, the person goes on without or after it; `changed()`, there is a new
    runtime, or none any more."""

    left = Signal()
    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._found: Found | None = None
        self._task: BackgroundTask | None = None
        self._works = False
        self._make_parts()
        column = QVBoxLayout()
        column.setSpacing(16)
        for part in (self.title, self.about, self.notice, self._card(tr("This computer"), self.computer)):
            column.addWidget(part)
        column.addWidget(self._card(tr("What will be set up"), self.what, self.where, self.more, self.options))
        column.addWidget(self.present)
        column.addWidget(self.phase)
        column.addWidget(self.bar)
        column.addLayout(self._buttons())
        column.addStretch(1)
        middle = QWidget()
        middle.setLayout(column)
        middle.setMaximumWidth(_WIDEST)
        inside = QWidget()
        row = QHBoxLayout(inside)
        row.setContentsMargins(32, 28, 32, 28)
        row.addStretch(1)
        row.addWidget(middle, 1000)
        row.addStretch(1)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setWidget(inside)
        self._refresh()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._found is None and (self._task is None or self._task.is_over):
            self._look()

    def close_down(self) -> None:
        """End what is under way; a runtime that is in use is untouched by that."""
        end_tasks(self)

    def _make_parts(self) -> None:
        self.title, self.about = QLabel(tr("Set up training")), QLabel()
        theme.set_role(self.title, "title")
        theme.set_role(self.about, "muted")
        self.about.setText(
            tr(
                "To train and to chat, Plumbline needs torch, in the build that suits your computer. It is fetched "
                "once, after you say so, and kept for Plumbline alone; from then on everything works offline."
            )
        )
        self.notice = Notice()
        self.computer, self.what, self.where = QLabel(tr("Looking…")), QLabel(), QLabel()
        self.computer.setAccessibleName(tr("What was found on this computer"))
        theme.set_role(self.where, "muted")
        self.present, self.phase = QLabel(), QLabel()
        for label in (self.about, self.computer, self.what, self.where, self.present, self.phase):
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setWordWrap(True)
        self.options = SetUpOptions()
        self.options.hide()
        self.options.changed.connect(self._tell_plan)
        self.more = QPushButton(tr("Options…"))
        self.more.setCheckable(True)
        theme.set_role(self.more, "quiet")
        self.more.toggled.connect(self.options.setVisible)
        self.bar = QProgressBar()
        self.bar.setAccessibleName(tr("Progress"))
        self.bar.setRange(0, _PARTS)
        self.bar.hide()
        self.phase.hide()

    def _card(self, title: str, *parts: QWidget) -> QFrame:
        card = QFrame()
        theme.set_role(card, "card")
        layout = QVBoxLayout(card)
        layout.setContentsMargins(20, 16, 20, 16)
        layout.setSpacing(10)
        heading = QLabel(title)
        theme.set_role(heading, "heading")
        layout.addWidget(heading)
        for part in parts:
            side = Qt.AlignmentFlag.AlignLeft if isinstance(part, QPushButton) else Qt.AlignmentFlag(0)
            layout.addWidget(part, 0, side)
        return card

    def _buttons(self) -> QHBoxLayout:
        self.start, self.again = QPushButton(tr("Set up")), QPushButton(tr("Look again"))
        self.cancel, self.later = QPushButton(tr("Cancel")), QPushButton(tr("Not now"))
        self.check, self.remove = QPushButton(tr("Check")), QPushButton(tr("Remove…"))
        self.check.setToolTip(tr("Trains two steps with what is set up"))
        theme.set_role(self.start, "primary")
        theme.set_role(self.remove, "danger")
        row = QHBoxLayout()
        for button, act in (
            (self.start, self._start),
            (self.check, self._check),
            (self.remove, self._ask_remove),
            (self.cancel, self._cancel),
            (self.again, self._look),
            (self.later, self.left),
        ):
            button.setAutoDefault(True)
            button.clicked.connect(act)
            row.addWidget(button)
        row.insertStretch(4)
        return row

    # ------------------------------------------------------------------------------------------------ what there is

    @Slot()
    def _look(self) -> None:
        self.computer.setText(tr("Looking…"))
        self._begin(BackgroundTask(lambda _task: look(), self), self._show_found)

    @Slot(object)
    def _show_found(self, found: Found) -> None:
        self._found = found  # also when something else was begun meanwhile: it is true all the same
        self.computer.setText("\n".join(lines_about(found.computer)))
        self.options.offer(found.builds, found.choice.build.key)
        self._refresh()

    @Slot()
    def _tell_plan(self) -> None:
        if self._found is None:
            return
        key = self.options.build.currentData()
        self.what.setText(words.of_choice(self._found, key))
        try:
            plan = self.options.plan()
        except StudioError as error:
            self.where.setText(translated(error.sentence))
        else:
            self.where.setText(words.of_plan(plan, self._found))
        self.start.setEnabled(key is not None and not self._works)
        self.start.setToolTip("" if key is not None else self.what.text())

    @Slot()
    def _refresh(self) -> None:
        """Show what can be done now."""
        runtime, works = current_runtime(), self._works
        self.present.setVisible(runtime is not None)
        if runtime is not None:
            self.present.setText(words.of_present(runtime))
        self.start.setText(tr("Set up") if runtime is None else tr("Repair") if runtime.is_current else tr("Update"))
        self.later.setText(tr("Not now") if runtime is None else tr("Done"))
        for button in (self.check, self.remove):
            button.setVisible(runtime is not None and not works)
        self.cancel.setVisible(works)
        self.again.setVisible(not works)
        self.start.setVisible(not works)
        self.start.setEnabled(False)
        self.start.setToolTip(self.computer.text() if self._found is None else "")
        self.options.setEnabled(not works)
        self.bar.setVisible(works)
        self.phase.setVisible(works)
        self._tell_plan()

    # ---------------------------------------------------------------------------------------------------------- work

    @Slot()
    def _start(self) -> None:
        try:
            plan = self.options.plan()
        except StudioError as error:
            self.notice.show_error(error)
            return
        self.notice.clear()
        task = BackgroundTask(lambda task: set_up(plan, task.report, task.is_cancelled), self)
        task.progressed.connect(self._show_progress)
        self._begin(task, self._show_ready, works=tr("Starting"))

    @Slot()
    def _check(self) -> None:
        runtime = current_runtime()
        if runtime is None:
            self._refresh()
            return
        self.notice.clear()
        folder = Path(runtime.folder)
        task = BackgroundTask(lambda task: train_two_steps(runtime_worker(folder), task.is_cancelled), self)
        self._begin(task, self._show_checked, works=tr("Training two steps"))

    @Slot()
    def _ask_remove(self) -> None:
        box = question(
            self,
            tr("Remove what trains?"),
            tr("Projects, models and settings stay. It can be set up again."),
            tr("Remove"),
        )
        box.accepted.connect(self._remove)
        box.open()

    @Slot()
    def _remove(self) -> None:
        self.notice.clear()
        self._begin(BackgroundTask(lambda _task: forget_runtime(), self), self._show_removed, works=tr("Removing"))

    @Slot()
    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self.phase.setText(tr("Ending…"))

    def _begin(self, task: BackgroundTask, done: object, *, works: str = "") -> None:
        self._task = task
        self._works = bool(works)
        task.succeeded.connect(done)
        task.failed.connect(self._fail)
        task.cancelled.connect(self._end)
        if works:
            self.bar.setRange(0, 0)
            self.phase.setText(works)
            self._refresh()
            self.cancel.setFocus()
        task.start()

    @Slot(int, int, str)
    def _show_progress(self, done: int, total: int, note: str) -> None:
        self.bar.setRange(0, _PARTS if done else 0)
        self.bar.setValue(_PARTS * done // max(total, 1))
        said = translated(note)
        if done < total:
            said = tr("{note} ({done} of about {total})", note=said, done=in_bytes(done), total=in_bytes(total))
        self.phase.setText(said)

    @Slot(object)
    def _show_ready(self, runtime: Runtime) -> None:
        lend_packages()
        self._end()
        self.notice.show_note(words.of_trial(runtime))
        self.changed.emit()

    @Slot(object)
    def _show_checked(self, trial: Trial) -> None:
        self._end()
        self.notice.show_note(
            tr(
                "It works: two steps were trained on {device} in {seconds:.0f} s.",
                device=words.device_words(trial.device),
                seconds=trial.seconds,
            )
        )

    @Slot(object)
    def _show_removed(self, _nothing: None) -> None:
        self._end()
        self.notice.show_note(tr("Removed."))
        self.changed.emit()

    @Slot(object)
    def _fail(self, error: Exception) -> None:
        if self._found is None:
            self.computer.setText(tr("This computer can't be looked at; training may work all the same."))
            self._refresh()
        if self.sender() is self._task:
            self._end()
            self.notice.show_error(error)

    @Slot()
    def _end(self) -> None:
        self._works = False
        self._refresh()
        (self.start if current_runtime() is None else self.later).setFocus()
