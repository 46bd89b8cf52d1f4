"""What an evaluation asks and measures, chosen: prompts, held-out examples, a reward model, how much, and rules."""

from __future__ import annotations

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QCheckBox, QVBoxLayout, QWidget

from studio.core.errors import StudioError
from studio.core.evaluation_plan import EvaluationPlan, Measures
from studio.gui.language import tr, translated
from studio.gui.pages.models.panel import choice, form_rows
from studio.gui.widgets.form import SettingsForm
from studio.gui.widgets.rules_form import RulesForm
from studio.storage.judging_shelf import Shelf, reward_of
from studio.storage.library import LibraryModel


class JudgeForm(QWidget):
    """Shows what a shelf offers, and makes a plan of what is chosen."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.prompts, self.heldout = choice(tr("Prompts to ask")), choice(tr("Examples for perplexity"))
        self.reward = choice(tr("Reward model"))
        self.more = QCheckBox(tr("Show how much is asked, and rules"))
        self.measures = SettingsForm(Measures)
        self.rules = RulesForm(tr("Add a rule"))
        rows = form_rows(
            (tr("&Prompts"), self.prompts), (tr("Perple&xity on"), self.heldout), (tr("&Reward model"), self.reward)
        )
        rows.setVerticalSpacing(8)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addLayout(rows)
        for part in (self.more, self.measures, self.rules):
            column.addWidget(part)
        self._reward_chosen = False  # by a person
        self.reward.activated.connect(self._keep_reward)
        self.more.toggled.connect(self._show_more)
        self._show_more(False)

    def show_shelf(self, shelf: Shelf) -> None:
        """Offer what there is; what was chosen stays. The newest reward model is, until a person chooses."""
        for combo, known in ((self.prompts, shelf.prompts), (self.heldout, shelf.heldout)):
            kept = combo.currentData()
            combo.clear()
            for key, name in known:
                combo.addItem(_told(name), key)
            combo.setCurrentIndex(max(0, combo.findData(kept)))
        kept = self.reward.currentText()
        self.reward.clear()
        self.reward.addItem(tr("None"), None)
        for model in shelf.rewards:
            self.reward.addItem(model.name, model)
        found = self.reward.findText(kept)
        self.reward.setCurrentIndex(max(0, found) if self._reward_chosen else min(1, self.reward.count() - 1))

    def plan(self) -> EvaluationPlan:
        """What is chosen. Raises StudioError, and shows what is wrong."""
        try:
            wrong = self.rules.wrong()
            if wrong is not None:
                raise StudioError(wrong.problem(), "Correct the rule, or take it away.")
            reward: LibraryModel | None = self.reward.currentData()
            return EvaluationPlan(
                self.prompts.currentData() or "",
                self.heldout.currentData() or "",
                self.measures.values(),
                self.rules.rules(),
                reward_of(reward) if reward is not None else None,
            )
        except StudioError:
            self.more.setChecked(True)
            raise

    @Slot()
    def _keep_reward(self) -> None:
        self._reward_chosen = True

    @Slot(bool)
    def _show_more(self, shown: bool) -> None:
        self.measures.setVisible(shown)
        self.rules.setVisible(shown)


def _told(known: str) -> str:
    """What can be asked, in the language of the window: a dataset keeps its name."""
    name, mark, size = known.rpartition(" (")
    return f"{name} ({translated(size.removesuffix(')'))})" if mark else translated(known)
