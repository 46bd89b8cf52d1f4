"""What of a conversation is learned: which answers, and which other roles beside them."""

from __future__ import annotations

from PySide6.QtCore import Signal, Slot
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QHBoxLayout, QMenu, QPushButton, QWidget

from studio.core.fields import settings_of
from studio.core.methods import SftSettings
from studio.gui.language import tr, translated
from studio.gui.widgets.narrow_combo import NarrowCombo

_ROLES = ("user", "system", "tool")


class LearnedChoice(QWidget):
    """Signal: `changed()`."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        settings = {known.name: known for known in settings_of(SftSettings)}
        known = settings["train_on"]
        self.train_on = NarrowCombo(9)
        for value, label in (known.choices or {}).items():
            self.train_on.addItem(translated(label), value)
        self.train_on.setCurrentIndex(self.train_on.findData(known.default))
        self.train_on.setAccessibleName(translated(known.label))
        self.train_on.setToolTip(translated(known.about))
        self.train_on.activated.connect(self.changed)
        menu = QMenu(self)
        self.roles: dict[str, QAction] = {}
        for role in _ROLES:
            action = self.roles[role] = menu.addAction(translated(settings[f"learn_{role}"].label))
            action.setCheckable(True)
            action.setToolTip(translated(settings[f"learn_{role}"].about))
            action.toggled.connect(self._tell)
        self.button = QPushButton()
        self.button.setMenu(menu)
        self.button.setToolTip(tr("Which other turns are learned"))
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(4)
        line.addWidget(self.train_on, 1)
        line.addWidget(self.button)
        self._tell()

    def also(self) -> list[str]:
        """The roles that are learned beside the answers."""
        return [role for role, action in self.roles.items() if action.isChecked()]

    @Slot()
    def _tell(self) -> None:
        chosen = ", ".join(self.also())
        self.button.setText(tr("and {roles}", roles=chosen) if chosen else tr("More…"))
        self.button.setAccessibleName(
            tr("Also learned: {roles}", roles=chosen) if chosen else tr("Also learned: no other role")
        )
        self.changed.emit()
