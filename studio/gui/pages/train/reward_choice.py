"""What answers are rewarded by (a reward model, rules, code of one's own, each with a weight), and the judge."""

from __future__ import annotations

import math
from pathlib import Path

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QLabel, QLineEdit, QVBoxLayout, QWidget

from studio.core.errors import StudioError
from studio.core.glossary import REWARDED_METHODS
from studio.core.rewards import Rewards
from studio.gui import theme
from studio.gui.language import mark, tr, translated
from studio.gui.pages.train.code_choice import CodeChoice
from studio.gui.pages.train.judge_model import JudgeModel
from studio.gui.widgets.rules_form import RulesForm
from studio.jobs.runs import ProjectRuns
from studio.storage.models import ModelInfo

_ABOUT = mark("What makes an answer good. The scores of all that is chosen here are added up.")
_JUDGE_ABOUT = mark(
    "Asked on held-out prompts only, and never rewards. When the score rises while the judge's falls, the reward is "
    "being tricked, and there is an alarm."
)


class RewardChoice(QWidget):
    """Signals: `changed()`; `failed(object StudioError)` when something chosen can't be used."""

    changed = Signal()
    failed = Signal(object)

    def __init__(self, runs: ProjectRuns, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.how = _muted("")
        self.model = JudgeModel(runs, tr("Reward model"), tr("No reward model"))
        self.weight = QLineEdit("1")
        self.weight.setAccessibleName(tr("Weight of the reward model"))
        self.weight.setFixedWidth(72)
        self._weight_label = QLabel(tr("Weight"))
        self._weight_label.setBuddy(self.weight)
        self.rules = RulesForm(tr("Add a rule"))
        self.code = CodeChoice()
        self.watch = QCheckBox(tr("Watch with a held-out judge"))
        self.watch.setAccessibleDescription(tr(_JUDGE_ABOUT))
        self.judge = JudgeModel(runs, tr("Judge"), tr("No second reward model"))
        self.judge_rules = RulesForm(tr("Add a rule that only watches"))
        self._watched = QWidget()
        self.wrong = QLabel()
        self.wrong.setTextFormat(Qt.TextFormat.PlainText)
        self.wrong.setWordWrap(True)
        theme.set_role(self.wrong, "error")
        self._lay_out()
        for part in (self.model, self.rules, self.code, self.judge, self.judge_rules):
            part.changed.connect(self._tell)
        self.weight.textChanged.connect(self._tell)
        self.watch.toggled.connect(self._tell)
        self.code.failed.connect(self.failed)
        self._show()

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.addWidget(self.model, 1)
        row.addWidget(self._weight_label, alignment=Qt.AlignmentFlag.AlignTop)
        row.addWidget(self.weight, alignment=Qt.AlignmentFlag.AlignTop)
        self._weight_label.setContentsMargins(0, 8, 0, 0)
        inside = QVBoxLayout(self._watched)
        inside.setContentsMargins(28, 0, 0, 0)
        inside.setSpacing(8)
        inside.addWidget(_muted(tr(_JUDGE_ABOUT)))
        inside.addWidget(self.judge)
        inside.addWidget(self.judge_rules)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(12)
        layout.addWidget(self.how)
        layout.addWidget(_muted(tr(_ABOUT)))
        layout.addLayout(row)
        for part in (self.rules, self.code, self.wrong, self.watch, self._watched):
            layout.addWidget(part)

    def rewards(self) -> Rewards:
        """What is chosen; `problem` says whether it can be used."""
        watching = self.watch.isChecked()
        return Rewards(
            model=self.model.folder(),
            model_weight=_number(self.weight) if self.model.folder() else 1.0,
            rules=self.rules.rules(),
            function=self.code.function(),
            judge=self.judge.folder() if watching else "",
            judge_rules=self.judge_rules.rules() if watching else (),
        )

    def show_rewards(self, rewards: Rewards) -> None:
        """Choose what a recipe names. Code is asked about unless the user agreed to it already."""
        self.model.choose(rewards.model)
        self.weight.setText(f"{rewards.model_weight:g}")
        self.rules.show_rules(rewards.rules)
        self.watch.setChecked(rewards.has_judge)
        self.judge.choose(rewards.judge)
        self.judge_rules.show_rules(rewards.judge_rules)
        self.code.clear()
        if rewards.function is not None:
            self.code.weight.setText(f"{rewards.function.weight:g}")
            self.code.ask(Path(rewards.function.path))

    def missing(self) -> tuple[str, QWidget | None]:
        """What the Start button says instead, and where to go; empty when nothing is missing."""
        for form in (self.rules, *((self.judge_rules,) if self.watch.isChecked() else ())):
            row = form.wrong()
            if row is not None:
                return tr("Correct the rule"), row.kind
        if not self.rewards().sources:
            return tr("Choose a reward"), self.rules.add
        if self.watch.isChecked() and not self.rewards().has_judge:
            return tr("Choose a judge"), self.judge.combo
        return (tr("Correct the reward"), self.model.combo) if self.problem() else ("", None)

    def problem(self) -> str:
        """Why what is chosen can't be used; empty when it can, or when nothing is chosen yet."""
        rewards = self.rewards()
        weights = [rewards.model_weight, rewards.function.weight if rewards.function else 1.0]
        if any(math.isnan(weight) for weight in weights):
            return tr("A weight is not a number such as 1 or 0.5.")
        if not rewards.sources or self.rules.wrong() or self.judge_rules.wrong():
            return ""  # said where it stands
        try:
            rewards.check()
        except StudioError as error:
            return translated(error.sentence)
        return ""

    def still_agreed(self) -> bool:
        """Whether code that was agreed to is still what it was; if not, it is asked about again."""
        return self.code.still_agreed()

    def explain(self, method: str) -> None:
        """Say how a method learns from what is chosen here."""
        entry = REWARDED_METHODS.get(method)
        self.how.setText(f"{entry.does} {entry.choose}" if entry else "")
        self.how.setVisible(entry is not None)

    def show_for(self, model: ModelInfo | None) -> None:
        """Another base model was chosen."""
        for part in (self.model, self.judge):
            part.show_for(model)

    @Slot()
    def _tell(self) -> None:
        self._show()
        self.changed.emit()

    def _show(self) -> None:
        for part in (self._weight_label, self.weight):
            part.setVisible(bool(self.model.folder()))
        self._watched.setVisible(self.watch.isChecked())
        problem = self.problem()
        self.wrong.setText(problem)
        self.wrong.setVisible(bool(problem))


def in_words(rewards: Rewards) -> str:
    """What rewards, in short, for a summary."""
    parts = [tr("a reward model")] if rewards.model else []
    parts += [translated(rule.told) for rule in rewards.rules]
    parts += [tr("your own code")] if rewards.function else []
    return " + ".join(parts)


def _number(line: QLineEdit) -> float:
    try:
        return float(line.text().strip().replace(",", "."))
    except ValueError:
        return math.nan


def _muted(text: str) -> QLabel:
    label = QLabel(text)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    theme.set_role(label, "muted")
    return label
