"""The Train page: base model, data, prompt template and settings at the left, what will happen at the right.

Starting is `jobs.runs`; this page makes the recipe and says what is missing.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QGuiApplication, QShowEvent
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from studio.core.datasets import DatasetInfo
from studio.core.errors import StudioError
from studio.core.methods import SftSettings
from studio.core.recipes import Recipe
from studio.core.templates import BUILT_IN, MODELS_OWN
from studio.gui import theme
from studio.gui.pages.train.command import command_line, write_recipe
from studio.gui.pages.train.summary import SummaryCard
from studio.gui.preferences import Preferences
from studio.gui.widgets.form import SettingsForm
from studio.gui.widgets.model_choice import ModelChoice
from studio.gui.widgets.notice import Notice
from studio.jobs.runs import ProjectRuns
from studio.storage.datasets import list_datasets
from studio.storage.models import ModelInfo, list_models
from studio.storage.project import Project

_RECENT = 10  # models that other projects may begin with


class TrainPage(QWidget):
    """Makes a recipe and starts a run.

    run_started(run_id). import_requested(): there is no dataset yet and the user wants one.
    """

    run_started = Signal(str)
    import_requested = Signal()

    def __init__(
        self, project: Project, runs: ProjectRuns, preferences: Preferences, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._project, self._runs, self._preferences = project, runs, preferences
        self._template_chosen = False  # by the user, and then it stays
        self.notice = Notice()

        self.model = ModelChoice(project)
        self.model.model_chosen.connect(self._take_model)
        self.dataset = QComboBox()
        self.dataset.setAccessibleName("Dataset")
        self.dataset.setPlaceholderText("Choose a dataset")
        self.dataset.currentIndexChanged.connect(self._tell)
        self.template = QComboBox()
        self.template.setAccessibleName("Prompt template")
        self.template.addItem("The model's own", MODELS_OWN)
        for known in BUILT_IN:
            self.template.addItem(known.label, known.name)
        self.template.activated.connect(self._take_template)
        self.template_about = _muted("")
        self.name = QLineEdit()
        self.name.setAccessibleName("Name of the run")
        self.name.textChanged.connect(self._tell)
        self.settings = SettingsForm(SftSettings, advanced=preferences.values.advanced)
        self.settings.changed.connect(self._tell)
        self.settings.advanced_toggled.connect(self._remember_advanced)

        self.summary = SummaryCard()
        self.start = QPushButton()
        theme.set_role(self.start, "primary")
        self.start.clicked.connect(self._start)
        self.copy = QPushButton("Copy as command")
        theme.set_role(self.copy, "quiet")
        self.copy.setToolTip("Writes the recipe into the project and copies the line that trains it in a terminal")
        self.copy.clicked.connect(self._copy)
        self.summary.footer.addWidget(self.start)
        self.summary.footer.addWidget(self.copy)
        self._lay_out()
        self._list_datasets()
        self._choose_known_model()
        self._tell()

    def _lay_out(self) -> None:
        form = QWidget()
        column = QVBoxLayout(form)
        column.setContentsMargins(0, 0, 16, 16)
        column.setSpacing(8)
        for title, about, part in (
            ("Base model", "The model to start from. Its own files stay as they are.", self.model),
            ("Data", "The examples to learn from.", self.dataset),
            ("Prompt template", "", self.template),
        ):
            column.addWidget(_heading(title))
            column.addWidget(_muted(about) if about else self.template_about)
            column.addWidget(part)
            column.addSpacing(16)
        column.addWidget(_heading("Settings"))
        column.addSpacing(4)
        column.addWidget(self.settings)
        column.addSpacing(16)
        column.addWidget(_heading("Name"))
        column.addWidget(_muted("What the run is called in lists. Leave it empty for the one shown."))
        column.addWidget(self.name)
        column.addStretch()
        for combo in (self.dataset, self.template, self.name):
            combo.setMaximumWidth(560)
        self.model.setMaximumWidth(560)
        self.area = QScrollArea()
        self.area.setWidgetResizable(True)
        self.area.setFrameShape(QFrame.Shape.NoFrame)
        self.area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.area.setWidget(form)
        self.summary.setFixedWidth(360)
        self.summary.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Preferred)
        side = QVBoxLayout()
        side.addWidget(self.summary)
        side.addStretch()
        both = QHBoxLayout()
        both.setSpacing(24)
        both.addWidget(self.area, 1)
        both.addLayout(side)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 16, 24, 16)
        layout.setSpacing(12)
        layout.addWidget(self.notice)
        layout.addLayout(both, 1)

    # --------------------------------------------------------------------------------------------- what others ask for

    def choose_dataset(self, dataset_id: str) -> None:
        """Choose a dataset; one that isn't there leaves the choice as it is."""
        self._list_datasets()
        for index in range(self.dataset.count()):
            if self.dataset.itemData(index).id == dataset_id:
                self.dataset.setCurrentIndex(index)

    def close_down(self) -> None:
        """Wait for what is under way."""
        self.model.close_down()

    def showEvent(self, event: QShowEvent) -> None:
        """Know what other pages imported, renamed or deleted."""
        self._list_datasets()
        super().showEvent(event)

    # ------------------------------------------------------------------------------------------------------ the choice

    def recipe(self) -> Recipe:
        """What is asked for, with the dataset by name. Raises StudioError when something is missing or wrong."""
        model, dataset = self.model.model(), self._dataset()
        recipe = Recipe(
            base_model=str(model.folder) if model else "",
            dataset=dataset.name if dataset else "",
            name=self.name.text().strip() or self._usual_name(),
            template=self.template.currentData(),
            settings=self.settings.values(),
        )
        recipe.check()
        return recipe

    def _dataset(self) -> DatasetInfo | None:
        return self.dataset.currentData() if self.dataset.currentIndex() >= 0 else None

    def _usual_name(self) -> str:
        model, dataset = self.model.model(), self._dataset()
        return f"{model.name} on {dataset.name}" if model and dataset else ""

    def _missing(self) -> tuple[str, QWidget | None]:
        """What the Start button says instead, and the field to go to; empty when nothing is missing."""
        if self.model.model() is None:
            return "Choose a base model", self.model.combo if self.model.combo.isEnabled() else self.model.browse
        if self.dataset.count() == 0:
            return "Import a dataset first", None
        if self._dataset() is None:
            return "Choose a dataset", self.dataset
        for name in self.settings.problems():
            row = self.settings.rows[name]
            return f"Correct “{row.known.label}”", row.editor
        return "", None

    def _list_datasets(self) -> None:
        """Read the list again; the choice stays, and at first it is the newest."""
        chosen = self._dataset()
        try:
            found = list_datasets(self._project)
        except StudioError as error:
            self.notice.show_error(error)
            return
        self.dataset.blockSignals(True)
        self.dataset.clear()
        for info in found:
            self.dataset.addItem(f"{info.name} ({info.rows:,} examples)", info)
        ids = [info.id for info in found]
        self.dataset.setCurrentIndex(ids.index(chosen.id) if chosen and chosen.id in ids else 0 if found else -1)
        self.dataset.setEnabled(bool(found))
        self.dataset.setPlaceholderText("Choose a dataset" if found else "No dataset yet: import one in Data")
        self.dataset.blockSignals(False)
        self._tell()

    def _choose_known_model(self) -> None:
        """Begin with the model that was used last, in this project or in another."""
        try:
            known = [*list_models(self._project), *map(Path, self._preferences.values.recent_models)]
        except StudioError as error:
            self.notice.show_error(error)
            return
        there = [folder for folder in known if (folder / "config.json").is_file()]
        if there:
            self.model.choose(there[0])

    @Slot(object)
    def _take_model(self, model: ModelInfo) -> None:
        folder, recent = str(model.folder), self._preferences.values.recent_models
        self._preferences.change(recent_models=(folder, *(other for other in recent if other != folder))[:_RECENT])
        if not self._template_chosen:
            self.template.setCurrentIndex(0 if model.has_chat_template else 1)
        self._tell()

    @Slot(int)
    def _take_template(self, _index: int) -> None:
        self._template_chosen = True
        self._tell()

    @Slot(bool)
    def _remember_advanced(self, shown: bool) -> None:
        self._preferences.change(advanced=shown)

    @Slot()
    def _tell(self) -> None:
        """Say what will happen, and what is missing for it."""
        missing, _ = self._missing()
        self.start.setText(missing or "Start training")
        self.name.setPlaceholderText(self._usual_name() or "Named after model and data")
        model, template = self.model.model(), self.template.currentData()
        own = model is None or model.has_chat_template
        about = next((known.about for known in BUILT_IN if known.name == template), "")
        if template == MODELS_OWN:
            about = (
                "Written as the model's makers intended."
                if own
                else f"This model has none; {BUILT_IN[0].label} is used."
            )
        self.template_about.setText(f"How a conversation becomes one text. {about}")
        problems = self.settings.problems()
        self.summary.show_plan(
            model,
            self._dataset(),
            self.template.currentText(),
            None if problems else self.settings.values(),
            next(iter(problems.values()), ""),
        )

    # --------------------------------------------------------------------------------------------------------- actions

    def _goes(self) -> bool:
        """Whether nothing is missing; otherwise the user is taken to what is."""
        missing, field = self._missing()
        if not missing:
            return True
        if field is None:
            self.import_requested.emit()
            return False
        self.area.ensureWidgetVisible(field)
        field.setFocus(Qt.FocusReason.OtherFocusReason)
        return False

    @Slot()
    def _start(self) -> None:
        if not self._goes():
            return
        self.notice.clear()
        try:
            dataset = self._dataset()
            recipe = replace(self.recipe(), dataset=dataset.id if dataset else "")
            record = self._runs.start(recipe)
        except StudioError as error:
            self.notice.show_error(error)
            return
        self.run_started.emit(record.id)

    @Slot()
    def _copy(self) -> None:
        if not self._goes():
            return
        try:
            file = write_recipe(self._project, self.recipe())
        except StudioError as error:
            self.notice.show_error(error)
            return
        QGuiApplication.clipboard().setText(command_line(self._project, file))
        self.notice.show_note(f"The command is on the clipboard; its recipe is recipes/{file.name} in the project.")


def _heading(text: str) -> QLabel:
    label = QLabel(text)
    theme.set_role(label, "heading")
    return label


def _muted(text: str) -> QLabel:
    label = QLabel(text)
    label.setWordWrap(True)
    label.setTextFormat(Qt.TextFormat.PlainText)
    theme.set_role(label, "muted")
    return label
