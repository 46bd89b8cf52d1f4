"""Let a model draft: answers, paraphrases, or the recipe for safety, by a model of the project, judged one by one.

What is drafted is a `core.drafts.DraftPlan`; a thread with a worker writes (`jobs.drafting`), every draft and verdict
is kept at once, and closing the dialog loses nothing: it goes on where it was.
"""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import (
    QComboBox,
    QFormLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QStackedWidget,
    QWidget,
)

from studio.core.candidates import Author
from studio.core.datasets import DatasetInfo
from studio.core.drafts import PARAPHRASE_GUIDE, PLACE, PURPOSES, SAFE_GUIDE, DraftPlan
from studio.core.errors import StudioError
from studio.gui import theme
from studio.gui.language import mark, tr, translated
from studio.gui.pages.data.tools.draft_review import DraftReview
from studio.gui.pages.data.tools.tool import ToolDialog
from studio.gui.widgets.ask import question
from studio.gui.widgets.number_box import FractionBox, NumberBox
from studio.gui.widgets.visible_text import plain_tip
from studio.jobs.drafting import DraftWriter
from studio.storage.drafts import DraftSet, begin_drafts, count_drafts, drop_drafts, finish_drafts, unfinished_drafts
from studio.storage.models import offered_models
from studio.storage.project import Project
from studio.storage.runs import list_runs


class DraftsDialog(ToolDialog):
    """Drafts for the questions of a dataset. `command` replaces the worker's, for tests."""

    title = mark("Drafts")

    def __init__(
        self,
        project: Project,
        dataset: DatasetInfo,
        parent: QWidget | None = None,
        command: Sequence[str] | None = None,
    ) -> None:
        super().__init__(project, dataset, parent)
        self._command = command
        self._set: DraftSet | None = None
        self._writer: DraftWriter | None = None
        self._left = False  # the dialog is closed
        self._goes_on = False  # whether more is written as soon as more is wanted
        self.fault = QLabel()
        self.fault.setWordWrap(True)
        self.fault.setTextFormat(self.about.textFormat())
        theme.set_role(self.fault, "error")
        self.fault.hide()
        self.review = DraftReview(project)
        self.review.judged.connect(self._judged)
        self.review.failed.connect(self._say_fault)
        self.pages = QStackedWidget()
        self.pages.addWidget(self._set_up())
        self.pages.addWidget(self.review)
        self.body.addWidget(self.fault)
        self.body.addWidget(self.pages, 1)
        self.again = QPushButton(tr("Drop these drafts…"))
        self.again.clicked.connect(self._ask_drop)
        self.write = QPushButton(tr("Pause"))
        self.write.clicked.connect(self._pause_or_go_on)
        for place, button in enumerate((self.again, self.write)):
            button.setAutoDefault(False)
            self.buttons.insertWidget(place, button)
        self.close_button.setAutoDefault(False)
        self.go = self.primary(tr("Draft"), self._begin)
        self.finish = self.primary(tr("Make a dataset"), self._finish)
        self.take_room(760, 620)
        self.start(lambda _task: (unfinished_drafts(project, dataset), _authors(project)), self._known)

    # ------------------------------------------------------------------------------------------- setting up

    def _set_up(self) -> QWidget:
        page = QWidget()
        self.purpose = QComboBox()
        for name, words in PURPOSES.items():
            self.purpose.addItem(translated(words), name)
        self.purpose.currentIndexChanged.connect(self._suit)
        self.author = QComboBox()
        self.limit, self.paraphrases, self.longest = NumberBox(), NumberBox(), NumberBox()
        self.limit.setRange(1, 100_000)
        self.limit.setValue(min(50, max(1, self.dataset.rows)))
        self.paraphrases.setRange(1, 9)
        self.paraphrases.setValue(2)
        self.longest.setRange(1, 8192)
        self.longest.setValue(256)
        self.longest.setSuffix(tr(" tokens"))
        self.temperature = FractionBox()
        self.temperature.setRange(0, 5)
        self.temperature.setSingleStep(0.1)
        self.temperature.setValue(0.8)
        self.paraphrase_guide, self.answer_guide = QPlainTextEdit(PARAPHRASE_GUIDE), QPlainTextEdit()
        for guide in (self.paraphrase_guide, self.answer_guide):
            guide.setTabChangesFocus(True)
            guide.setToolTip(
                tr("{place} stands for the question. Only the question itself is learned later.", place=PLACE)
            )
            guide.setFixedHeight(92)
        self.rows = QFormLayout(page)
        for words, editor in (
            (tr("What"), self.purpose),
            (tr("Model"), self.author),
            (tr("Questions"), self.limit),
            (tr("Paraphrases of each"), self.paraphrases),
            (tr("Asked for a paraphrase"), self.paraphrase_guide),
            (tr("Asked for an answer"), self.answer_guide),
            (tr("Temperature"), self.temperature),
            (tr("Longest draft"), self.longest),
        ):
            self.rows.addRow(words, editor)
            editor.setAccessibleName(words)
        self._suit()
        return page

    @Slot()
    def _suit(self) -> None:
        """Show what counts for the purpose."""
        purpose = self.purpose.currentData()
        for part in (self.paraphrases, self.paraphrase_guide):
            self.rows.setRowVisible(part, purpose != "answers")
        self.rows.setRowVisible(self.answer_guide, purpose != "paraphrases")
        self.answer_guide.setPlainText(SAFE_GUIDE if purpose == "safety" else PLACE)

    @Slot(object)
    def _known(self, found: tuple[DraftSet | None, list[Author]]) -> None:
        known, authors = found
        for author in authors:
            self.author.addItem(author.name, author)
            tip = plain_tip(author.adapter or author.base)
            self.author.setItemData(self.author.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
        if known is not None:
            self._show_set(known)
        else:
            self._show_pages(review=False)

    def plan(self) -> DraftPlan:
        """What is chosen. Raises StudioError while no model is."""
        author = self.author.currentData()
        if author is None:
            raise StudioError("No model is chosen to write drafts.", "Add one in the Models tab, or train one.")
        purpose = self.purpose.currentData()
        return DraftPlan(
            purpose,
            author,
            0 if purpose == "answers" else self.paraphrases.value(),
            purpose != "paraphrases",
            self.paraphrase_guide.toPlainText(),
            self.answer_guide.toPlainText(),
            self.temperature.value(),
            self.longest.value(),
        )

    @Slot()
    def _begin(self) -> None:
        project, info, limit = self.project, self.dataset, self.limit.value()
        try:
            plan = self.plan()
            plan.check()
        except StudioError as error:
            self._say_fault(error)
            return
        self.go.setEnabled(False)
        self.start(lambda _task: begin_drafts(project, info, plan, limit), self._begun)

    @Slot(object)
    def _begun(self, known: DraftSet) -> None:
        self._goes_on = True
        self._show_set(known)

    def _show_set(self, known: DraftSet) -> None:
        self._set = known
        self.review.show_set(known)
        self._show_pages(review=True)
        self._judged()

    def _show_pages(self, *, review: bool) -> None:
        self.pages.setCurrentIndex(int(review))
        for part in (self.again, self.write, self.finish):
            part.setVisible(review)
        self.go.setVisible(not review)
        self.go.setEnabled(True)
        if review and self._set is not None:
            self.about.setText(
                tr(
                    "{purpose}, written by {name}.",
                    purpose=translated(PURPOSES[self._set.plan.purpose]),
                    name=self._set.plan.author.name,
                )
            )
        else:
            self.about.setText(
                tr(
                    "A model of yours writes, and nothing becomes data before you said yes to it. Drafts are kept as "
                    "they come: close this whenever you like."
                )
            )

    # ------------------------------------------------------------------------------------------- writing

    def _go_on(self) -> None:
        if self._set is None or self._writer is not None or self._left:
            return
        self.fault.hide()
        self._writer = DraftWriter(self.project, self._set, self, self._command)
        self._writer.came.connect(self.review.refresh)
        self._writer.came.connect(self._tell)
        self._writer.said.connect(self._say)
        self._writer.failed.connect(self._say_fault)
        self._writer.troubled.connect(self._say_fault)
        self._writer.finished.connect(self._take_rest)
        self._writer.start()
        self._tell()

    def _pause(self) -> None:
        if self._writer is not None:
            self._writer.stop()
            self._writer.wait()
            self._rested()

    @Slot()
    def _pause_or_go_on(self) -> None:
        self._goes_on = self._writer is None
        if self._writer is not None:
            self._pause()
        else:
            self._go_on()

    @Slot()
    def _take_rest(self) -> None:
        if self.sender() is self._writer:  # else it was paused, and another may write by now
            self._rested()

    def _rested(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.wait()
            writer.deleteLater()
        self.review.refresh()
        self._tell()

    @Slot()
    def _judged(self) -> None:
        """An accepted question may want an answer."""
        self._tell()
        if self._writer is None and self._goes_on and self.write.isEnabled():
            self._go_on()

    @Slot()
    def _tell(self) -> None:
        if self._set is None:
            return
        count = count_drafts(self.project, self._set)
        self.write.setText(tr("Pause") if self._writer is not None else tr("Go on writing"))
        self.write.setEnabled(self._writer is not None or bool(count.unwritten))
        self.finish.setEnabled(bool(count.accepted))

    @Slot(str)
    def _say(self, words: str) -> None:
        said = translated(words)
        self.review.count.setToolTip(said)
        self.write.setToolTip(said)

    @Slot(object)
    def _say_fault(self, error: Exception) -> None:
        self.fault.setText(translated(error.sentence) if isinstance(error, StudioError) else str(error))
        self.fault.show()
        self.go.setEnabled(True)

    # ------------------------------------------------------------------------------------------- ending

    @Slot()
    def _ask_drop(self) -> None:
        box = question(
            self,
            tr("Drop these drafts?"),
            tr("What was written and judged is gone then; the dataset stays as it is."),
            tr("Drop them"),
        )
        box.accepted.connect(self._drop)
        box.open()

    @Slot()
    def _drop(self) -> None:
        if self._set is not None:
            self._pause()
            drop_drafts(self.project, self._set)
            self._set = None
            self._show_pages(review=False)

    @Slot()
    def _finish(self) -> None:
        if self._set is None:
            return
        self._pause()
        project, known = self.project, self._set
        self.finish.setEnabled(False)
        self.start(lambda _task: finish_drafts(project, known), self._finished)

    @Slot(object)
    def _finished(self, info: DatasetInfo) -> None:
        self._set = None
        self.made.emit(
            info, tr("Made {size} of accepted drafts as “{name}”.", size=translated(info.size), name=info.name)
        )
        self.close()

    def _fail(self, error: Exception) -> None:
        self._end()
        self._say_fault(error)

    def done(self, result: int) -> None:
        """The worker ends with the dialog; what it wrote is kept."""
        self._left = True
        self._pause()
        super().done(result)


def _authors(project: Project) -> list[Author]:
    """What runs have made, the newest first, then the base models."""
    found: list[Author] = []
    for run in list_runs(project.runs):
        tuned = run.tuned_folder()
        if tuned is None:
            continue
        try:
            recipe = run.recipe()
        except StudioError:
            continue
        whole = (tuned / "config.json").is_file()
        found.append(
            Author(recipe.name or run.id, str(tuned) if whole else recipe.base_model, "" if whole else str(tuned))
        )
    return [*found, *(Author(folder.name, str(folder)) for folder in offered_models(project))]
