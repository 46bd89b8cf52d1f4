"""The card beside the form: what will be trained on what, in how many steps, and what comes out. It stays in sight."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QGridLayout, QLabel, QVBoxLayout, QWidget

from studio.core.datasets import DatasetInfo
from studio.core.methods import SftSettings
from studio.gui import theme
from studio.storage.models import ModelInfo

_ROWS = ("Method", "Base model", "Data", "Each step", "Steps in all", "Example", "Template", "You get")


class SummaryCard(QFrame):
    """Rows of a word and a fact. `footer` is where the page puts its buttons."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        theme.set_role(self, "card")
        heading = QLabel("What will happen")
        theme.set_role(heading, "heading")
        grid = QGridLayout()
        grid.setHorizontalSpacing(16)
        grid.setVerticalSpacing(10)
        grid.setColumnStretch(1, 1)
        self.facts: dict[str, QLabel] = {}
        for row, word in enumerate(_ROWS):
            name, fact = QLabel(word), QLabel()
            theme.set_role(name, "muted")
            fact.setTextFormat(Qt.TextFormat.PlainText)
            fact.setWordWrap(True)
            self.facts[word] = fact
            grid.addWidget(name, row, 0, Qt.AlignmentFlag.AlignTop)
            grid.addWidget(fact, row, 1)
        self.problem = QLabel()
        self.problem.setTextFormat(Qt.TextFormat.PlainText)
        self.problem.setWordWrap(True)
        theme.set_role(self.problem, "error")
        self.footer = QVBoxLayout()
        self.footer.setSpacing(8)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(16)
        layout.addWidget(heading)
        layout.addLayout(grid)
        layout.addWidget(self.problem)
        layout.addLayout(self.footer)

    def show_plan(
        self,
        model: ModelInfo | None,
        dataset: DatasetInfo | None,
        template: str,
        settings: SftSettings | None,
        problem: str,
    ) -> None:
        """Show what is known; `settings` is None while one of them can't be used, and `problem` says why."""
        told = {
            "Method": "Fine-tune with LoRA (SFT)",
            "Base model": f"{model.name}, {model.summary.split(',')[0]}" if model else "",
            "Template": template,
        }
        if dataset is not None:
            told["Data"] = f"{dataset.name}, {_examples(dataset.rows)}"
        if settings is not None:
            told |= _planned(settings, dataset, model)
        for word, fact in self.facts.items():
            fact.setText(told.get(word) or "—")
            fact.setAccessibleName(f"{word}: {fact.text()}")
        self.problem.setText(problem)
        self.problem.setVisible(bool(problem))


def _planned(settings: SftSettings, dataset: DatasetInfo | None, model: ModelInfo | None) -> dict[str, str]:
    told = {
        "Each step": f"{_examples(settings.effective_batch)} ({settings.batch_size} at a time × {settings.accumulate})",
        "Example": f"up to {settings.max_length:,} tokens",
        "You get": f"an adapter of rank {settings.lora_rank}, to talk to beside its base model",
    }
    if model is not None and 0 < model.context < settings.max_length:
        told["Example"] = f"up to {model.context:,} tokens, the most that the model can read"
    if dataset is not None:
        held_out = settings.held_out_of(dataset.rows)
        trained = dataset.rows - held_out
        steps = settings.steps_for(trained)
        cut = bool(settings.max_steps) and steps == settings.max_steps
        told["Steps in all"] = f"{steps:,}" + (", then it stops" if cut else f", {settings.epochs:g} × over the data")
        told["Data"] = f"{dataset.name}, {_examples(dataset.rows)}" + (
            f": {trained:,} to learn from, {held_out:,} held out to measure" if held_out else ", all to learn from"
        )
    return told


def _examples(count: int) -> str:
    return f"{count:,} example{'s' * (count != 1)}"
