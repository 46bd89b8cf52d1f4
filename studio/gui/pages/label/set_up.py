"""Beginning a labelling set: where prompts and answers come from, who writes, and how it is judged."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from studio.core.candidates import Writing
from studio.core.datasets import DatasetInfo
from studio.core.errors import StudioError
from studio.core.labelling import LISTWISE, PAIRWISE, POINTWISE, LabelPlan
from studio.core.records import KINDS
from studio.gui import theme
from studio.gui.language import tr, translated
from studio.gui.pages.label.author_list import AuthorList
from studio.gui.widgets.form import SettingsForm
from studio.gui.widgets.notice import Notice
from studio.jobs.background import BackgroundTask, end_tasks
from studio.jobs.runs import ProjectRuns
from studio.storage.datasets import list_datasets, records_of
from studio.storage.label_intake import create_set, incoming_of
from studio.storage.labels import LabelSet
from studio.storage.project import Project

_ANSWERED = ("pairs", "rankings", "ratings", "labels", "examples")  # kinds with answers to judge
_SAID = ("pairs", "rankings", "ratings", "labels")  # kinds with verdicts on them


class SetUp(QWidget):
    """Signals: `made(object LabelSet)`; `given_up()`; `import_requested()`: there is no dataset to begin with."""

    made = Signal(object)
    given_up = Signal()
    import_requested = Signal()

    def __init__(self, project: Project, runs: ProjectRuns, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._project = project
        self._task: BackgroundTask | None = None
        self._cancelled = False
        self.notice = Notice()
        self.name = QLineEdit()
        self.name.setAccessibleName(tr("Name of the labelling set"))
        self.name.setPlaceholderText(tr("Named after the dataset"))
        self.dataset = QComboBox()
        self.dataset.setAccessibleName(tr("Dataset with the prompts"))
        self.dataset.currentIndexChanged.connect(self._suit)
        self.missing = QPushButton(tr("Import prompts first…"))
        self.missing.clicked.connect(self.import_requested)
        self.answers = QCheckBox(tr("Judge the answers that the dataset holds"))
        self.verdicts = QCheckBox(tr("Keep what it says of them, under the dataset's name"))
        self.writes = QCheckBox(tr("Have models write answers"))
        for box in (self.answers, self.writes):
            box.toggled.connect(self._tell)
        self.authors = AuthorList(project, runs)
        self.authors.changed.connect(self._suit_count)
        self.plan = SettingsForm(LabelPlan)
        self.plan.changed.connect(self._tell)
        self.writing = SettingsForm(Writing)
        self.guidelines = QPlainTextEdit()
        self.guidelines.setAccessibleName(tr("Guidelines"))
        self.guidelines.setTabChangesFocus(True)
        self.guidelines.setPlaceholderText(tr("What makes an answer better? You can write this later, too."))
        self.guidelines.setFixedHeight(96)
        self.begin, self.cancel = QPushButton(tr("Begin labelling")), QPushButton(tr("Cancel"))
        theme.set_role(self.begin, "primary")
        self.begin.clicked.connect(self._begin)
        self.cancel.clicked.connect(self._give_up)
        self._lay_out()
        self.refresh()

    def refresh(self) -> None:
        """Know which datasets and models there are now."""
        try:
            found = [info for info in list_datasets(self._project) if KINDS[info.kind_name].templated]
        except StudioError as error:
            self.notice.show_error(error)
            return
        chosen = self.chosen()
        self.dataset.blockSignals(True)
        self.dataset.clear()
        for info in found:
            self.dataset.addItem(f"{info.name} ({translated(info.size)})", info)
        ids = [info.id for info in found]
        self.dataset.setCurrentIndex(ids.index(chosen.id) if chosen and chosen.id in ids else 0 if found else -1)
        self.dataset.blockSignals(False)
        self.dataset.setVisible(bool(found))
        self.missing.setVisible(not found)
        self.authors.refresh()
        self._suit()

    def choose_dataset(self, dataset_id: str) -> None:
        """Choose the dataset whose prompts are to be labelled."""
        for index in range(self.dataset.count()):
            if self.dataset.itemData(index).id == dataset_id:
                self.dataset.setCurrentIndex(index)

    def chosen(self) -> DatasetInfo | None:
        """The dataset that is chosen."""
        return self.dataset.currentData() if self.dataset.currentIndex() >= 0 else None

    def close_down(self) -> None:
        """End what is under way."""
        self._cancelled = True
        end_tasks(self)

    @Slot()
    def _suit(self) -> None:
        """Propose what fits the dataset."""
        info = self.chosen()
        kind = info.kind_name if info else ""
        several = kind in ("pairs", "rankings")
        self.answers.setChecked(kind in _SAID)
        self.writes.setChecked(not several and kind not in ("ratings", "labels"))
        way = {"rankings": LISTWISE, "ratings": POINTWISE, "labels": POINTWISE}.get(kind, PAIRWISE)
        self.plan.rows["way"].set_value(way)
        if way == POINTWISE:
            self.plan.rows["scale"].set_value("thumbs" if kind == "labels" else LabelPlan().scale)
        self._tell()

    @Slot()
    def _suit_count(self) -> None:
        chosen = len(self.authors.authors())
        row = self.writing.rows["count"]
        if chosen > int(row.value()):
            row.set_value(chosen)

    @Slot()
    def _tell(self) -> None:
        info = self.chosen()
        kind = info.kind_name if info else ""
        self.answers.setVisible(kind in _ANSWERED)
        self.verdicts.setVisible(kind in _SAID and self.answers.isChecked() and not self.writes.isChecked())
        self._writing_part.setVisible(self.writes.isChecked())
        if self._task is None or self._task.is_over:  # else it tells what is under way
            self.begin.setEnabled(info is not None)
            self.begin.setToolTip("" if info is not None else tr("Choose a dataset, or import one first."))
        way = self.plan.rows["way"].value()
        self.plan.rows["scale"].set_visible(way == POINTWISE)
        self.plan.rows["pairing"].set_visible(way == PAIRWISE)
        self.name.setPlaceholderText(info.name if info else tr("Named after the dataset"))

    @Slot()
    def _give_up(self) -> None:
        self._cancelled = True
        if self._task is None or self._task.is_over:
            self.given_up.emit()

    @Slot()
    def _begin(self) -> None:
        info = self.chosen()
        if info is None or (self._task is not None and not self._task.is_over):
            return
        self.notice.clear()
        try:
            plan = replace(self.plan.values(), guidelines=self.guidelines.toPlainText())
            plan.check()
            text = ""
            if self.writes.isChecked():
                writing = replace(self.writing.values(), authors=self.authors.authors())
                writing.check()
                text = writing.to_json()
        except StudioError as error:
            self.notice.show_error(error)
            return
        answers = self.answers.isChecked() and not self.answers.isHidden()
        verdicts = self.verdicts.isChecked() and not self.verdicts.isHidden()
        if not answers and not text:
            self.notice.show_note(
                tr("There would be nothing to judge: take the dataset's answers, or have some written.")
            )
            return
        project, name = self._project, self.name.text().strip() or info.name
        self._cancelled = False

        def work(_task: BackgroundTask) -> LabelSet:
            rows = incoming_of(records_of(project, info), plan, info.name, answers=answers, verdicts=verdicts)
            return create_set(project, name, plan, rows, writing=text, cancelled=lambda: self._cancelled)

        self._task = BackgroundTask(work, self)
        self._task.succeeded.connect(self._take_made)
        self._task.failed.connect(self._take_failure)
        self._task.cancelled.connect(self._take_cancel)
        self.begin.setEnabled(False)
        self.begin.setText(tr("Taking prompts…"))
        self.begin.setToolTip(tr("Taking prompts…"))
        self._task.start()

    @Slot(object)
    def _take_made(self, known: LabelSet) -> None:
        self._idle()
        self.name.clear()
        self.guidelines.clear()
        self.made.emit(known)

    @Slot(object)
    def _take_failure(self, error: Exception) -> None:
        self._idle()
        self.notice.show_error(error)

    @Slot()
    def _take_cancel(self) -> None:
        self._idle()
        self.given_up.emit()

    def _idle(self) -> None:
        self.begin.setEnabled(True)
        self.begin.setText(tr("Begin labelling"))
        self.begin.setToolTip("")

    def _lay_out(self) -> None:
        title = QLabel(tr("New labelling set"))
        theme.set_role(title, "title")
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(24, 16, 24, 16)
        column.setSpacing(8)
        top = QFormLayout()
        top.addRow(tr("Name"), self.name)
        row = QHBoxLayout()
        row.addWidget(self.dataset, 1)
        row.addWidget(self.missing)
        top.addRow(tr("Prompts from"), row)
        for combo in (self.dataset,):
            combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            combo.setMinimumContentsLength(16)
        self._writing_part = QWidget()
        writing = QVBoxLayout(self._writing_part)
        writing.setContentsMargins(24, 0, 0, 0)
        writing.addWidget(self.authors)
        writing.addWidget(self.writing)
        buttons = QHBoxLayout()
        buttons.addWidget(self.begin)
        buttons.addWidget(self.cancel)
        buttons.addStretch()
        for part in (title, self.notice):
            column.addWidget(part)
        column.addLayout(top)
        column.addWidget(_heading(tr("Answers")))
        for part in (self.answers, self.verdicts, self.writes, self._writing_part):
            column.addWidget(part)
        column.addWidget(_heading(tr("Judging")))
        column.addWidget(self.plan)
        column.addWidget(_heading(tr("Guidelines")))
        column.addWidget(self.guidelines)
        column.addStretch()
        inside.setMaximumWidth(760)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setWidget(inside)
        foot = QWidget()
        foot.setLayout(buttons)
        buttons.setContentsMargins(24, 8, 24, 16)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(scroll, 1)
        layout.addWidget(foot)


def _heading(text: str) -> QLabel:
    label = QLabel(text)
    theme.set_role(label, "heading")
    label.setContentsMargins(0, 12, 0, 0)
    return label
