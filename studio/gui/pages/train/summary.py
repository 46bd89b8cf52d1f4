"""The card beside the form: what will be trained on what, in how many steps, and what comes out. It stays in sight."""

from __future__ import annotations

from dataclasses import dataclass, field

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QGridLayout, QLabel, QVBoxLayout, QWidget

from studio.core.datasets import DatasetInfo
from studio.core.methods import GroupSettings, Method, RewardedSettings, TrainSettings
from studio.core.pace import Pace
from studio.core.records import KINDS
from studio.core.rewards import Rewards
from studio.gui import theme
from studio.gui.pages.train.memory_bar import MemoryBar
from studio.gui.when import in_time
from studio.gui.widgets.fitting_scroll import FittingScroll
from studio.storage.models import ModelInfo
from studio.storage.project import Project

_ROWS = (
    "Method",
    "Base model",
    "Starts from",
    "Data",
    "Reward",
    "Each step",
    "Steps in all",
    "Time",
    "Example",
    "Template",
    "You get",
)
_LATER = "told after the first steps"


@dataclass(frozen=True, slots=True)
class Plan:
    """What is chosen so far. start: in words. settings: None while one of them can't be used; `problem` says why.

    pace: of an earlier run of the same kind, if there was one. rewards: what rewards answers, and reward the same in
    words. from_adapter: whether an adapter is gone on from.
    """

    method: Method
    model: ModelInfo | None
    start: str
    dataset: DatasetInfo | None
    template: str
    settings: TrainSettings | None
    problem: str
    pace: Pace | None = None
    rewards: Rewards = field(default_factory=Rewards)
    reward: str = ""
    from_adapter: bool = False


class SummaryCard(QFrame):
    """Rows of a word and a fact, and the memory forecast; in a small window they scroll.

    `footer` is where the page puts its buttons, which are always in sight.
    """

    def __init__(self, project: Project, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        theme.set_role(self, "card")
        heading = QLabel("What will happen")
        theme.set_role(heading, "heading")
        grid = QGridLayout()
        grid.setHorizontalSpacing(16)
        grid.setVerticalSpacing(10)
        grid.setColumnStretch(1, 1)
        self.facts: dict[str, QLabel] = {}
        self._words: dict[str, QLabel] = {}
        for row, word in enumerate(_ROWS):
            name, fact = QLabel(word), QLabel()
            theme.set_role(name, "muted")
            fact.setTextFormat(Qt.TextFormat.PlainText)
            fact.setWordWrap(True)
            self.facts[word], self._words[word] = fact, name
            grid.addWidget(name, row, 0, Qt.AlignmentFlag.AlignTop)
            grid.addWidget(fact, row, 1)
        self.problem = QLabel()
        self.problem.setTextFormat(Qt.TextFormat.PlainText)
        self.problem.setWordWrap(True)
        theme.set_role(self.problem, "error")
        self.memory = MemoryBar(project)
        self.footer = QVBoxLayout()
        self.footer.setSpacing(8)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(16)
        layout.addWidget(heading)
        told = QWidget()
        rows = QVBoxLayout(told)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(16)
        rows.addLayout(grid)
        rows.addWidget(self.memory)
        rows.addWidget(self.problem)
        layout.addWidget(FittingScroll(told))
        layout.addLayout(self.footer)

    def show_plan(self, plan: Plan) -> None:
        """Show what is known."""
        model, dataset = plan.model, plan.dataset
        told = {
            "Method": plan.method.label,
            "Base model": f"{model.name}, {model.summary.split(',')[0]}" if model else "",
            "Starts from": plan.start,
            "Template": plan.template,
            "You get": plan.method.makes,
            "Reward": plan.reward,
        }
        if dataset is not None:
            told["Data"] = f"{dataset.name}, {dataset.size}"
        if plan.settings is not None:
            told |= _planned(plan, plan.settings)
        for word, fact in self.facts.items():
            fact.setText(told.get(word) or "—")
            fact.setAccessibleName(f"{word}: {fact.text()}")
            if word == "Reward":
                for part in (fact, self._words[word]):
                    part.setVisible(plan.method.is_rewarded)
        self.memory.reward_by(plan.rewards, from_adapter=plan.from_adapter)
        self.memory.show_plan(model.folder if model else None, plan.method, dataset, plan.settings)
        self.problem.setText(plan.problem)
        self.problem.setVisible(bool(plan.problem))


def _planned(plan: Plan, settings: TrainSettings) -> dict[str, str]:
    dataset, model = plan.dataset, plan.model
    kind = dataset.kind if dataset else KINDS[plan.method.needs[0]]
    length = f"up to {settings.max_length:,} tokens"
    if model is not None and 0 < model.context < settings.max_length:
        length = f"up to {model.context:,} tokens, the most that the model can read"
    step = f"({settings.batch_size} at a time × {settings.accumulate})"
    told = {"Each step": f"{kind.count(settings.effective_batch)} {step}", "Example": length}
    told["Time"] = _LATER
    if isinstance(settings, RewardedSettings):
        answers = f"{settings.episodes:,} answer{'s' * (settings.episodes != 1)}"
        each = f" to {settings.prompts_a_step:,} prompts" if isinstance(settings, GroupSettings) else ""
        told["Each step"] = f"{answers}{each}, written, scored and learned from"
        told["Example"] = f"prompt and answer {length}, the answer up to {settings.answer_tokens:,}"
    if not kind.templated:  # plain text is cut into blocks, whatever its rows are
        blocks = f"{settings.effective_batch:,} block{'s' * (settings.effective_batch != 1)}"
        return {
            "Each step": f"{blocks} {step}",
            "Example": f"blocks of {length}",
            "Steps in all": "counted when the text is read",
            "Time": _LATER,
        }
    if dataset is None:
        return told
    held_out = settings.held_out_of(dataset.rows)
    trained = dataset.rows - held_out
    told["Data"] = f"{dataset.name}, {dataset.size}" + (
        f": {trained:,} to learn from, {held_out:,} held out to measure" if held_out else ", all to learn from"
    )
    steps = settings.steps_for(trained)
    cut = bool(settings.max_steps) and steps == settings.max_steps
    if plan.pace is not None:
        told["Time"] = f"about {in_time(plan.pace.seconds_for(settings, trained))}, as fast as “{plan.pace.run}”"
    told["Steps in all"] = f"{steps:,}" + (", then it stops" if cut else f", {settings.epochs:g} × over the data")
    return told
