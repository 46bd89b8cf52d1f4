"""A model's card: what it is, how large, under which licence, where it lies and what it was made from.

It is read in a thread. What the model's author wrote is shown as the text it is.
"""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QFormLayout, QPlainTextEdit, QPushButton, QWidget

from studio.gui import theme
from studio.gui.language import mark, tr, translated
from studio.gui.pages.models.panel import Panel, form_rows, row_of
from studio.gui.widgets.plain_label import plain_label
from studio.gui.widgets.visible_text import unsteered
from studio.gui.widgets.ways_in import WaysIn
from studio.jobs.background import BackgroundTask
from studio.storage.judging_shelf import newest_figures
from studio.storage.library import LibraryModel
from studio.storage.model_cards import ModelCard, read_card
from studio.storage.project import Project


class CardPanel(Panel):
    """Shows what `storage.model_cards` knows of a model.

    Signals: `opened(object Path)`: a model that couldn't be used can be now; `newer_requested(str name)`: whether the
    Hub has a newer version of a downloaded one.
    """

    opened = Signal(object)
    newer_requested = Signal(str)
    title = mark("About")

    def __init__(self, project: Project, parent: QWidget | None = None) -> None:
        super().__init__(project, parent)
        self._card: ModelCard | None = None
        self._ways = WaysIn(project, self.notice, self)
        self._ways.opened.connect(self.opened)
        self.newer = QPushButton(tr("Look for a newer version…"))
        self.newer.setToolTip(tr("Shows it among the models to get; nothing is asked yet"))
        self.newer.clicked.connect(self._look_newer)
        self.newer.hide()
        self.rows = form_rows()
        self.rows.setVerticalSpacing(8)
        self.rows.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self.lineage_title, self.lineage = plain_label(tr("Made from"), "heading"), plain_label()
        self.template_title, self.template = plain_label(tr("Chat template"), "heading"), _text(tr("Chat template"))
        self.template.setFixedHeight(120)
        self.readme_title, self.readme = (
            plain_label(tr("What its author says"), "heading"),
            _text(tr("What its author says")),
        )
        self.readme.setMinimumHeight(200)
        self.place(
            self.rows,
            row_of(self.newer),
            self.lineage_title,
            self.lineage,
            self.template_title,
            self.template,
            self.readme_title,
        )
        self.column.addWidget(self.readme, 1)
        self.column.addStretch(0)
        for part in (self.lineage_title, self.lineage, self.template_title, self.readme_title):
            part.hide()

    def suits(self, model: LibraryModel) -> bool:
        """Every model, also one that is gone: its card says so."""
        return True

    def show_model(self, model: LibraryModel) -> None:
        """Read and show a model's card."""
        self._model = model
        project = self._project

        def read(_task: BackgroundTask) -> ModelCard:
            card, judged = read_card(project, model), newest_figures(project, model.folder)
            return replace(card, rows=(*card.rows, (mark("Judged"), judged))) if judged else card

        BackgroundTask.begin(self, read, self._show, self.notice.show_error)

    @Slot()
    def _look_newer(self) -> None:
        if self._card is not None:
            self.newer_requested.emit(self._card.hub_name)

    @Slot(object)
    def _show(self, card: ModelCard) -> None:
        if card.model != self._model:
            return
        self._card = card
        while self.rows.rowCount():
            self.rows.removeRow(0)
        for name, value in ((translated(name), translated(value)) for name, value in card.rows):
            told = plain_label(value, selectable=True)
            told.setAccessibleName(f"{name}: {value}")
            self.rows.addRow(plain_label(name, "muted"), told)
        self.newer.setVisible(bool(card.hub_name))
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


def _text(name: str) -> QPlainTextEdit:
    edit = QPlainTextEdit(readOnly=True)
    edit.setAccessibleName(name)
    edit.setTabChangesFocus(True)
    theme.set_role(edit, "mono")
    edit.hide()
    return edit
