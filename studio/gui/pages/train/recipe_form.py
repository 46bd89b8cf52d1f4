"""What makes a recipe: method, base model, data, template and settings, and how the choice of one bears on others.

All of it is made from the method's card (`core.methods`). What will come of it, and starting it, is the page's.
"""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QLineEdit, QScrollArea, QVBoxLayout, QWidget

from studio.core.errors import StudioError
from studio.core.glossary import GLOSSARY
from studio.core.methods import METHODS, Method, TrainSettings
from studio.core.recipes import Recipe
from studio.core.records import KINDS
from studio.core.rewards import Rewards
from studio.core.templates import MODELS_OWN
from studio.core.training_settings import FULL, usual_rate
from studio.core.ways import Unavailable, unavailable
from studio.gui import theme
from studio.gui.language import tr, translated
from studio.gui.pages.train.dataset_choice import DatasetChoice
from studio.gui.pages.train.method_cards import MethodCards
from studio.gui.pages.train.reward_choice import RewardChoice
from studio.gui.pages.train.start_from import StartFrom
from studio.gui.pages.train.template_choice import TemplateChoice
from studio.gui.preferences import Preferences
from studio.gui.widgets.form import SettingsForm
from studio.gui.widgets.model_choice import ModelChoice
from studio.jobs.runs import ProjectRuns
from studio.storage.datasets import find_dataset
from studio.storage.models import ModelInfo, is_whole_model, list_models
from studio.storage.project import Project

_WIDEST = 560  # of fields, in logical pixels
_RECENT = 10  # models that other projects may begin with


class RecipeForm(QScrollArea):
    """Signals: `changed()`; `import_requested()`: there is no dataset that fits and the user wants one;
    `failed(object StudioError)`; `said(str)`: a note."""

    changed = Signal()
    import_requested = Signal()
    failed = Signal(object)
    said = Signal(str)

    def __init__(
        self, project: Project, runs: ProjectRuns, preferences: Preferences, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._project, self._preferences = project, preferences
        self.methods = MethodCards(preferences.values.method)
        self.methods.method_chosen.connect(self._take_method)
        self.model = ModelChoice(project)
        self.model.model_chosen.connect(self._take_model)
        self.start_from = StartFrom(runs, self.methods.method())
        self.start_from.changed.connect(self._take_start)
        self.dataset = DatasetChoice(project, self.methods.method())
        self.dataset.changed.connect(self.tell)
        self.dataset.import_requested.connect(self.import_requested)
        self.dataset.failed.connect(self.failed)
        self.rewards = RewardChoice(runs)
        self.rewards.changed.connect(self.tell)
        self.rewards.failed.connect(self.failed)
        self.template = TemplateChoice(project)
        self.template.changed.connect(self.tell)
        self.name = QLineEdit()
        self.name.setAccessibleName(tr("Name of the run"))
        self.name.textChanged.connect(self.tell)
        self._unavailable: Unavailable = {}
        self._forms: dict[str, SettingsForm[TrainSettings]] = {}
        self._forms_place = QVBoxLayout()
        self.settings = self._form_of(self.methods.method())
        self._lay_out()
        self.tell()

    def _lay_out(self) -> None:
        form = QWidget()
        column = QVBoxLayout(form)
        column.setContentsMargins(0, 0, 16, 16)
        column.setSpacing(8)
        column.addWidget(_heading(tr("Method")))
        column.addWidget(self.methods)
        column.addSpacing(16)
        base = tr("The model to start from. Its own files stay as they are.")
        self._start_part = _section(tr("Start from"), self.start_from)
        self._template_part = _section(tr("Prompt template"), self.template)
        self._rewards_part = _section(tr("Reward"), self.rewards)
        for part in (
            _section(tr("Base model"), _muted(base), self.model),
            self._start_part,
            _section(tr("Data"), self.dataset),
            self._rewards_part,
            self._template_part,
        ):
            column.addWidget(part)
        column.addWidget(_heading(tr("Settings")))
        column.addSpacing(4)
        column.addLayout(self._forms_place)
        column.addSpacing(16)
        name_about = tr("What the run is called in lists. Leave it empty for the one shown.")
        column.addWidget(_section(tr("Name"), _muted(name_about), self.name))
        column.addStretch()
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setWidget(form)

    # --------------------------------------------------------------------------------------------- what others ask for

    def choose_dataset(self, dataset_id: str, method: str = "") -> None:
        """Choose a dataset, with `method` or another that learns from its kind; what can't be done is said."""
        try:
            info = find_dataset(self._project, dataset_id)
        except StudioError as error:
            self.failed.emit(error)
            return
        fitting = [name for name, method in METHODS.items() if info.kind_name in method.needs]
        if not fitting:
            self.said.emit(
                tr(
                    "“{name}” holds {rows}, and no method here learns from them.",
                    name=info.name,
                    rows=translated(info.kind.rows),
                )
            )
            return
        if method in fitting:
            self.methods.choose(method)
        elif self.methods.method().name not in fitting:
            self.methods.choose(fitting[0])
        self.dataset.refresh()
        self.dataset.choose(info.id)

    def choose_method(self, method: str) -> None:
        """Choose how to train."""
        self.methods.choose(method)

    def choose_model(self, folder: Path) -> None:
        """Choose the base model in that folder, once it has passed its check."""
        self.model.choose(folder)

    def show_recipe(self, recipe: Recipe) -> None:
        """Fill in the form as a recipe says; nothing starts."""
        self.methods.choose(recipe.method)
        self.start_from.choose(recipe.adapter)
        self.model.choose(Path(recipe.base_model))
        self.dataset.refresh()
        self.dataset.choose(recipe.dataset)
        self.settings.set_values(recipe.settings)
        self.template.choose(recipe.template)
        if recipe.how.is_rewarded:
            self.rewards.show_rewards(recipe.rewards)
        self.name.setText(recipe.name)

    def begin(self) -> None:
        """Begin with the model that was used last, in this project or in another."""
        try:
            known = [*list_models(self._project), *map(Path, self._preferences.values.recent_models)]
        except StudioError as error:
            self.failed.emit(error)
            return
        there = [folder for folder in known if (folder / "config.json").is_file()]
        if there:
            self.model.choose(there[0])

    def go_to(self, field: QWidget) -> None:
        """Take the user to a field."""
        self.ensureWidgetVisible(field)
        field.setFocus(Qt.FocusReason.OtherFocusReason)

    # ------------------------------------------------------------------------------------------------------ the choice

    def recipe(self) -> Recipe:
        """What is asked for, with the dataset by name. Raises StudioError when something is missing or wrong."""
        method, model, dataset = self.methods.method(), self.model.model(), self.dataset.dataset()
        recipe = Recipe(
            base_model=str(model.folder) if model else "",
            dataset=dataset.name if dataset else "",
            name=self.name.text().strip() or self._usual_name(),
            template=self.template.template() if is_templated(method) else MODELS_OWN,
            method=method.name,
            adapter=self.start_from.adapter(),
            settings=self.settings.values(),
            rewards=self.chosen_rewards(),
        )
        recipe.check()
        return recipe

    def chosen_rewards(self) -> Rewards:
        """What is rewarded, where the method learns from a reward."""
        return self.rewards.rewards() if self.methods.method().is_rewarded else Rewards()

    def _usual_name(self) -> str:
        model, dataset = self.model.model(), self.dataset.dataset()
        return tr("{name} on {name_2}", name=model.name, name_2=dataset.name) if model and dataset else ""

    def missing(self) -> tuple[str, QWidget | None]:
        """What a start button says instead of starting, and the field to go to; empty when nothing is missing."""
        if self.model.model() is None:
            return tr("Choose a base model"), self.model.combo if self.model.combo.isEnabled() else self.model.browse
        if self.dataset.dataset() is None:
            return tr("Import a dataset first"), None
        if self.methods.method().is_rewarded and self.rewards.missing()[0]:
            return self.rewards.missing()
        for name in self.settings.problems():
            row = self.settings.rows[name]
            return tr("Correct “{label}”", label=translated(row.known.label)), row.editor
        return "", None

    def _form_of(self, method: Method) -> SettingsForm[TrainSettings]:
        """The form of a method's settings. It is made once, so that what was typed stays."""
        if method.name not in self._forms:
            form = SettingsForm(method.settings, advanced=self._preferences.values.advanced, glossary=GLOSSARY)
            form.set_unavailable(self._unavailable)
            form.leave_out(self._not_here())
            form.changed.connect(self.tell)
            form.advanced_toggled.connect(self._remember_advanced)
            if "way" in form.rows:  # not where adapters are all there is
                form.rows["way"].changed.connect(self._suit_rate)
            self._forms[method.name] = form
            self._forms_place.addWidget(form)
        return self._forms[method.name]

    @Slot(str)
    def _take_method(self, name: str) -> None:
        method = METHODS[name]
        self._preferences.change(method=name)
        self.settings.hide()
        self.settings = self._form_of(method)
        self.settings.advanced.setChecked(self._preferences.values.advanced)
        self.settings.show()
        self.start_from.show_for(method, self.model.model())
        self.settings.leave_out(self._not_here())
        self.dataset.take_method(method)
        self._suit_template()
        self.tell()

    @Slot(object)
    def _take_model(self, model: ModelInfo) -> None:
        folder, recent = str(model.folder), self._preferences.values.recent_models
        self._preferences.change(recent_models=(folder, *(other for other in recent if other != folder))[:_RECENT])
        self.start_from.show_for(self.methods.method(), model)
        self.rewards.show_for(model)
        self._suit_template()
        self.tell()

    @Slot()
    def _take_start(self) -> None:
        self.settings.leave_out(self._not_here())
        self._suit_template()
        self.tell()

    @Slot(object)
    def take_settings(self, settings: TrainSettings) -> None:
        """Take other settings of the method, such as ones that need less memory."""
        self.settings.set_values(settings)

    @Slot(str)
    def take_device(self, kind: str) -> None:
        """Grey what the machine can't do."""
        self._unavailable = unavailable(kind)
        for form in self._forms.values():
            form.set_unavailable(self._unavailable)

    @Slot()
    def _suit_rate(self) -> None:
        """All weights want a tenth of an adapter's learning rate; one that the user typed stays."""
        rate, full = self.settings.rows["learning_rate"], self.settings.rows["way"].value() == FULL
        if rate.value() in (usual_rate(rate.known.default, full=False), usual_rate(rate.known.default, full=True)):
            rate.set_value(usual_rate(rate.known.default, full=full))

    def _not_here(self) -> set[str]:
        """Settings about an adapter to start from, where there is none or what there is is a whole model."""
        record = self.start_from.record()
        return set() if record is not None and not is_whole_model(record.folder.result) else {"start"}

    def _suit_template(self) -> None:
        self.template.suit(self.model.model(), from_adapter=bool(self.start_from.adapter()))

    @Slot(bool)
    def _remember_advanced(self, shown: bool) -> None:
        self._preferences.change(advanced=shown)

    @Slot()
    def tell(self) -> None:
        """Show the parts that matter for what is chosen."""
        method = self.methods.method()
        self.name.setPlaceholderText(self._usual_name() or tr("Named after model and data"))
        self._start_part.setVisible(self.start_from.matters())
        self._template_part.setVisible(is_templated(method))
        self._rewards_part.setVisible(method.is_rewarded)
        self.rewards.explain(method.name)
        self.changed.emit()


def is_templated(method: Method) -> bool:
    """Whether the method learns from conversations, which a template writes out."""
    return any(KINDS[name].templated for name in method.needs)


def _section(title: str, *parts: QWidget) -> QWidget:
    """A heading with what belongs under it, no wider than is good to read; it can be hidden as one."""
    inside = QWidget()
    inside.setMaximumWidth(_WIDEST)
    column = QVBoxLayout(inside)
    column.setContentsMargins(0, 0, 0, 16)
    column.setSpacing(8)
    column.addWidget(_heading(title))
    for part in parts:
        column.addWidget(part)
    # A row asks for the height at the width that it gives; a column would ask at its own width, and cut texts off.
    section = QWidget()
    row = QHBoxLayout(section)
    row.setContentsMargins(0, 0, 0, 0)
    row.addWidget(inside, 1)
    row.addStretch()
    return section


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
