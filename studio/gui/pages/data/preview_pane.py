"""The selected example as the exact tokens that training will use. Where they come from is `token_source`."""

from __future__ import annotations

import contextlib
from typing import Any

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QSpinBox,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from studio.core.errors import StudioError
from studio.core.fields import Setting, settings_of
from studio.core.messages import Example, tools_of
from studio.core.methods import SftSettings
from studio.core.preview import TokenPreview
from studio.core.records import Passage, Prompt, Record, TaskRow
from studio.core.templates import BUILT_IN, MODELS_OWN, PromptTemplate
from studio.gui import theme
from studio.gui.language import tr, translated, trn
from studio.gui.pages.data.learned_choice import LearnedChoice
from studio.gui.pages.data.legend import Legend
from studio.gui.pages.data.template_editor import TemplateEditor
from studio.gui.pages.data.token_source import TokenSource
from studio.gui.pages.data.token_view import TokenView
from studio.gui.widgets.empty_state import EmptyState
from studio.gui.widgets.flow_layout import FlowLayout
from studio.gui.widgets.model_choice import ModelChoice
from studio.gui.widgets.narrow_combo import NarrowCombo
from studio.gui.widgets.notice import Notice
from studio.gui.widgets.number_box import NumberBox
from studio.storage.models import ModelInfo, list_models
from studio.storage.project import Project
from studio.storage.templates import offered_templates

_ONE_ROW, _TWO_ROWS = 840, 570  # logical pixels that the choices need beside each other, and two by two

_LEAST = {4: 240, 2: 330, 1: 470}  # logical pixels of height by the columns of choices


class PreviewPane(QWidget):
    """Model, template and length, and the tokens that they give. `command` replaces the worker's, for tests.

    Signal: `preview_shown()` when an answer is on screen.
    """

    preview_shown = Signal()

    def __init__(self, project: Project, parent: QWidget | None = None, command: list[str] | None = None) -> None:
        super().__init__(parent)
        self._project = project
        self._example: Record | None = None
        self._own_template = True
        self._columns = 0
        self._written = ""  # the text of the template that wrote what is on screen
        self.source = TokenSource(project, self, command)
        self.source.asking.connect(self._say_asking)
        self.source.answered.connect(self._show)
        self.source.refused.connect(self._fail)
        self.source.stopped.connect(self._take_end)
        self.model = ModelChoice(project, compact=True)
        self.model.model_chosen.connect(self._take_model)
        settings = {known.name: known for known in settings_of(SftSettings)}
        self.template = NarrowCombo(10)
        self.template.setAccessibleName(tr("Template"))
        self.template.activated.connect(self._take_template)
        self.edit_template = QPushButton(tr("Edit…"))
        self.edit_template.setToolTip(tr("Write a template of your own, and see its tokens as you type"))
        self.edit_template.setAccessibleName(tr("Edit the template"))
        theme.set_role(self.edit_template, "quiet")
        self.edit_template.clicked.connect(self.open_editor)
        self.editor: TemplateEditor | None = None
        self.length = _spin(settings["max_length"])
        self.length.valueChanged.connect(self._ask)
        self.learned = LearnedChoice()
        self.learned.changed.connect(self._ask)
        self.counts = QLabel()
        theme.set_role(self.counts, "muted")
        self.legend = Legend()
        self.warnings = QLabel()
        self.warnings.setTextFormat(Qt.TextFormat.PlainText)
        self.warnings.setWordWrap(True)
        theme.set_role(self.warnings, "warning")
        self.notice = Notice()
        self.tokens = TokenView()
        self.empty = EmptyState("")
        self.stack = QStackedWidget()
        self.stack.addWidget(self.empty)
        self.stack.addWidget(self.tokens)
        self._lay_out(settings)
        self._offer_templates(None)
        self._choose_known_model()
        self._ask()

    def _choose_known_model(self) -> None:
        """Begin with the model that was chosen last in the project."""
        with contextlib.suppress(StudioError):  # said by the page, which reads the same database
            for folder in list_models(self._project)[:1]:
                if (folder / "config.json").is_file():
                    self.model.choose(folder)

    def show_example(self, example: Record | None) -> None:
        """Show the tokens of another example."""
        self._example = example
        # Of a judged answer that answer is what counts, and there is nothing to choose; nor is there in plain text.
        self._learned_choice.setVisible(example is None or isinstance(example, Example))
        self._template_choice.setVisible(not isinstance(example, Passage))
        self.choices.setVisible(not isinstance(example, TaskRow))
        self._ask()

    def close_down(self) -> None:
        """End the worker and wait for the threads."""
        self._example = None
        if self.editor is not None:
            self.editor.close()
        self.model.close_down()
        self.source.close_down()

    @Slot()
    def open_editor(self) -> None:
        """Write a template, beginning with the chosen one."""
        if self.editor is not None:
            self.editor.raise_()
            return
        chosen = self.template.currentData()
        begin = next((known for known in self._known if known.name == chosen), BUILT_IN[0])
        if chosen == MODELS_OWN and self._written:
            begin = PromptTemplate(MODELS_OWN, "template", "", self._written)
        self.editor = TemplateEditor(self._project, begin, self)
        self.editor.tried.connect(self._ask)
        self.editor.kept.connect(self._take_kept)
        self.editor.forgotten.connect(self._offer_again)
        self.editor.finished.connect(self._editor_closed)
        self.editor.open_beside()
        self._ask()

    @Slot(str)
    def _take_kept(self, name: str) -> None:
        self._own_template = False
        self._offer_again()
        self.template.setCurrentIndex(max(0, self.template.findData(name)))
        self._ask()

    @Slot()
    def _offer_again(self) -> None:
        self._offer_templates(self.model.model())
        self._ask()

    @Slot()
    def _editor_closed(self) -> None:
        self.editor = None
        self._ask()

    @Slot(object)
    def _take_model(self, model: ModelInfo) -> None:
        self._offer_templates(model)
        self._ask()

    def _offer_templates(self, model: ModelInfo | None) -> None:
        chosen = self.template.currentData()
        own = model is not None and model.has_chat_template
        self.template.clear()
        if own:
            self.template.addItem(tr("The model's own"), MODELS_OWN)
        self._known: list[PromptTemplate] = list(BUILT_IN)
        with contextlib.suppress(StudioError):  # said by the page, which reads the same database
            self._known = offered_templates(self._project)
        for template in self._known:
            self.template.addItem(translated(template.label), template.name)
            self.template.setItemData(
                self.template.count() - 1, translated(template.about), Qt.ItemDataRole.ToolTipRole
            )
        # The model's own is right unless somebody said otherwise.
        keep = -1 if own and self._own_template else self.template.findData(chosen)
        self.template.setCurrentIndex(max(0, keep))

    @Slot(int)
    def _take_template(self, index: int) -> None:
        self._own_template = self.template.itemData(index) == MODELS_OWN
        self._ask()

    @Slot()
    def _ask(self) -> None:
        """Ask for the tokens of what is chosen, or say what is missing."""
        model, example = self.model.model(), self._example
        if model is None:
            self._say_empty(
                tr("Choose a base model to see the exact tokens"),
                tr("Its tokenizer decides how the text is cut up, and its template what is put around it."),
            )
            return
        if example is None:
            self._say_empty(tr("Select an example to see its tokens"))
            return
        if isinstance(example, TaskRow):
            self._say_empty(
                tr("A row of a labelled task"), tr("Make instructions of it: then there is something to learn.")
            )
            return
        self.source.want(self._request(model, example))

    def _request(self, model: ModelInfo, example: Record) -> dict[str, Any]:
        """What is asked for, as `core.preview` has it."""
        shared = {"do": "preview", "model": str(model.folder), "max_length": self.length.value()}
        if isinstance(example, Passage):
            return {**shared, "template": MODELS_OWN, "text": example.text}
        turns = example.conversation
        return {
            **shared,
            "template": self.template.currentData() if self.editor is None else self.editor.template(),
            "messages": [turn.as_row() for turn in turns],
            "tools": tools_of(turns),
            "train_on": self.learned.train_on.currentData() if isinstance(example, Example) else "last answer",
            "also": self.learned.also() if isinstance(example, Example) else [],
        }

    @Slot(bool)
    def _say_asking(self, ready: bool) -> None:
        self.counts.setText(tr("Encoding…") if ready else tr("Starting the tokenizer…"))
        if self.source.settled is None:
            self._show_empty(tr("Starting the tokenizer…"), tr("The first time takes a few seconds."))

    @Slot(object)
    def _fail(self, error: StudioError) -> None:
        if self.editor is not None:
            self.editor.show_error(error)
            return
        self._show_empty(tr("This example can't be shown as tokens"))
        self.notice.show_error(error)

    @Slot(object)
    def _take_end(self, error: StudioError | None) -> None:
        if error is not None:
            self._show_empty(tr("The tokenizer has stopped"), tr("Choose another example to start it again."))
            self.notice.show_error(error)

    @Slot(object)
    def _show(self, preview: TokenPreview) -> None:
        self.notice.clear()
        if self.editor is not None:
            self.editor.show_preview(preview)
        self._written = preview.jinja
        self.tokens.show_preview(preview)
        counts = trn(
            "{count:,} token, {trained:,} trained",
            "{count:,} tokens, {trained:,} trained",
            preview.total,
            trained=preview.trained,
        )
        if preview.template:
            counts = tr("{counts} · template: {template}", counts=counts, template=translated(preview.template))
        self.counts.setText(counts)
        said = [translated(warning) for warning in preview.warnings]
        if isinstance(self._example, Prompt):  # of course nothing is learned of it
            said = [tr("A prompt waits for an answer. PPO, RLOO and GRPO learn from those that the policy writes.")]
        self.warnings.setText("\n".join(said))
        self.warnings.setVisible(bool(said))
        self.legend.show()
        self.stack.setCurrentWidget(self.tokens)
        self.preview_shown.emit()

    def _say_empty(self, title: str, text: str = "") -> None:
        """Say what is missing, and ask for nothing."""
        self.source.want(None)
        self._show_empty(title, text)

    def _show_empty(self, title: str, text: str = "") -> None:
        self.counts.clear()
        self.warnings.hide()
        self.legend.hide()
        self.empty.say(title, text)
        self.stack.setCurrentWidget(self.empty)

    def _arrange(self) -> None:
        """Put the choices in one row, or in more where there is less room."""
        columns = 4 if self.width() >= _ONE_ROW else 2 if self.width() >= _TWO_ROWS else 1
        if columns == self._columns:
            return
        self._columns = columns
        self.setMinimumHeight(_LEAST[columns])
        for place, choice in enumerate(self._choices):
            self._grid.addWidget(choice, place // columns, place % columns)
        for column, stretch in enumerate((7, 7, 4, 6)):
            self._grid.setColumnStretch(column, stretch if columns > 2 else int(column < columns))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

    @staticmethod
    def _beside(editor: QWidget, button: QPushButton) -> QWidget:
        both = QWidget()
        line = QHBoxLayout(both)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(4)
        line.addWidget(editor, 1)
        line.addWidget(button)
        both.setFocusProxy(editor)
        return both

    def _lay_out(self, settings: dict[str, Setting]) -> None:
        self._choices: list[QWidget] = []
        self.choices = holder = QWidget()
        holder.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)  # one row must not be the least
        self._grid = QGridLayout(holder)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(16)
        for name, editor in (
            (tr("Base model"), self.model),
            (tr("Template"), self._beside(self.template, self.edit_template)),
            (translated(settings["max_length"].label), self.length),
            (translated(settings["train_on"].label), self.learned),
        ):
            label = QLabel(name)
            label.setBuddy(editor)
            theme.set_role(label, "muted")
            choice = QWidget()
            column = QVBoxLayout(choice)
            column.setContentsMargins(0, 0, 0, 0)
            column.setSpacing(4)
            column.addWidget(label)
            column.addWidget(editor)
            column.addStretch()
            self._choices.append(choice)
        _, self._template_choice, _, self._learned_choice = self._choices
        self._arrange()
        line = FlowLayout(spacing=16)
        line.addWidget(self.counts)
        line.addWidget(self.legend)
        for editor in (self.template, self.length):
            editor.setMinimumWidth(116)  # what they could hold must not decide the width of the window
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 8, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(holder)
        layout.addWidget(self.notice)
        layout.addLayout(line)
        layout.addWidget(self.warnings)
        layout.addWidget(self.stack, 1)


def _spin(known: Setting) -> QSpinBox:
    spin = NumberBox()
    spin.setRange(int(known.low or 0), int(known.high or 0))
    spin.setValue(known.default)
    spin.setSingleStep(64)
    spin.setSuffix(f" {translated(known.unit)}")
    spin.setGroupSeparatorShown(True)
    spin.setKeyboardTracking(False)
    spin.setAccessibleName(translated(known.label))
    spin.setToolTip(translated(known.about))
    return spin
