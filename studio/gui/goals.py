"""Choosing what a new project is for: a goal, and the chain of stages that leads there as a checklist."""

from __future__ import annotations

from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QLabel, QRadioButton, QVBoxLayout, QWidget

from studio.core.courses import GOALS
from studio.gui import theme
from studio.gui.language import tr, translated

_NONE = "none"


class Goals(QWidget):
    """The goals of `core.courses`, and none of them."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.choices: dict[str, QRadioButton] = {}
        self._group = QButtonGroup(self)
        left = QVBoxLayout()
        left.setSpacing(2)
        for key, goal in GOALS.items():
            self._add(key, goal.title, goal.about, left)
        self._add(_NONE, tr("I know my way"), tr("No checklist; every page is there at once."), left)
        left.addStretch()
        self.about, self.steps = QLabel(), QLabel()
        theme.set_role(self.about, "muted")
        for label in (self.about, self.steps):
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setWordWrap(True)
        self.steps.setAccessibleName(tr("Stages"))
        right = QVBoxLayout()
        right.setSpacing(10)
        right.addWidget(self.about)
        right.addWidget(self.steps)
        right.addStretch()
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(20)
        layout.addLayout(left)
        layout.addLayout(right, 1)
        self.choices[next(iter(GOALS))].setChecked(True)
        self._group.buttonToggled.connect(self._show)
        self._show()

    def course(self) -> str:
        """The key of the course that is chosen; empty for none."""
        key = next(key for key, choice in self.choices.items() if choice.isChecked())
        return "" if key == _NONE else key

    def _add(self, key: str, title: str, about: str, column: QVBoxLayout) -> None:
        choice = QRadioButton(translated(title))
        choice.setAccessibleDescription(translated(about))
        self.choices[key] = choice
        self._group.addButton(choice)
        column.addWidget(choice)

    @Slot()
    def _show(self) -> None:
        course = GOALS.get(self.course())
        if course is None:
            self.about.setText(tr("No checklist: all pages are there at once, in any order."))
            self.steps.setText("")
            return
        self.about.setText(translated(course.about))
        lines = [
            tr("{number}.  {step} (may be left out)", number=number, step=translated(step.title))
            if step.optional
            else f"{number}.  {translated(step.title)}"
            for number, step in enumerate(course.steps, start=1)
        ]
        self.steps.setText("\n".join(lines))
