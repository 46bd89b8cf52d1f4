"""Small things that happen to people: the passage, what can be asked about it, and its summary.

The same draw makes the stories of the pretraining text and the passages of the tasks; what is asked about them
differs (`pages` asks indirectly, `tasks` asks as an instruction).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from starter import world
from starter.dice import Dice

GOODS = [food for food in world.FOODS if food.plural]


@dataclass(frozen=True)
class Asked:
    """A question about a passage: `kind` is span, number or date; `rivals` are wrong values to watch for."""

    kind: str
    question: str
    said: str
    answer: str
    value: str
    rivals: tuple[str, ...]


@dataclass(frozen=True)
class Episode:
    name: str
    sentences: tuple[str, ...]
    asked: tuple[Asked, ...]
    summary: str
    summary_words: tuple[str, ...]
    key: str = field(default="")

    @property
    def text(self) -> str:
        return " ".join(self.sentences)


def draw_day(dice: Dice) -> str:
    if dice.chance(0.5):
        return dice.pick(world.WEEKDAYS)
    return f"{dice.number(1, 28)} {dice.pick(world.MONTHS)}"


def draw(dice: Dice) -> Episode:
    """One episode: a person, a place, a day, often a friend, one thing that happens, a feeling."""
    girl = dice.chance(0.5)
    name = dice.pick(world.GIRLS if girl else world.BOYS)
    he, his = ("She", "her") if girl else ("He", "his")
    friend = dice.pick([person for person in world.PEOPLE if person != name])
    place, day = dice.pick(world.PLACES), draw_day(dice)
    sentences = [
        dice.pick(
            (
                f"{name} went to the {place} on {day}.",
                f"On {day} {name} went to the {place}.",
            )
        )
    ]
    rivals_place = tuple(p for p in world.PLACES if p != place)
    asked = [
        Asked(
            "span", f"Where did {name} go?", f"where {name} went", f"{name} went to the {place}.", place, rivals_place
        ),
        Asked(
            "date",
            dice.pick((f"On which day did {name} go to the {place}?", f"When did {name} go there?")),
            f"when {name} went to the {place}",
            f"{name} went there on {day}.",
            day,
            tuple(d for d in [*world.WEEKDAYS, *world.MONTHS] if d not in day),
        ),
    ]
    if dice.chance(0.7):
        sentences.append(
            dice.pick(
                (f"{he} went with {friend}.", f"{friend} came too.", f"{his.capitalize()} friend {friend} was there.")
            )
        )
        asked.append(
            Asked(
                "span",
                f"Who was with {name}?",
                f"who was with {name}",
                f"{friend} was with {name}.",
                friend,
                tuple(p for p in world.PEOPLE if p not in (name, friend)),
            )
        )
    event, happened, feelings = _event(dice, name, he, his, asked)
    sentences.append(event)
    if dice.chance(0.4):
        sentences.append(
            dice.pick(
                (
                    "The sun was hot.",
                    "It was raining.",
                    "Many people were there.",
                    "It was very quiet.",
                    "The day was long.",
                )
            )
        )
    feeling = dice.pick(feelings)
    sentences.append(dice.pick((f"In the end {he.lower()} was {feeling}.", f"{he} felt {feeling} all day.")))
    asked.append(
        Asked(
            "span",
            f"How did {name} feel?",
            f"how {name} felt",
            f"{name} felt {feeling}.",
            feeling,
            tuple(f for f in world.FEELINGS if f != feeling),
        )
    )
    summary = f"{name} {happened} at the {place} and was {feeling}."
    thing = happened.split()[-1]
    return Episode(
        name, tuple(sentences), tuple(asked), summary, (name, thing, feeling), key=f"{name} {happened} {place} {day}"
    )


def _event(dice: Dice, name: str, he: str, his: str, asked: list[Asked]) -> tuple[str, str, tuple[str, ...]]:
    """The sentence of what happens, the same for a summary, and the feelings it may cause."""
    kind = dice.pick(("bought", "saw", "lost", "found"))
    if kind in ("bought", "saw"):
        count = dice.number(2, 20)
        pool = [f.plural for f in GOODS] if kind == "bought" else [a.plural for a in world.ANIMALS if a.name != "sheep"]
        things = dice.pick(pool)
        verb = "buy" if kind == "bought" else "see"
        answer = f"{name} {kind} {count} {things}."
        asked.append(
            Asked(
                "number",
                f"How many {things} did {name} {verb}?",
                f"how many {things} {name} {kind}",
                answer,
                str(count),
                tuple(p for p in pool if p != things),
            )
        )
        asked.append(
            Asked(
                "span",
                f"What did {name} {verb}?",
                f"what {name} {kind}",
                answer,
                things,
                tuple(p for p in pool if p != things),
            )
        )
        return f"{he} {kind} {count} {things}.", f"{kind} {count} {things}", ("happy", "glad", "calm")
    thing = dice.pick(world.THINGS[15:])
    owned = f"{his} {thing.name}" if kind == "lost" else world.with_article(thing.name)
    verb = "lose" if kind == "lost" else "find"
    asked.append(
        Asked(
            "span",
            f"What did {name} {verb}?",
            f"what {name} {kind}",
            f"{name} {kind} {owned}.",
            thing.name,
            tuple(t.name for t in world.THINGS if t.name != thing.name),
        )
    )
    feelings = ("sad", "angry", "worried") if kind == "lost" else ("happy", "glad", "surprised")
    return f"{he} {kind} {owned}.", f"{kind} {owned}", feelings
