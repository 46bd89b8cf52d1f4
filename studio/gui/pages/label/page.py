"""The Label page: labelling sets at the left; one set at the right, to judge, to measure and to use, or a new one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QSplitter,
    QStackedWidget,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from studio.core.errors import StudioError
from studio.gui import icons, theme
from studio.gui.language import mark, tr, translated
from studio.gui.pages.label.candidates_view import CandidatesView
from studio.gui.pages.label.guidelines import GuidelinesPanel
from studio.gui.pages.label.judge_view import JudgeView
from studio.gui.pages.label.quality_view import QualityView
from studio.gui.pages.label.set_up import SetUp
from studio.gui.pages.label.use_view import UseView
from studio.gui.pages.label.ways import kind_of
from studio.gui.preferences import Preferences
from studio.gui.widgets.ask import question, text_question
from studio.gui.widgets.empty_state import EmptyState
from studio.gui.widgets.keys import bind
from studio.gui.widgets.named_list import NamedList
from studio.gui.widgets.notice import Notice
from studio.jobs.background import BackgroundTask, end_tasks
from studio.jobs.runs import ProjectRuns
from studio.storage.label_import import ImportedLabels, import_labels
from studio.storage.labels import LabelSet, change_guidelines, delete_set, list_sets, rename_set
from studio.storage.project import Project

_NARROW = 860  # logical pixels, below which the set that is judged needs all of them
_FORMS = mark("Argilla and Label Studio exports; rows of pairs, rankings, ratings or labels")
_FILES = mark("Labels (*.json *.jsonl *.csv *.tsv *.parquet);;All files (*)")


class LabelPage(QWidget):
    """Signals: `train_requested(str dataset_id, str method)`; `data_requested()`: prompts are to be imported.

    `writer_command`, `judge_command` replace the workers', for tests.
    """

    train_requested = Signal(str, str)
    data_requested = Signal()

    def __init__(
        self,
        project: Project,
        runs: ProjectRuns,
        preferences: Preferences,
        parent: QWidget | None = None,
        writer_command: Sequence[str] | None = None,
        judge_command: Sequence[str] | None = None,
    ) -> None:
        super().__init__(parent)
        self._project, self._preferences = project, preferences
        self._import: BackgroundTask | None = None
        self._new = False  # a set was just begun, and its first candidates are to come
        self._folder = Path.home()
        self.notice = Notice()
        self.list = NamedList(tr("Labelling sets"))
        self.list.setWordWrap(True)
        self.list.currentItemChanged.connect(self._show_current)
        self.list.itemClicked.connect(self._judge)
        self.list.itemActivated.connect(self._judge)
        self.new_button = QPushButton(tr("New…"))
        self.new_button.setToolTip(tr("Begin a labelling set (Ctrl+L)"))
        self.new_button.clicked.connect(self.begin_new)
        bind(self, "Ctrl+L", tr("Begin a labelling set"), self.begin_new)
        self.import_button = QPushButton(tr("Import…"))
        self.import_button.setToolTip(tr(_FORMS))
        self.import_button.clicked.connect(self.choose_file)
        self.empty = EmptyState(
            tr("Nothing to label yet"),
            tr(
                "Take prompts from a dataset, let your model write answers to them, and say with one key which is "
                "better. What you say trains a reward model, DPO or KTO with one click."
            ),
            tr("New labelling set"),
            tr("Import labels…"),
        )
        self.empty.action_requested.connect(self.begin_new)
        self.empty.other_requested.connect(self.choose_file)
        self.empty.other.setToolTip(tr(_FORMS))
        self.set_up = SetUp(project, runs)
        self.set_up.made.connect(self._take_made)
        self.set_up.given_up.connect(self._show_current)
        self.set_up.import_requested.connect(self.data_requested)
        self.judge = JudgeView(project, preferences.values.labeller)
        self.judge.labeller_named.connect(self._remember_labeller)
        self.judge.guidelines_toggled.connect(self._show_guidelines)
        self.guidelines = GuidelinesPanel()
        self.guidelines.changed.connect(self._keep_guidelines)
        self.guidelines.hide()
        self.candidates = CandidatesView(project, runs, None, writer_command, judge_command)
        self.candidates.came.connect(self._take_candidates)
        self.quality = QualityView(project)
        self.quality.item_requested.connect(self._judge_again)
        self.use = UseView(project)
        self.use.train_requested.connect(self.train_requested)
        self.use.judging_requested.connect(self._begin_judging)
        self._lay_out()
        self.refresh()

    # --------------------------------------------------------------------------------------------- what others ask for

    def known(self) -> LabelSet | None:
        """The set that is selected."""
        return self.list.current()

    def refresh(self, select: str = "") -> None:
        """Read the list again and select a set: `select`, else the one that was, else the newest."""
        try:
            sets = list_sets(self._project)
        except StudioError as error:
            self.notice.show_error(error)
            return
        self.list.show_things(((known, kind_of(known.plan)) for known in sets), select)
        self._make_room()
        if self.stack.currentWidget() is not self.set_up:
            self._show_current()

    @Slot()
    def begin_new(self) -> None:
        """Show the form for a new set."""
        self.set_up.refresh()
        self.stack.setCurrentWidget(self.set_up)
        self.set_up.name.setFocus()

    def begin_with(self, dataset_id: str) -> None:
        """Show the form for a new set, with the prompts of a dataset."""
        self.begin_new()
        self.set_up.choose_dataset(dataset_id)

    @Slot()
    def choose_file(self) -> None:
        """Ask for a file of labels."""
        path, _ = QFileDialog.getOpenFileName(self, tr("Import labels"), str(self._folder), tr(_FILES))
        if path:
            self._folder = Path(path).parent
            self.import_file(Path(path))

    def import_file(self, path: Path) -> None:
        """Make a labelling set of a file, in the background."""
        if self._import is not None and not self._import.is_over:
            self.notice.show_note(tr("One import at a time: wait for this one."))
            return
        self.notice.clear()
        project = self._project
        self._import = BackgroundTask.begin(
            self, lambda _task: import_labels(project, path), self._take_imported, self.notice.show_error
        )

    def close_down(self) -> None:
        """End what is under way; what was said is kept."""
        self.judge.close_down()
        self.candidates.close_down()
        self.quality.close_down()
        self.use.close_down()
        self.set_up.close_down()
        end_tasks(self)

    def showEvent(self, event: QShowEvent) -> None:
        """Know what was voted in Chat meanwhile."""
        super().showEvent(event)
        self.refresh()

    # ---------------------------------------------------------------------------------------------------------- slots

    @Slot()
    def _show_current(self) -> None:
        known = self.known()
        if known is None:
            self.stack.setCurrentWidget(self.empty)
        else:
            self.title.setText(known.name)
            self.guidelines.show_guidelines(known.plan.guidelines)
            self.stack.setCurrentWidget(self.view)
        for part in (self.judge, self.candidates, self.quality, self.use):
            part.open_set(known)

    @Slot()
    def _judge(self) -> None:
        """Whoever chose a set with the mouse or with Return goes on with the keys of its items."""
        if self.judge.isVisible():
            self.judge.setFocus(Qt.FocusReason.OtherFocusReason)

    @Slot()
    def _begin_judging(self) -> None:
        self.tabs.setCurrentWidget(self.judge_part)

    @Slot(object)
    def _take_made(self, known: LabelSet) -> None:
        self.stack.setCurrentWidget(self.view)
        self.refresh(select=known.id)
        self.tabs.setCurrentWidget(self.candidates if known.writing else self.judge_part)
        self._new = bool(known.writing)
        self.candidates.begin()

    @Slot()
    def _take_candidates(self) -> None:
        self.judge.refresh()
        if self._new:  # judging begins with the first answers, while the others are being written
            self._new = False
            self.tabs.setCurrentWidget(self.judge_part)

    @Slot(object)
    def _take_imported(self, found: ImportedLabels) -> None:
        self.refresh(select=found.known.id)
        if found.sentence:
            self.notice.show_note(translated(found.sentence))

    @Slot(bool)
    def _show_guidelines(self, shown: bool) -> None:
        self.guidelines.setVisible(shown)
        self._make_room()

    @Slot(str)
    def _keep_guidelines(self, text: str) -> None:
        known = self.known()
        if known is None:
            return
        try:
            changed = change_guidelines(self._project, known, text)
        except StudioError as error:
            self.notice.show_error(error)
            return
        self.list.replace_current(changed)

    @Slot(str)
    def _remember_labeller(self, name: str) -> None:
        self._preferences.change(labeller=name)

    @Slot(int)
    def _judge_again(self, item: int) -> None:
        self.tabs.setCurrentWidget(self.judge_part)
        self.judge.show_item(item)

    @Slot()
    def _ask_name(self) -> None:
        known = self.known()
        if known is not None:
            dialog = text_question(self, tr("Rename labelling set"), tr("New name"), known.name)
            dialog.textValueSelected.connect(self._rename)
            dialog.open()

    @Slot(str)
    def _rename(self, name: str) -> None:
        known = self.known()
        if known is None:
            return
        try:
            rename_set(self._project, known.id, name)
        except StudioError as error:
            self.notice.show_error(error)
            return
        self.refresh()

    @Slot()
    def _ask_delete(self) -> None:
        known = self.known()
        if known is None:
            return
        box = question(
            self,
            tr("Delete “{name}”?", name=known.name),
            tr(
                "Its prompts, answers and all verdicts are taken out of the project for good. Datasets that were made "
                "of them stay."
            ),
            tr("Delete labelling set"),
        )
        box.accepted.connect(self._delete)
        box.open()

    @Slot()
    def _delete(self) -> None:
        known, project = self.known(), self._project
        if known is None:
            return
        for part in (self.judge, self.candidates, self.quality, self.use):
            part.open_set(None)
        identity = known.id
        BackgroundTask.begin(self, lambda _task: delete_set(project, identity), self._deleted, self.notice.show_error)

    @Slot(object)
    def _deleted(self, _nothing: object) -> None:
        self.refresh()

    # --------------------------------------------------------------------------------------------------------- layout

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._make_room()

    @Slot()
    def _make_room(self) -> None:
        """Where it is narrow the set's name stands in the list alone, and the list gives way to the guidelines."""
        narrow = self.width() < _NARROW
        self.title.setVisible(not narrow)
        guided = self.guidelines.isVisibleTo(self.judge_part) and self.tabs.currentWidget() is self.judge_part
        self.side.setVisible(self.list.count() > 0 and not (narrow and guided))

    def _lay_out(self) -> None:
        self.title = QLabel()
        self.title.setTextFormat(Qt.TextFormat.PlainText)
        theme.set_role(self.title, "heading")
        self.set_button = QPushButton()
        icons.put(self.set_button, "ellipsis")
        self.set_button.setToolTip(tr("Rename or delete this set"))
        self.set_button.setAccessibleName(tr("Rename or delete this set"))
        theme.set_role(self.set_button, "quiet")
        menu = QMenu(self)
        self.rename_action = menu.addAction(tr("Rename…"), self._ask_name)
        self.delete_action = menu.addAction(tr("Delete…"), self._ask_delete)
        self.set_button.setMenu(menu)
        self.judge_part = QWidget()
        halves = QHBoxLayout(self.judge_part)
        halves.setContentsMargins(0, 0, 0, 0)
        halves.setSpacing(12)
        halves.addWidget(self.judge, 3)
        halves.addWidget(self.guidelines, 1)
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        self.tabs.tabBar().setDrawBase(False)
        self.tabs.setAccessibleName(tr("Labelling set"))
        for part, name in (
            (self.judge_part, tr("Judge")),
            (self.candidates, tr("Candidates")),
            (self.quality, tr("Quality")),
            (self.use, tr("Use")),
        ):
            self.tabs.addTab(part, name)
        self.tabs.currentChanged.connect(self._make_room)
        corner = QWidget()
        row = QHBoxLayout(corner)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.title)
        row.addWidget(self.set_button)
        self.tabs.setCornerWidget(corner)
        self.view = QWidget()
        column = QVBoxLayout(self.view)
        column.setContentsMargins(16, 8, 16, 8)
        column.addWidget(self.tabs)
        self.stack = QStackedWidget()
        for part in (self.empty, self.view, self.set_up):
            self.stack.addWidget(part)
        self.side = side = QWidget()
        side.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        theme.set_role(side, "sidebar")
        heading = QLabel(tr("Labelling sets"), wordWrap=True)
        theme.set_role(heading, "heading")
        left = QVBoxLayout(side)
        left.setContentsMargins(16, 16, 16, 16)
        left.setSpacing(12)
        left.addWidget(heading)
        left.addWidget(self.list, 1)
        left.addWidget(self.new_button)
        left.addWidget(self.import_button)
        side.setMinimumWidth(172)
        right = QWidget()
        main = QVBoxLayout(right)
        main.setContentsMargins(0, 0, 0, 0)
        padded = QVBoxLayout()
        padded.setContentsMargins(24, 0, 24, 0)
        padded.addWidget(self.notice)
        main.addLayout(padded)
        main.addWidget(self.stack, 1)
        split = QSplitter()
        split.setChildrenCollapsible(True)  # at 200 % the answers need the room
        split.addWidget(side)
        split.addWidget(right)
        split.setStretchFactor(1, 1)
        split.setSizes([200, 1080])
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(split)
