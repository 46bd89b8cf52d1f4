"""The two questions of the Runs page, asked in words. They wait for nobody: `chosen` tells the answer."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QAbstractButton, QMessageBox, QWidget

from studio.gui import theme
from studio.gui.language import tr
from studio.jobs.runs import RunRecord


class Question(QMessageBox):
    """A question whose answers are named after what they do. Signal: `chosen(bool)`; nothing for "leave it"."""

    chosen = Signal(bool)

    def __init__(self, parent: QWidget, title: str, question: str, more: str, leave: str) -> None:
        super().__init__(QMessageBox.Icon.NoIcon, title, question, QMessageBox.StandardButton.NoButton, parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setInformativeText(more)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._answers: dict[QAbstractButton, bool] = {}
        stay = self.addButton(leave, QMessageBox.ButtonRole.RejectRole)
        self.setEscapeButton(stay)
        self.setDefaultButton(stay)
        self.buttonClicked.connect(self._take)

    def offer(self, text: str, answer: bool, *, destructive: bool) -> None:
        """Add a button that answers."""
        role = QMessageBox.ButtonRole.DestructiveRole if destructive else QMessageBox.ButtonRole.AcceptRole
        button = self.addButton(text, role)
        if destructive:
            theme.set_role(button, "danger")
        self._answers[button] = answer

    @Slot(QAbstractButton)
    def _take(self, button: QAbstractButton) -> None:
        if button in self._answers:
            self.chosen.emit(self._answers[button])


def ask_to_stop(parent: QWidget, record: RunRecord) -> Question:
    """Continue, stop and save (True), or stop and discard (False)."""
    saved = record.story.checkpoint_step
    back = (
        tr("back to the checkpoint of step {saved:,}", saved=saved)
        if saved
        else tr("back to the beginning: no checkpoint is saved yet")
    )
    question = Question(
        parent,
        tr("Stop the run"),
        tr("Stop “{name}”?", name=record.name),
        tr(
            "Stop and save finishes the step and saves, so that Resume goes on exactly there. Stop and discard ends "
            "at once and goes {back}.",
            back=back,
        ),
        tr("Continue training"),
    )
    question.offer(tr("Stop and save"), True, destructive=False)
    question.offer(tr("Stop and discard"), False, destructive=True)
    question.open()
    return question


def ask_to_delete(parent: QWidget, records: Sequence[RunRecord]) -> Question:
    """Whether to move runs to the project's trash (True)."""
    one = len(records) == 1
    question = Question(
        parent,
        tr("Delete the run") if one else tr("Delete runs"),
        tr("Move “{name}” to the trash?", name=records[0].name)
        if one
        else tr("Move {count} runs to the trash?", count=len(records)),
        tr("Curves, log, checkpoints and adapter go to the project's trash. Models, Disk puts them back."),
        tr("Keep it") if one else tr("Keep them"),
    )
    question.offer(tr("Move to trash"), True, destructive=True)
    question.open()
    return question
