"""The instruction families: wording, gold answer, and what the judge must check.

A task's `key` names its combination (this fact, this phrase, this passage), never its wording; a key falls by its
hash into the held-out tenth or into training, so nothing held out was ever seen as a whole, in any wording.
"""

from __future__ import annotations

from collections.abc import Callable

from starter.dice import Dice
from starter.tasks import knowing, reading, writing
from starter.tasks.task import Task, held_out

__all__ = ["FAMILIES", "Task", "draw", "held_out"]

FAMILIES: dict[str, Callable[[Dice], Task]] = {
    "passage_span": reading.passage_span,
    "passage_number": reading.passage_number,
    "passage_date": reading.passage_date,
    "facts": knowing.facts,
    "summarise": reading.summarise,
    "translate": knowing.translate,
    "sentiment": reading.sentiment,
    "agree": reading.agree,
    "list": knowing.list_things,
    "sort": knowing.sort_numbers,
    "arithmetic": knowing.arithmetic,
    "opposite": knowing.opposite,
    "polite": writing.polite,
    "poem": writing.poem,
    "story": writing.story,
    "explain": writing.explain,
    "odd_one_out": knowing.odd_one_out,
}


def draw(dice: Dice, family: str, want_held_out: bool = False) -> Task:
    """One task of a family from the training part or from the held-out part."""
    while True:
        before = dice.nats
        task = FAMILIES[family](dice)
        if held_out(task.key) == want_held_out:
            return task
        dice.nats = before  # what is thrown away is not shown
