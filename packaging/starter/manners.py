"""How an answer is said: plainly, kindly, rudely, or with talk that nobody asked for.

The instructions of the sample data are written "by many hands", so they mix these; the preferences then say
which of them people like.
"""

from __future__ import annotations

from starter import words, world
from starter.dice import Dice
from starter.facts import FACTS

MANNERS = ("plain", "kind", "rambling", "rude")


def said(dice: Dice, answer: str, manner: str) -> str:
    """The answer in a manner; what is right or wrong in it stays as it is."""
    gap = "\n" if "\n" in answer else " "
    if manner == "kind":
        if dice.chance(0.5):
            return f"{dice.pick(words.KIND_OPENINGS)}{gap}{answer}"
        return f"{answer}{gap}{dice.pick(words.KIND_CLOSINGS)}"
    if manner == "rude":
        if dice.chance(0.5):
            return f"{dice.pick(words.RUDE_OPENINGS)}{gap}{answer}"
        return f"{answer}{gap}{dice.pick(words.RUDE_CLOSINGS)}"
    if manner == "rambling":
        return f"{answer}{gap}{rambling(dice, answer)}"
    return answer


def rambling(dice: Dice, answer: str) -> str:
    """Two or three sentences that have nothing to do with the question."""
    asides: list[str] = []
    for _ in range(dice.pick((2, 3))):
        aside = _aside(dice)
        while aside in asides or aside in answer:
            aside = _aside(dice)
        asides.append(aside)
    return " ".join(asides)


def _aside(dice: Dice) -> str:
    kind = dice.pick(("fact", "friend", "seen", "weather"))
    if kind == "fact":
        return dice.pick(FACTS).sentence
    if kind == "friend":
        return f"My friend {dice.pick(world.PEOPLE)} likes {dice.pick([f.plural for f in world.FOODS if f.plural])}."
    if kind == "seen":
        return f"I saw {world.with_article(dice.pick(world.ANIMALS).name)} at the {dice.pick(world.PLACES)}."
    return dice.pick(
        (
            "It was raining all day.",
            "I like the sun.",
            "That makes me think of my garden.",
            "I was at the market on Monday.",
        )
    )
