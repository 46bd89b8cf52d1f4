"""Sampling settings under a name: those that a person saved in this project, to take again, replace or delete."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QComboBox, QPushButton, QWidget

from studio.core.conversation import Sampling
from studio.core.errors import StudioError
from studio.core.fields import settings_from
from studio.gui import theme
from studio.gui.language import mark, tr
from studio.gui.widgets.ask import question, text_question
from studio.gui.widgets.flow_layout import FlowLayout
from studio.storage.chats import delete_preset, list_presets, save_preset
from studio.storage.project import Project

_CHOOSE = mark("Your presets")


class SamplingPresets(QWidget):
    """preset_chosen(Sampling). save_requested(): Save was pressed; answer with `save`. failed(StudioError)."""

    preset_chosen = Signal(object)
    save_requested = Signal()
    failed = Signal(object)

    def __init__(self, project: Project, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._project = project
        self._known: dict[str, Mapping[str, Any]] = {}
        self._saving: Sampling | None = None
        self.choice = QComboBox()
        self.choice.setAccessibleName(tr("Your presets"))
        self.choice.setMinimumWidth(160)
        self.choice.activated.connect(self._take)
        self.save_button = QPushButton(tr("Save as…"))
        self.save_button.setToolTip(tr("Keep these settings under a name, in this project"))
        self.save_button.clicked.connect(self.save_requested)
        self.delete_button = QPushButton(tr("Delete"))
        self.delete_button.setToolTip(tr("Forget the chosen preset"))
        self.delete_button.clicked.connect(self._ask_to_delete)
        for button in (self.save_button, self.delete_button):
            theme.set_role(button, "quiet")
        row = FlowLayout(self, spacing=8)
        for widget in (self.choice, self.save_button, self.delete_button):
            row.addWidget(widget)
        shape = self.sizePolicy()
        shape.setHeightForWidth(True)
        self.setSizePolicy(shape)
        self.list_again()

    def list_again(self, chosen: str = "") -> None:
        """List what is kept now."""
        try:
            self._known = dict(list_presets(self._project))
        except (StudioError, ValueError) as error:
            self.failed.emit(error)
            self._known = {}
        self.choice.clear()
        self.choice.addItem(tr(_CHOOSE))
        self.choice.addItems(list(self._known))
        self.choice.setCurrentIndex(max(0, self.choice.findText(chosen)))
        self.choice.setEnabled(bool(self._known))
        self._tell()

    def save(self, sampling: Sampling) -> None:
        """Ask for a name, and keep these settings under it."""
        self._saving = sampling
        name = self.choice.currentText() if self.choice.currentIndex() > 0 else ""
        dialog = text_question(
            self, tr("Save these settings"), tr("Name; an earlier preset of that name is replaced"), name
        )
        dialog.textValueSelected.connect(self._save)
        dialog.open()

    def _tell(self) -> None:
        self.delete_button.setEnabled(self.choice.currentIndex() > 0)

    @Slot(str)
    def _save(self, name: str) -> None:
        if not name.strip() or self._saving is None:
            return
        try:
            save_preset(self._project, name.strip(), asdict(self._saving))
        except StudioError as error:
            self.failed.emit(error)
        self.list_again(name.strip())

    @Slot(int)
    def _take(self, index: int) -> None:
        self._tell()
        if index > 0:
            try:
                known = self._known[self.choice.currentText()]
                self.preset_chosen.emit(settings_from(Sampling, known, mark("The preset")))
            except StudioError as error:
                self.failed.emit(error)

    @Slot()
    def _ask_to_delete(self) -> None:
        name = self.choice.currentText()
        box = question(
            self,
            tr("Delete this preset?"),
            tr("“{name}” is forgotten. What was asked with it stays.", name=name),
            tr("Delete"),
        )
        box.accepted.connect(self._delete)
        box.open()

    @Slot()
    def _delete(self) -> None:
        try:
            delete_preset(self._project, self.choice.currentText())
        except StudioError as error:
            self.failed.emit(error)
        self.list_again()
