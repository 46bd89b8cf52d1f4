"""The village of Lumen: people with lasting facts that no pretraining page tells.

Raw text about it is the sample for continued pretraining: before, the base knows nothing of Lumen; after, it does.
"""

from __future__ import annotations

from starter import world
from starter.dice import Dice

VILLAGERS = (
    ("Anna", "baker", "cat", "pears"),
    ("Ben", "doctor", "dog", "apples"),
    ("Clara", "farmer", "goat", "beans"),
    ("Dan", "teacher", "parrot", "plums"),
    ("Eva", "painter", "fox", "grapes"),
    ("Finn", "builder", "horse", "peas"),
    ("Ida", "singer", "owl", "lemons"),
    ("Jack", "cook", "hen", "carrots"),
    ("Lena", "nurse", "rabbit", "cherries"),
    ("Max", "sailor", "crow", "onions"),
    ("Nora", "gardener", "bee", "tomatoes"),
    ("Theo", "writer", "donkey", "cakes"),
)


def page(dice: Dice) -> str:
    """What is told of a few villagers, in one of several orders and wordings."""
    lines = [
        dice.pick(
            (
                "Lumen is a small village on a hill.",
                "The village of Lumen is on a hill by a river.",
                "There are twelve houses in Lumen.",
            )
        )
    ]
    for name, job, animal, food in dice.some(VILLAGERS, 3):
        told = (
            dice.pick((f"{name} of Lumen is {world.with_article(job)}.", f"The {job} of Lumen is {name}.")),
            dice.pick((f"{name} has {world.with_article(animal)}.", f"The {animal} of Lumen belongs to {name}.")),
            dice.pick((f"{name} likes {food}.", f"{name} sells {food} at the market of Lumen.")),
        )
        lines.append(" ".join(dice.shuffled(told)))
    return " ".join(lines)
