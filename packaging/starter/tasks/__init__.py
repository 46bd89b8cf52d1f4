"""The instruction families: wording, gold answer, and what the judge must check.

A task's `key` names its combination (this fact, this phrase, this passage), never its wording; a key falls by its
hash into training, development or test, so nothing held out was ever seen as a whole, in any wording.
"""

from __future__ import annotations

from collections.abc import Callable

from starter.dice import Dice
from starter.tasks import knowing, reading, writing
from starter.tasks.task import Part, Task, held_out, part_of

__all__ = ["FAMILIES", "Part", "Task", "draw", "held_out", "part_of", "told"]

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


def draw(dice: Dice, family: str, part: Part = "training") -> Task:
    """One task of a family, of one part of the split."""
    return _drawn(dice, family, lambda key: part_of(key) == part)


def told(dice: Dice, family: str) -> Task:
    """One task for a page, which may show anything that is not held out for tests."""
    return _drawn(dice, family, lambda key: not held_out(key))


def _drawn(dice: Dice, family: str, wanted: Callable[[str], bool]) -> Task:
    while True:
        before = dice.nats
        task = FAMILIES[family](dice)
        if wanted(task.key):
            return task
        dice.nats = before  # what is thrown away is not shown
