"""Tasks that are answered from knowledge: facts, Spanish, lists, order, sums, opposites, the odd one out."""

from __future__ import annotations

from collections.abc import Sequence

from starter import words
from starter.dice import Dice
from starter.facts import FACTS
from starter.tasks.task import Task

NUMBER_WORDS = {2: "two", 3: "three", 4: "four", 5: "five"}


def facts(dice: Dice) -> Task:
    fact = dice.pick(FACTS)
    instruction = dice.pick((fact.question, f"Answer the question. {fact.question}", f"Tell me {fact.said}."))
    wrong = fact.sentence.replace(fact.value, dice.unshown(lambda: dice.pick(fact.rivals)))
    # What is true of something else that shares the value does not answer: a sheep eats grass, too.
    others = sorted({other.about for other in FACTS if other.relation == fact.relation} - {fact.about})
    check = {"rule": "value", "value": fact.value, "rivals": [*fact.rivals, *others]}
    return Task("facts", instruction, "", fact.sentence, wrong, check, f"fact {fact.about} {fact.relation}")


def phrase(dice: Dice) -> tuple[str, str, str]:
    """An English phrase, its Spanish, and the key of the noun and adjective together."""
    noun, adjective = dice.pick(list(words.SPANISH_NOUNS)), dice.pick(list(words.SPANISH_ADJECTIVES))
    english, spanish = words.spanish(noun, adjective, dice.pick(words.SPANISH_FORMS))
    return english, spanish, f"spanish {noun} {adjective}"


def translate(dice: Dice) -> Task:
    english, spanish, key = phrase(dice)
    _, other, _ = dice.unshown(lambda: phrase(dice))
    wording = dice.pick(
        ("Translate to Spanish:", "Say this in Spanish:", "Put into Spanish:", "How do you say this in Spanish?")
    )
    return Task(
        "translate",
        f"{wording} {english}",
        "",
        f"In Spanish: {spanish}.",
        f"In Spanish: {other}.",
        {"rule": "exact", "accept": [spanish]},
        key,
    )


def some_in_order(dice: Dice, members: Sequence[str], count: int) -> list[str]:
    """`count` members that follow each other in the table, from a random one on, and round at its end."""
    start = dice.pick(range(len(members)))
    return [members[(start + place) % len(members)] for place in range(min(count, len(members)))]


def numbered(items: list[str]) -> str:
    return "\n".join(f"{place}. {item}" for place, item in enumerate(items, 1))


def list_things(dice: Dice) -> Task:
    category = dice.pick(list(words.CATEGORIES))
    members = words.CATEGORIES[category]
    count = dice.number(2, 5)
    wording = dice.pick(("List", "Name", "Give me", "Write down"))
    wrong_count = 5 if count < 4 else 2
    return Task(
        "list",
        f"{wording} {NUMBER_WORDS[count]} {category}.",
        "",
        numbered(some_in_order(dice, members, count)),
        numbered(dice.unshown(lambda: some_in_order(dice, members, wrong_count))),
        {"rule": "list", "members": list(members), "count": count},
        f"list {category} {count}",
    )


def sort_numbers(dice: Dice) -> Task:
    numbers = dice.some(range(1, 31), dice.number(3, 4))
    falling = dice.chance(0.5)
    way = "from large to small" if falling else "from small to large"
    wording = dice.pick(("Sort these numbers", "Put these numbers in order", "Order these numbers"))
    ordered = sorted(numbers, reverse=falling)
    wrong = ordered[1:] + ordered[:1]
    return Task(
        "sort",
        f"{wording} {way}: {join(numbers)}",
        "",
        f"In order: {join(ordered)}.",
        f"In order: {join(wrong)}.",
        {"rule": "exact", "accept": [join(ordered)]},
        f"sort {join(sorted(numbers))}",
    )


def join(numbers: list[int]) -> str:
    return ", ".join(str(number) for number in numbers)


def sum_of(dice: Dice) -> tuple[str, int]:
    """An expression in words and its value."""
    if dice.chance(0.5):
        left, right = dice.number(0, 10), dice.number(0, 10)
        return f"{left} plus {right}", left + right
    left = dice.number(0, 20)
    right = dice.number(0, min(left, 10))
    return f"{left} minus {right}", left - right


def arithmetic(dice: Dice) -> Task:
    expression, value = sum_of(dice)
    instruction = dice.pick((f"What is {expression}?", f"Work out {expression}.", f"How much is {expression}?"))
    wrong = value + dice.unshown(lambda: dice.pick((1, 2, 3)))
    return Task(
        "arithmetic",
        instruction,
        "",
        f"The answer is {value}.",
        f"The answer is {wrong}.",
        {"rule": "value", "value": str(value), "rivals": [], "given": expression},
        f"sum {expression}",
    )


def opposite(dice: Dice) -> Task:
    word = dice.pick(sorted(words.OPPOSITES))
    right = words.OPPOSITES[word]
    others = sorted(set(words.OPPOSITES) - {word, right})
    instruction = dice.pick(
        (
            f"What is the opposite of {word}?",
            f"Give the opposite of {word}.",
            f"Tell me the opposite of {word}.",
            f"Which word is the opposite of {word}?",
        )
    )
    return Task(
        "opposite",
        instruction,
        "",
        f"The opposite of {word} is {right}.",
        f"The opposite of {word} is {dice.unshown(lambda: dice.pick(others))}.",
        {"rule": "value", "value": right, "rivals": [*others, f"opposite of {right}"]},
        f"opposite {' '.join(sorted((word, right)))}",  # whoever knows one end of a pair has seen the other
    )


def odd_one(dice: Dice) -> tuple[list[str], str, str]:
    """Four words, the one that does not belong, and the group of the others."""
    group, other = dice.some(words.GROUPS, 2)
    stranger = dice.pick(words.CATEGORIES[other])
    members = dice.some([m for m in words.CATEGORIES[group] if m != stranger], 3)
    return dice.shuffled([*members, stranger]), stranger, group


def odd_one_out(dice: Dice) -> Task:
    four, stranger, _ = odd_one(dice)
    wording = dice.pick(("Which word does not belong?", "Find the odd one out:", "Which one is different?"))
    wrong = dice.unshown(lambda: dice.pick([word for word in four if word != stranger]))
    return Task(
        "odd_one_out",
        f"{wording} {', '.join(four)}",
        "",
        f"The odd one out is {stranger}.",
        f"The odd one out is {wrong}.",
        {"rule": "value", "value": stranger, "rivals": [w for w in four if w != stranger]},
        f"odd {' '.join(sorted(four))}",
    )
