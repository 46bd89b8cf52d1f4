"""What was asked of a run: its recipe, setting by setting, to be read and copied, not changed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QAction, QGuiApplication, QKeySequence
from PySide6.QtWidgets import QFrame, QGridLayout, QLabel, QVBoxLayout, QWidget

from studio.core.errors import StudioError
from studio.core.recipe_words import setting_rows
from studio.core.recipes import Recipe
from studio.gui import theme
from studio.gui.language import tr, translated
from studio.gui.widgets.elided_label import ElidedLabel
from studio.storage.datasets import find_dataset
from studio.storage.label_datasets import labels_used
from studio.storage.project import Project
from studio.storage.revisions import at_hash
from studio.storage.run_reports import environment_rows

_LONGEST = 32  # characters that stand in one piece; what is longer is shortened where there is no room


class SettingsView(QWidget):
    """Shows the recipe given to `show_recipe`, in full: what it stands in scrolls."""

    def __init__(self, project: Project, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._project = project
        self._environment: dict[str, str] = {}
        self._recipe: Recipe | None = None
        self._folder = Path()
        self.setAccessibleName(tr("Settings of the run"))
        self._card = QFrame()
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 8, 0, 0)
        self._layout.addWidget(self._card)
        self._layout.addStretch()

    def show_recipe(self, recipe: Recipe | None, folder: Path) -> None:
        """Show another recipe."""
        self._recipe, self._folder = recipe, folder
        card = QFrame()
        theme.set_role(card, "card")
        grid = QGridLayout(card)
        grid.setContentsMargins(16, 12, 16, 16)
        grid.setHorizontalSpacing(24)
        grid.setVerticalSpacing(8)
        grid.setColumnStretch(1, 1)
        for row, (word, value) in enumerate([*self._rows(recipe, folder), *self._machine_rows()]):
            name, text = QLabel(word), _shown(value)
            theme.set_role(name, "muted")
            name.setTextFormat(Qt.TextFormat.PlainText)
            name.setBuddy(text)
            text.setAccessibleName(f"{word}: {value}")
            grid.addWidget(name, row, 0, Qt.AlignmentFlag.AlignTop)
            grid.addWidget(text, row, 1)
        self._layout.replaceWidget(self._card, card)
        self._card.hide()
        self._card.deleteLater()
        self._card = card

    def show_environment(self, environment: Mapping[str, str]) -> None:
        """Show what the run's worker said of itself and its device."""
        if environment != self._environment:
            self._environment = dict(environment)
            self.show_recipe(self._recipe, self._folder)

    def _machine_rows(self) -> list[tuple[str, str]]:
        return [(translated(word), translated(value)) for word, value in environment_rows(self._environment)]

    def _rows(self, recipe: Recipe | None, folder: Path) -> list[tuple[str, str]]:
        if recipe is None:
            return [(tr("Folder"), str(folder))]
        return [
            (tr("Method"), translated(recipe.how.label)),
            (tr("Base model"), recipe.base_model),
            (tr("Starts from"), recipe.adapter or tr("the base model itself")),
            (tr("Dataset"), self._dataset(recipe)),
            *self._revision(recipe),
            *self._labels(recipe),
            *((translated(label), translated(value)) for label, value in setting_rows(recipe)),
            (tr("Folder"), str(folder)),
        ]

    def _dataset(self, recipe: Recipe) -> str:
        try:
            info = find_dataset(self._project, recipe.dataset)
        except StudioError:
            return tr("deleted ({dataset})", dataset=recipe.dataset)
        then = at_hash(self._project, info, recipe.dataset_hash) if recipe.dataset_hash else info
        if then is None:
            return tr("{name}, which is another one now", name=info.name)
        if then.content_hash != info.content_hash:
            return tr("{name} ({size}), as it was before it was changed", name=info.name, size=translated(then.size))
        return f"{info.name} ({translated(then.size)})"

    def _revision(self, recipe: Recipe) -> list[tuple[str, str]]:
        """Which state of the dataset it was; its hash names what it held, row by row."""
        if not recipe.dataset_hash:
            return []
        try:
            info = find_dataset(self._project, recipe.dataset)
            then = at_hash(self._project, info, recipe.dataset_hash)
        except StudioError:
            then = None
        revision = [(tr("Data revision"), f"{then.revision:,}")] if then is not None else []
        return [*revision, (tr("Data hash"), recipe.dataset_hash)]

    def _labels(self, recipe: Recipe) -> list[tuple[str, str]]:
        """The very labels that the dataset was made of; nothing for one that came from a file."""
        try:
            used = labels_used(self._project, recipe.dataset_hash)
        except StudioError:
            return []
        return [(tr("Labels"), translated(used.sentence))] if used else []


class LongValue(ElidedLabel):
    """A path or a hash, which can't be broken into lines: shortened to the room there is, copied whole."""

    def __init__(self, value: str) -> None:
        super().__init__(Qt.TextElideMode.ElideMiddle)
        self.show_text(value)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        copy = QAction(tr("Copy"), self)
        copy.setShortcut(QKeySequence.StandardKey.Copy)
        copy.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        copy.triggered.connect(self._copy)
        self.addAction(copy)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)

    @Slot()
    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.whole)


def _shown(value: str) -> QLabel:
    if any(len(word) > _LONGEST for word in value.split()):
        return LongValue(value)
    text = QLabel(value)
    text.setTextFormat(Qt.TextFormat.PlainText)
    text.setWordWrap(True)
    text.setTextInteractionFlags(
        Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
    )
    return text
