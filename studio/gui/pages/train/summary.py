"""The card beside the form: what will be trained on what, in how many steps, and what comes out. It stays in sight."""

from __future__ import annotations

from dataclasses import dataclass, field

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QFrame, QGridLayout, QLabel, QVBoxLayout, QWidget

from studio.core.datasets import DatasetInfo
from studio.core.methods import GroupSettings, Method, RewardedSettings, TrainSettings
from studio.core.pace import Pace
from studio.core.records import KINDS
from studio.core.rewards import Rewards
from studio.gui import theme
from studio.gui.language import mark, tr, translated, trn
from studio.gui.pages.train.memory_bar import MemoryBar
from studio.gui.when import in_time
from studio.gui.widgets.fitting_scroll import FittingScroll
from studio.storage.models import ModelInfo
from studio.storage.project import Project

_ROWS = (
    mark("Method"),
    mark("Base model"),
    mark("Starts from"),
    mark("Data"),
    mark("Reward"),
    mark("Each step"),
    mark("Steps in all"),
    mark("Time"),
    mark("Example"),
    mark("Template"),
    mark("You get"),
)
_WIDTH = 360  # logical pixels
_LATER = mark("told after the first steps")


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
        heading = QLabel(tr("What will happen"))
        theme.set_role(heading, "heading")
        grid = QGridLayout()
        grid.setHorizontalSpacing(16)
        grid.setVerticalSpacing(10)
        grid.setColumnStretch(1, 1)
        self.facts: dict[str, QLabel] = {}
        self._words: dict[str, QLabel] = {}
        for row, word in enumerate(_ROWS):
            name, fact = QLabel(tr(word)), QLabel()
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

    def sizeHint(self) -> QSize:
        """Always of one width, whatever is told; wider only where a language has longer words."""
        return QSize(max(_WIDTH, self.minimumSizeHint().width()), super().sizeHint().height())

    def show_plan(self, plan: Plan) -> None:
        """Show what is known."""
        model, dataset = plan.model, plan.dataset
        told = {
            "Method": translated(plan.method.label),
            "Base model": f"{model.name}, {translated(model.summary.split(',')[0])}" if model else "",
            "Starts from": plan.start,
            "Template": plan.template,
            "You get": translated(plan.method.makes),
            "Reward": plan.reward,
        }
        if dataset is not None:
            told["Data"] = f"{dataset.name}, {translated(dataset.size)}"
        if plan.settings is not None:
            told |= _planned(plan, plan.settings)
        for word, fact in self.facts.items():
            fact.setText(told.get(word) or "—")
            fact.setAccessibleName(f"{tr(word)}: {fact.text()}")
            if word == "Reward":
                for part in (fact, self._words[word]):
                    part.setVisible(plan.method.is_rewarded)
        self.memory.reward_by(plan.rewards, from_adapter=plan.from_adapter)
        self.memory.show_plan(model.folder if model else None, plan.method, dataset, plan.settings)
        self.problem.setText(translated(plan.problem))
        self.problem.setVisible(bool(plan.problem))


def _planned(plan: Plan, settings: TrainSettings) -> dict[str, str]:
    dataset, model = plan.dataset, plan.model
    kind = dataset.kind if dataset else KINDS[plan.method.needs[0]]
    length = tr("up to {max_length:,} tokens", max_length=settings.max_length)
    if model is not None and 0 < model.context < settings.max_length:
        length = tr("up to {context:,} tokens, the most that the model can read", context=model.context)
    step = tr("({batch_size} at a time × {accumulate})", batch_size=settings.batch_size, accumulate=settings.accumulate)
    told = {"Each step": f"{translated(kind.count(settings.effective_batch))} {step}", "Example": length}
    if settings.budget:
        told["Each step"] = tr(
            "as many as fit into {tokens:,} tokens, × {accumulate}",
            tokens=settings.budget,
            accumulate=settings.accumulate,
        )
    told["Time"] = tr(_LATER)
    if isinstance(settings, RewardedSettings):
        if isinstance(settings, GroupSettings):
            told["Each step"] = trn(
                "{count:,} answer to {prompts:,} prompts, written, scored and learned from",
                "{count:,} answers to {prompts:,} prompts, written, scored and learned from",
                settings.episodes,
                prompts=settings.prompts_a_step,
            )
        else:
            told["Each step"] = trn(
                "{count:,} answer, written, scored and learned from",
                "{count:,} answers, written, scored and learned from",
                settings.episodes,
            )
        told["Example"] = tr(
            "prompt and answer {length}, the answer up to {answer_tokens:,}",
            length=length,
            answer_tokens=settings.answer_tokens,
        )
    if not kind.templated:  # plain text is cut into blocks, whatever its rows are
        blocks = trn("{count:,} block", "{count:,} blocks", settings.effective_batch)
        return {
            "Each step": f"{blocks} {step}",
            "Example": tr("blocks of {length}", length=length),
            "Steps in all": tr("counted when the text is read"),
            "Time": tr(_LATER),
        }
    if dataset is None:
        return told
    held_out = settings.held_out_of(dataset.rows)
    trained = dataset.rows - held_out
    told["Data"] = (
        tr(
            "{name}, {size}: {trained:,} to learn from, {held_out:,} held out to measure",
            name=dataset.name,
            size=translated(dataset.size),
            trained=trained,
            held_out=held_out,
        )
        if held_out
        else tr("{name}, {size}, all to learn from", name=dataset.name, size=translated(dataset.size))
    )
    steps = settings.steps_for(trained)
    cut = bool(settings.max_steps) and steps == settings.max_steps
    seconds = plan.pace.seconds_for(settings, trained) if plan.pace else None
    if plan.pace is not None and seconds is not None:
        told["Time"] = tr("about {time}, as fast as “{run}”", time=in_time(seconds), run=plan.pace.run)
    if settings.budget:
        told["Steps in all"] = tr("counted when the examples are read")
        return told
    told["Steps in all"] = (
        tr("{steps:,}, then it stops", steps=steps)
        if cut
        else tr("{steps:,}, {epochs:g} × over the data", steps=steps, epochs=settings.epochs)
    )
    return told
