"""Where a set's candidates come from: models that write beside the labeller, and machine judges that suggest."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from studio.core.candidates import Author, Writing
from studio.core.errors import StudioError
from studio.core.judging import MODEL, REWARD
from studio.gui import theme
from studio.gui.language import paragraph, tr, translated
from studio.gui.widgets.narrow_combo import NarrowCombo
from studio.gui.widgets.notice import Notice
from studio.jobs.candidates import CandidateWriter, MachineJudge
from studio.jobs.runs import ProjectRuns
from studio.storage.labels import LabelSet, prompt_states
from studio.storage.models import offered_models
from studio.storage.project import Project


class CandidatesView(QWidget):
    """Signal: `came()`: candidates or suggestions are there. Work goes on while another tab or page is shown.

    `writer_command`, `judge_command` replace the workers', for tests.
    """

    came = Signal()

    def __init__(
        self,
        project: Project,
        runs: ProjectRuns,
        parent: QWidget | None = None,
        writer_command: Sequence[str] | None = None,
        judge_command: Sequence[str] | None = None,
    ) -> None:
        super().__init__(parent)
        self._project, self._runs = project, runs
        self._commands = writer_command, judge_command
        self._known: LabelSet | None = None
        self._writer: CandidateWriter | None = None
        self._judge: MachineJudge | None = None
        self.notice = Notice()
        self.about, self.state, self.said = _muted(), QLabel(), Said()
        self.progress = _bar(tr("Prompts with candidates"))
        self.write = QPushButton()
        theme.set_role(self.write, "primary")
        self.write.clicked.connect(self._write_or_stop)
        self.judge_choice = NarrowCombo(12)
        self.judge_choice.setAccessibleName(tr("Machine judge"))
        self.judge_button = QPushButton(tr("Ask for suggestions"))
        self.judge_button.clicked.connect(self._judge_or_stop)
        self.judge_said, self.judge_progress = Said(), _bar(tr("Judged items"))
        self.judge_progress.hide()
        self._lay_out()
        runs.list_changed.connect(self.refresh)
        runs.run_ended.connect(self.refresh)

    # --------------------------------------------------------------------------------------------- what others ask for

    def open_set(self, known: LabelSet | None) -> None:
        """Show another set. Work for the one before ends."""
        if known is not None and self._known is not None and known.id == self._known.id:
            self._known = known
            self.refresh()
            return
        self._stop()
        self._known = known
        self.notice.clear()
        self.said.say("")
        self.judge_said.say("")
        self.refresh()

    def begin(self) -> None:
        """Have candidates written now, when the set wants any."""
        if self._known is not None and self._known.writing and self._writer is None:
            self._write_or_stop()

    def close_down(self) -> None:
        """End the workers and wait for their threads."""
        self._stop()
        for thread in (*self.findChildren(CandidateWriter), *self.findChildren(MachineJudge)):
            thread.wait()

    @Slot()
    def refresh(self) -> None:
        """Say how far it is, and which judges there are."""
        known = self._known
        if known is None:
            return
        try:
            waits, ready, none = prompt_states(self._project, known)
            if known.writing:
                writing = Writing.from_json(known.writing)
                names = ", ".join(author.name for author in writing.authors)
                self.about.setText(
                    tr("{count} answers to each prompt, written by {names}.", count=writing.count, names=names)
                )
            else:
                self.about.setText(tr("The answers came with the prompts."))
        except StudioError as error:
            self.notice.show_error(error)
            return
        words = [tr("{ready:,} of {waits:,} prompts have answers to judge.", ready=ready, waits=waits + ready + none)]
        if none:
            words.append(tr("{none:,} have too few different ones.", none=none))
        self.state.setText(paragraph(*words))
        self.progress.setRange(0, max(1, waits + ready + none))
        self.progress.setValue(ready + none)
        self.write.setVisible(bool(known.writing) and (waits > 0 or self._writer is not None))
        self.write.setText(
            tr("Pause writing") if self._writer else tr("Write answers") if not ready else tr("Go on writing")
        )
        self._list_judges()

    def _list_judges(self) -> None:
        chosen = self.judge_choice.currentText()
        self.judge_choice.clear()
        made = [(record, record.recipe) for record in self._runs.records() if record.recipe is not None]
        for record, recipe in made:  # these first: judging is what they learned
            if recipe.method == "reward" and record.folder.is_sealed:
                author = Author(record.name, recipe.base_model, str(record.folder.adapter))
                self.judge_choice.addItem(tr("Reward model: {name}", name=record.name), (REWARD, author))
        for record, recipe in made:
            tuned = record.folder.tuned_folder()
            if tuned is not None and recipe.method != "reward":
                author = Author(record.name, recipe.base_model, str(tuned))
                self.judge_choice.addItem(tr("Ask the model: {name}", name=record.name), (MODEL, author))
        try:
            for folder in offered_models(self._project):
                self.judge_choice.addItem(
                    tr("Ask the model: {name}", name=folder.name), (MODEL, Author(folder.name, str(folder)))
                )
        except StudioError as error:
            self.notice.show_error(error)
        index = self.judge_choice.findText(chosen)
        self.judge_choice.setCurrentIndex(max(0, index))
        self.judge_button.setText(tr("Stop judging") if self._judge else tr("Ask for suggestions"))
        can_judge = self._judge is not None or self.judge_choice.count() > 0
        self.judge_button.setEnabled(can_judge)
        self.judge_button.setToolTip("" if can_judge else tr("No model here could judge yet: train one, or add one."))

    # ---------------------------------------------------------------------------------------------------------- work

    @Slot()
    def _write_or_stop(self) -> None:
        if self._writer is not None:
            self._writer.stop()
            return
        if self._known is None:
            return
        self.notice.clear()
        try:
            writer = CandidateWriter(self._project, self._known, self, self._commands[0])
        except (StudioError, ValueError) as error:
            self.notice.show_error(error)
            return
        writer.progressed.connect(self._show_progress)
        writer.said.connect(self._show_words)
        writer.came.connect(self.came)
        writer.failed.connect(self._show_trouble)
        writer.troubled.connect(self._show_trouble)
        writer.finished.connect(self._writer_ended)
        self._writer = writer
        writer.start()
        self.refresh()

    # What a worker says may arrive when another set is shown, or another worker is at it: that is dropped.

    @Slot(str)
    def _show_words(self, words: str) -> None:
        if self.sender() is self._writer:
            self.said.say(words)
        elif self.sender() is self._judge:
            self.judge_said.say(words)

    @Slot(object)
    def _show_trouble(self, error: StudioError) -> None:
        if self.sender() in (self._writer, self._judge):
            self.notice.show_error(error)

    @Slot(int, int)
    def _show_progress(self, _done: int, _total: int) -> None:
        self.refresh()

    @Slot()
    def _writer_ended(self) -> None:
        if self.sender() is self._writer:
            self._writer = None
            self.said.say("")
            self.refresh()
            self.came.emit()
        self.sender().deleteLater()

    @Slot()
    def _judge_or_stop(self) -> None:
        if self._judge is not None:
            self._judge.stop()
            return
        chosen = self.judge_choice.currentData()
        if self._known is None or chosen is None:
            return
        self.notice.clear()
        kind, author = chosen
        judge = MachineJudge(self._project, self._known, author, kind, self, self._commands[1])
        judge.progressed.connect(self._show_judging)
        judge.said.connect(self._show_words)
        judge.came.connect(self.came)
        judge.failed.connect(self._show_trouble)
        judge.troubled.connect(self._show_trouble)
        judge.finished.connect(self._judge_ended)
        self._judge = judge
        self.judge_progress.setRange(0, 0)
        self.judge_progress.show()
        judge.start()
        self.refresh()

    @Slot(int, int)
    def _show_judging(self, done: int, total: int) -> None:
        if self.sender() is not self._judge:
            return
        self.judge_progress.setRange(0, max(1, total))
        self.judge_progress.setValue(done)

    @Slot()
    def _judge_ended(self) -> None:
        if self.sender() is self._judge:
            self._judge = None
            self.judge_progress.hide()
            self.refresh()
            self.came.emit()
        self.sender().deleteLater()

    def _stop(self) -> None:
        for work in (self._writer, self._judge):
            if work is not None:
                work.stop()
        self._writer = self._judge = None  # they end by themselves; another set can begin at once
        self.judge_progress.hide()

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.addWidget(self.write)
        row.addWidget(self.said, 1)
        writing = _card(tr("Answers"), self.about, self.state, self.progress, row)
        explained = _muted()
        explained.setText(
            tr(
                "A reward model scores the answers; a model that follows instructions is asked which is better, each "
                "pair "
                "in both orders. What it says is shown as a suggestion, kept under the judge's own name and never "
                "counted as yours; it also gives the order “hardest first” and shows in Quality how far it agrees "
                "with people."
            )
        )
        ask = QHBoxLayout()
        ask.addWidget(self.judge_choice, 1)
        ask.addWidget(self.judge_button)
        judging = _card(tr("Machine judges"), explained, ask, self.judge_progress, self.judge_said)
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 8, 0, 0)
        column.setSpacing(12)
        column.addWidget(self.notice)
        column.addWidget(writing)
        column.addWidget(judging)
        column.addStretch()
        inside.setMaximumWidth(860)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setWidget(inside)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(scroll)


class Said(QLabel):
    """What a worker says; it takes no room while that is nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setWordWrap(True)
        theme.set_role(self, "muted")
        self.hide()

    @Slot(str)
    def say(self, text: str) -> None:
        """Show a sentence in the window's language; none hides it."""
        self.setText(translated(text))
        self.setVisible(bool(text))


def _muted() -> QLabel:
    label = QLabel()
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    theme.set_role(label, "muted")
    return label


def _bar(name: str) -> QProgressBar:
    bar = QProgressBar()
    bar.setTextVisible(False)
    bar.setAccessibleName(name)
    return bar


def _card(title: str, *parts: QWidget | QHBoxLayout) -> QFrame:
    card = QFrame()
    theme.set_role(card, "card")
    heading = QLabel(title)
    theme.set_role(heading, "heading")
    layout = QVBoxLayout(card)
    layout.setContentsMargins(16, 12, 16, 16)
    layout.setSpacing(8)
    layout.addWidget(heading)
    for part in parts:
        if isinstance(part, QHBoxLayout):
            layout.addLayout(part)
        else:
            layout.addWidget(part)
    return card
