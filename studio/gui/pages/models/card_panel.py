"""A model's card: what it is, how large, under which licence, where it lies and what it was made from.

It is read in a thread. What the model's author wrote is shown as the text it is.
"""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QFormLayout, QLabel, QPlainTextEdit, QVBoxLayout, QWidget

from studio.gui import theme
from studio.gui.language import mark, tr, translated
from studio.gui.pages.models.panel import Panel
from studio.gui.widgets.notice import Notice
from studio.gui.widgets.visible_text import unsteered
from studio.gui.widgets.ways_in import WaysIn
from studio.jobs.background import BackgroundTask, end_tasks
from studio.storage.library import LibraryModel
from studio.storage.model_cards import ModelCard, read_card
from studio.storage.project import Project


class CardPanel(Panel):
    """Shows what `storage.model_cards` knows of a model.

    Signal: `opened(object Path)`: a model that couldn't be used can be now.
    """

    opened = Signal(object)
    title = mark("About")

    def __init__(self, project: Project, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._project = project
        self._model: LibraryModel | None = None
        self.notice = Notice()
        self._ways = WaysIn(project, self.notice, self)
        self._ways.opened.connect(self.opened)
        self.rows = QFormLayout()
        self.rows.setHorizontalSpacing(24)
        self.rows.setVerticalSpacing(8)
        self.rows.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self.lineage_title = _heading(tr("Made from"))
        self.lineage = QLabel()
        self.template_title = _heading(tr("Chat template"))
        self.template = _text(tr("Chat template"))
        self.template.setFixedHeight(120)
        self.readme_title = _heading(tr("What its author says"))
        self.readme = _text(tr("What its author says"))
        self.readme.setMinimumHeight(200)
        self.lineage.setTextFormat(Qt.TextFormat.PlainText)
        self.lineage.setWordWrap(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 12, 0)
        layout.setSpacing(12)
        layout.addWidget(self.notice)
        layout.addLayout(self.rows)
        for part in (self.lineage_title, self.lineage, self.template_title, self.template, self.readme_title):
            layout.addWidget(part)
        layout.addWidget(self.readme, 1)
        layout.addStretch(0)

    def show_model(self, model: LibraryModel) -> None:
        """Read and show a model's card."""
        self._model = model
        project = self._project

        def read(_task: BackgroundTask) -> ModelCard:
            return read_card(project, model)

        BackgroundTask.begin(self, read, self._show, self.notice.show_error)

    def close_down(self) -> None:
        """Wait for what is being read."""
        end_tasks(self)

    @Slot(object)
    def _show(self, card: ModelCard) -> None:
        if card.model != self._model:
            return
        while self.rows.rowCount():
            self.rows.removeRow(0)
        for name, value in ((translated(name), translated(value)) for name, value in card.rows):
            told = QLabel(value)
            told.setTextFormat(Qt.TextFormat.PlainText)
            told.setWordWrap(True)
            told.setTextInteractionFlags(
                Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
            )
            told.setAccessibleName(f"{name}: {value}")
            label = QLabel(name)
            theme.set_role(label, "muted")
            self.rows.addRow(label, told)
        self.lineage.setText("  →  ".join(card.lineage))
        self.template.setPlainText(unsteered(card.template))
        self.readme.setPlainText(unsteered(card.readme))
        for title, part, there in (
            (self.lineage_title, self.lineage, len(card.lineage) > 1),
            (self.template_title, self.template, bool(card.template)),
            (self.readme_title, self.readme, bool(card.readme)),
        ):
            title.setVisible(there)
            part.setVisible(there)
        if card.trouble is not None:
            self._ways.show_error(card.trouble, card.model.base or card.model.folder)
        else:
            self.notice.clear()


def _heading(text: str) -> QLabel:
    label = QLabel(text)
    theme.set_role(label, "heading")
    label.hide()
    return label


def _text(name: str) -> QPlainTextEdit:
    edit = QPlainTextEdit(readOnly=True)
    edit.setAccessibleName(name)
    edit.setTabChangesFocus(True)
    theme.set_role(edit, "mono")
    edit.hide()
    return edit
