"""Pace: how long a run will take, told before it starts from one that was measured: same model, data and method."""

from __future__ import annotations

from dataclasses import dataclass

from studio.core.methods import TrainSettings
from studio.core.recipes import Recipe
from studio.core.runs import RunStory


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a run was, evaluations and checkpoints included."""

    run: str
    examples_per_second: float

    def seconds_for(self, settings: TrainSettings, rows: int) -> float | None:
        """How long training on so many rows takes at this pace; None where steps of a token budget are counted: how
        many examples they will hold isn't known."""
        if settings.budget and settings.max_steps:
            return None
        seen = settings.epochs * rows
        if not settings.budget:
            seen = min(seen, settings.steps_for(rows) * settings.effective_batch)
        return seen / self.examples_per_second


def pace_of(name: str, done: Recipe, story: RunStory) -> Pace | None:
    """The pace of a run so far; None while it has no step, or no time was measured, or examples aren't counted."""
    if story.step < 1 or story.elapsed <= 0 or done.settings.budget:
        return None
    return Pace(name, story.step * done.settings.effective_batch / story.elapsed)


def same_kind(done: Recipe, planned: Recipe) -> bool:
    """Whether a step of one takes as long as a step of the other, example by example."""

    def key(recipe: Recipe) -> tuple[str, str, str, str, int, str]:
        settings = recipe.settings
        return (
            recipe.method, recipe.base_model, recipe.dataset, recipe.template, settings.max_length, settings.precision
        )  # fmt: skip

    return key(done) == key(planned)
