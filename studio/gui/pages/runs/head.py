"""The head of a run: its name, its phase as a chip, a progress bar, and the facts of the moment."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from PySide6.QtCore import QEvent, QSize, Qt, Slot
from PySide6.QtWidgets import QBoxLayout, QHBoxLayout, QLabel, QProgressBar, QSizePolicy, QVBoxLayout, QWidget

from studio.core.errors import StudioError
from studio.core.recipes import Recipe
from studio.core.runs import RunState
from studio.gui import theme
from studio.gui.language import tr, translated
from studio.gui.pages.runs import words
from studio.gui.pages.runs.run_list import state_colour
from studio.gui.when import when
from studio.jobs.runs import RunRecord
from studio.storage.datasets import find_dataset
from studio.storage.project import Project


class RunHead(QWidget):
    """Shows a record; call `show_record` whenever it has news."""

    def __init__(self, project: Project, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._project = project
        self._shown, self._base = "", ""
        self._state = RunState.STARTING
        self.title, self.about, self.facts, self.warning = QLabel(), QLabel(), QLabel(), QLabel()
        for label, role in (
            (self.title, "title"),
            (self.about, "muted"),
            (self.facts, ""),
            (self.warning, "warning"),
        ):
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            label.setWordWrap(True)
            theme.set_role(label, role)
        self.chip = QLabel()
        theme.set_role(self.chip, "chip")
        self.chip.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        theme.watcher().theme_changed.connect(self._colour_chip)
        self.bar = QProgressBar(textVisible=False)
        self.bar.setAccessibleName(tr("Progress of the run"))
        self.right = QHBoxLayout()  # for the buttons of whoever can do something with the run
        self._top, under = QHBoxLayout(), QHBoxLayout()
        self._top.setSpacing(12)
        self._top.addWidget(self.title, 1)
        self._top.addLayout(self.right)
        under.setSpacing(12)
        under.addWidget(self.chip)
        under.addWidget(self.about, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addLayout(self._top)
        layout.addLayout(under)
        layout.addSpacing(2)
        layout.addWidget(self.bar)
        layout.addWidget(self.facts)
        layout.addWidget(self.warning)

    def event(self, event: QEvent) -> bool:
        """Put the buttons under the title where it would not stand in one line beside them."""
        if event.type() in (QEvent.Type.Resize, QEvent.Type.LayoutRequest):
            wanted = self.title.fontMetrics().horizontalAdvance(self.title.text()) + self._top.spacing()
            fits = wanted + self.right.sizeHint().width() <= self.width()
            way = QBoxLayout.Direction.LeftToRight if fits else QBoxLayout.Direction.TopToBottom
            if self._top.direction() != way:
                self._top.setDirection(way)
                self.right.setAlignment(Qt.AlignmentFlag.AlignRight if fits else Qt.AlignmentFlag.AlignLeft)
        return super().event(event)

    def minimumSizeHint(self) -> QSize:
        """As narrow as its buttons; else a head that was wide could not become narrow."""
        return QSize(self.right.minimumSize().width(), super().minimumSizeHint().height())

    def show_record(self, record: RunRecord) -> None:
        """Show the record as it stands."""
        story, state = record.story, record.state
        if self._shown != record.id:
            self._shown = record.id
            self.about.setText(self._about(record))
        if self.title.text() != record.name:
            self.title.setText(record.name)
        phase = tr("Can't be read") if record.broken else words.state_of(record)
        if self.chip.text() != phase:
            self.chip.setText(phase)
            self.chip.setAccessibleName(tr("State: {phase}", phase=phase))
            self._state = state
            self._colour_chip()
        done, total = words.progress_of(story, state)
        # A maximum of 0 is Qt's bar that moves to and fro: something is going on and its end isn't known.
        self.bar.setRange(0, total if total or state.is_over else 0)
        self.bar.setValue(min(done, total))
        self.bar.setVisible(not state.is_over or 0 < done < total)  # a full one says no more than the chip
        facts = words.facts_of(story, state)
        self.facts.setText(facts)
        self.facts.setVisible(bool(facts))
        warnings = dict.fromkeys(
            translated(f"{warning.text('what')} {warning.text('hint')}".strip()) for warning in story.warnings
        )
        said = [*([self._base] if self._base else []), *list(warnings)[-3:]]
        self.warning.setText("\n".join(said))
        self.warning.setVisible(bool(said))

    def say_of_base(self, sentence: str) -> None:
        """Say that the base model changed since, or nothing; seen at once when there is something to say."""
        self._base = sentence = translated(sentence)
        if sentence:
            self.warning.setText("\n".join(filter(None, (sentence, self.warning.text()))))
            self.warning.show()

    @Slot()
    def _colour_chip(self) -> None:
        colour = state_colour(self._state, theme.tokens())
        self.chip.setStyleSheet(f"color: {colour}; font-weight: 600;" if self._state.is_over else "")

    def _about(self, record: RunRecord) -> str:
        recipe = record.recipe
        if recipe is None:
            return record.id
        parts = [
            translated(recipe.how.label),
            Path(recipe.base_model).name,
            self._dataset(recipe),
            _began(record, when(record.id, date.today())),
        ]
        return "  ·  ".join(parts)

    def _dataset(self, recipe: Recipe) -> str:
        try:
            return find_dataset(self._project, recipe.dataset).name
        except StudioError:
            return tr("a dataset that was deleted")


def _began(record: RunRecord, moment: str) -> str:
    return tr("made {when}", when=moment) if record.state is RunState.WAITING else tr("started {when}", when=moment)
