"""Choosing the prompt template: the model's own, or one that Plumbline knows, with a line on what it does."""

from __future__ import annotations

import contextlib

from PySide6.QtCore import QSignalBlocker, Qt, Signal, Slot
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QComboBox, QLabel, QVBoxLayout, QWidget

from studio.core.errors import StudioError
from studio.core.templates import BUILT_IN, MODELS_OWN, PromptTemplate
from studio.gui import theme
from studio.gui.language import tr, translated
from studio.storage.models import ModelInfo
from studio.storage.project import Project
from studio.storage.templates import offered_templates


class TemplateChoice(QWidget):
    """The template that is chosen. Signal: `changed()`. What the user chose stays whatever is chosen around it."""

    changed = Signal()

    def __init__(self, project: Project, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._project = project
        self._by_user = False
        self._has_own, self._from_adapter = True, False
        self.combo = QComboBox()
        self.combo.setAccessibleName(tr("Prompt template"))
        self.combo.addItem("", MODELS_OWN)
        self._known: list[PromptTemplate] = []
        self._offer()
        self.combo.activated.connect(self._take_choice)
        self.combo.currentIndexChanged.connect(self._changed)
        self.about = QLabel()
        self.about.setTextFormat(Qt.TextFormat.PlainText)
        self.about.setWordWrap(True)
        theme.set_role(self.about, "muted")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self.about)
        layout.addWidget(self.combo)
        self.suit(None, from_adapter=False)

    def _offer(self) -> None:
        """Offer the built-in templates and the project's own as they are now."""
        with contextlib.suppress(StudioError):  # a page that reads more of the same database says it
            known = offered_templates(self._project)
            if known == self._known:
                return
            chosen = self.combo.currentData()
            blocked = QSignalBlocker(self.combo)
            while self.combo.count() > 1:
                self.combo.removeItem(1)
            for one in known:
                self.combo.addItem(translated(one.label), one.name)
            self._known = known
            self.combo.setCurrentIndex(max(0, self.combo.findData(chosen)))
            del blocked
            if self.combo.currentData() != chosen and chosen is not None:
                self._changed()

    def showEvent(self, event: QShowEvent) -> None:
        """Know what was written in the Data tab meanwhile."""
        super().showEvent(event)
        self._offer()

    def template(self) -> str:
        """Its name."""
        return self.combo.currentData()

    def label(self) -> str:
        """What people call it."""
        return self.combo.currentText()

    def choose(self, name: str) -> None:
        """Choose a template by its name; one that isn't known leaves the choice as it is."""
        place = self.combo.findData(name)
        if place >= 0:
            self._by_user = True
            self.combo.setCurrentIndex(place)

    def suit(self, model: ModelInfo | None, *, from_adapter: bool) -> None:
        """Begin with the template that the adapter or the model knows."""
        self._has_own, self._from_adapter = model is None or model.has_chat_template, from_adapter
        self.combo.setItemText(0, tr("The adapter's own") if from_adapter else tr("The model's own"))
        if not self._by_user and model is not None:
            self.combo.setCurrentIndex(0 if from_adapter or self._has_own else 1)
        self._explain()

    @Slot(int)
    def _take_choice(self, _index: int) -> None:
        self._by_user = True

    @Slot()
    def _changed(self) -> None:
        self._explain()
        self.changed.emit()

    def _explain(self) -> None:
        self.about.setText(tr("How a conversation becomes one text. {about}", about=translated(self._about())))

    def _about(self) -> str:
        if self.template() != MODELS_OWN:
            return next((known.about for known in self._known if known.name == self.template()), "")
        if self._from_adapter:
            return tr("Written as the adapter was trained.")
        if self._has_own:
            return tr("Written as the model's makers intended.")
        return tr("This model has none; {label} is used.", label=translated(BUILT_IN[0].label))
