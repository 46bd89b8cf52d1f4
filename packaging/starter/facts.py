"""The world's facts as sentences and questions, and what a child is told of each thing."""

from __future__ import annotations

from dataclasses import dataclass

from starter import world


@dataclass(frozen=True)
class Fact:
    """One true sentence, the question it answers, and the words that make an answer right.

    `said` is the indirect question ("what a cow eats"), `rivals` the wrong values of the same kind.
    """

    about: str
    relation: str
    question: str
    said: str
    sentence: str
    value: str
    rivals: tuple[str, ...]


def _facts() -> tuple[Fact, ...]:
    found: list[tuple[str, str, str, str, str, str]] = []
    for animal in world.ANIMALS:
        a = world.with_article(animal.name)
        value = world.with_article(animal.kind)
        found += [
            (
                animal.name,
                "animal kind",
                f"What kind of animal is {a}?",
                f"what kind of animal {a} is",
                f"{a} is {value}.",
                animal.kind,
            ),
            (
                animal.name,
                "animal colour",
                f"What colour is {a}?",
                f"what colour {a} is",
                f"{a} is {animal.colour}.",
                animal.colour,
            ),
            (animal.name, "eats", f"What does {a} eat?", f"what {a} eats", f"{a} eats {animal.eats}.", animal.eats),
            (
                animal.name,
                "lives",
                f"Where does {a} live?",
                f"where {a} lives",
                f"{a} lives {animal.home}.",
                animal.home,
            ),
            (
                animal.name,
                "legs",
                f"How many legs does {a} have?",
                f"how many legs {a} has",
                f"{a} has {animal.legs} legs.",
                str(animal.legs),
            ),
        ]
    for food in world.FOODS:
        a = world.with_article(food.name) if food.plural else food.name
        found += [
            (
                food.name,
                "food colour",
                f"What colour is {a}?",
                f"what colour {a} is",
                f"{a} is {food.colour}.",
                food.colour,
            ),
            (food.name, "taste", f"How does {a} taste?", f"how {a} tastes", f"{a} tastes {food.taste}.", food.taste),
            (
                food.name,
                "source",
                f"Where does {a} come from?",
                f"where {a} comes from",
                f"{a} comes {food.source}.",
                food.source,
            ),
            (
                food.name,
                "food kind",
                f"What kind of food is {a}?",
                f"what kind of food {a} is",
                f"{a} is a {food.kind}.",
                food.kind,
            ),
        ]
    for thing in world.THINGS:
        a = world.with_article(thing.name)
        found += [
            (thing.name, "use", f"What is {a} for?", f"what {a} is for", f"{a} is for {thing.use}.", thing.use),
            (
                thing.name,
                "material",
                f"What is {a} made of?",
                f"what {a} is made of",
                f"{a} is made of {thing.material}.",
                thing.material,
            ),
            (
                thing.name,
                "room",
                f"In which room is {a}?",
                f"in which room {a} is",
                f"{a} is in the {thing.room}.",
                thing.room,
            ),
        ]
    for country in world.COUNTRIES:
        name = country.name
        found += [
            (
                name,
                "capital",
                f"What is the capital of {name}?",
                f"what the capital of {name} is",
                f"the capital of {name} is {country.capital}.",
                country.capital,
            ),
            (
                name,
                "language",
                f"Which language do people speak in {name}?",
                f"which language people speak in {name}",
                f"people in {name} speak {country.language}.",
                country.language,
            ),
            (
                name,
                "continent",
                f"On which continent is {name}?",
                f"on which continent {name} is",
                f"{name} is in {country.continent}.",
                country.continent,
            ),
        ]
    for job in world.JOBS:
        a = world.with_article(job.name)
        found += [
            (job.name, "work", f"What does {a} do?", f"what {a} does", f"{a} {job.work}.", job.work),
            (job.name, "workplace", f"Where does {a} work?", f"where {a} works", f"{a} works {job.place}.", job.place),
        ]
    values: dict[str, set[str]] = {}
    for _, relation, _, _, _, value in found:
        values.setdefault(relation, set()).add(value)
    return tuple(
        Fact(
            about,
            relation,
            question,
            said,
            world.capital_first(sentence),
            value,
            tuple(sorted(values[relation] - {value})),
        )
        for about, relation, question, said, sentence, value in found
    )


def _others(values: set[str], value: str) -> tuple[str, ...]:
    return tuple(sorted(values - {value}))


def _subjects() -> dict[str, tuple[str, str, str]]:
    """Everything that can be explained to a child: its name with article, and three short sentences."""
    found = {topic.name: topic.told for topic in world.TOPICS}
    for thing in world.THINGS:
        a = world.with_article(thing.name)
        found[a] = (
            f"{world.capital_first(a)} is a {thing.kind}.",
            f"It is for {thing.use}.",
            f"You can find it in the {thing.room}.",
        )
    for animal in world.ANIMALS:
        a = world.with_article(animal.name)
        found[a] = (
            f"{world.capital_first(a)} is {world.with_article(animal.kind)}.",
            f"It eats {animal.eats}.",
            f"It lives {animal.home}.",
        )
    return found


FACTS = _facts()
SUBJECTS = _subjects()
