"""The instruction families: wording, gold answer, and what the judge must check.

A task's `key` names its combination (this fact, this phrase, this passage), never its wording; a key falls by its
hash into the held-out tenth or into training, so nothing held out was ever seen as a whole, in any wording.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from starter import episodes, words, world
from starter.dice import Dice

NUMBER_WORDS = {2: "two", 3: "three", 4: "four", 5: "five"}


@dataclass(frozen=True)
class Task:
    family: str
    instruction: str
    input: str
    gold: str
    wrong: str  # a plausible wrong answer, for preference pairs
    check: dict[str, Any]
    key: str = field(default="")

    @property
    def prompt(self) -> str:
        return f"{self.instruction}\n{self.input}" if self.input else self.instruction


def held_out(key: str) -> bool:
    """True for the tenth of all combinations that training never sees."""
    return int(hashlib.sha256(key.encode()).hexdigest()[:8], 16) % 10 == 0


def passage_task(dice: Dice, kind: str, family: str) -> Task:
    while True:
        episode = episodes.draw(dice)
        fitting = [asked for asked in episode.asked if asked.kind == kind]
        if fitting:
            break
    asked = dice.pick(fitting)
    instruction = dice.pick(
        (f"Read the text and answer. {asked.question}", f"{asked.question} Use the text.", f"{asked.question}")
    )
    text = dice.pick(("Text: ", "")) + episode.text
    present = [rival for rival in asked.rivals if rival in episode.text.split()]
    if kind == "number":
        rival = str(int(asked.value) % 20 + 2)
    elif kind == "date":
        rival = dice.pick(asked.rivals)
    else:
        rival = dice.pick(present or list(asked.rivals))
    check = {"rule": "value", "value": asked.value, "rivals": list(asked.rivals)}
    return Task(
        family,
        instruction,
        text,
        asked.answer,
        asked.answer.replace(asked.value, rival),
        check,
        f"passage {episode.key}",
    )


def passage_span(dice: Dice) -> Task:
    return passage_task(dice, "span", "passage_span")


def passage_number(dice: Dice) -> Task:
    return passage_task(dice, "number", "passage_number")


def passage_date(dice: Dice) -> Task:
    return passage_task(dice, "date", "passage_date")


def facts(dice: Dice) -> Task:
    fact = dice.pick(world.FACTS)
    instruction = dice.pick((fact.question, f"Answer the question. {fact.question}", f"Tell me {fact.said}."))
    wrong = fact.sentence.replace(fact.value, dice.pick(fact.rivals))
    check = {"rule": "value", "value": fact.value, "rivals": list(fact.rivals), "about": fact.about}
    return Task("facts", instruction, "", fact.sentence, wrong, check, f"fact {fact.about} {fact.relation}")


def summarise(dice: Dice) -> Task:
    episode = episodes.draw(dice)
    other = episodes.draw(dice)
    instruction = dice.pick(
        (
            "Summarise the text in one sentence.",
            "Say this text in one sentence.",
            "Give a short summary.",
            "What is this text about? Use one sentence.",
        )
    )
    check = {"rule": "summary", "words": list(episode.summary_words), "most": 16}
    return Task("summarise", instruction, episode.text, episode.summary, other.summary, check, f"passage {episode.key}")


def phrase(dice: Dice) -> tuple[str, str, str]:
    """An English phrase, its Spanish, and the key of the noun and adjective together."""
    noun, adjective = dice.pick(list(words.SPANISH_NOUNS)), dice.pick(list(words.SPANISH_ADJECTIVES))
    english, spanish = words.spanish(noun, adjective, dice.pick(words.SPANISH_FORMS))
    return english, spanish, f"spanish {noun} {adjective}"


def translate(dice: Dice) -> Task:
    english, spanish, key = phrase(dice)
    _, other, _ = phrase(dice)
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


def review(dice: Dice) -> tuple[str, bool, str]:
    good = dice.chance(0.5)
    noun = dice.pick(words.REVIEWED)
    first, second = dice.some(words.PRAISE if good else words.BLAME, 2)
    end = dice.pick(words.PRAISE_ENDS if good else words.BLAME_ENDS)
    text = dice.pick((f"The {noun} was {first} and {second}.", f"What a {first} {noun}. It was {second}."))
    return f"{text} {end}", good, f"review {noun} {first} {second}"


def sentiment(dice: Dice) -> Task:
    text, good, key = review(dice)
    instruction = dice.pick(
        (
            "Is this review positive or negative?",
            "Tell me if this review is positive or negative.",
            "Did the writer like it? Say positive or negative.",
        )
    )
    right, rival = ("positive", "negative") if good else ("negative", "positive")
    return Task(
        "sentiment",
        instruction,
        text,
        f"This review is {right}.",
        f"This review is {rival}.",
        {"rule": "value", "value": right, "rivals": [rival]},
        key,
    )


def statements(dice: Dice) -> tuple[str, str, bool, str]:
    """Two sentences, whether they say the same, and the key of what they are about."""
    state = dice.pick(words.STATES)
    subject = dice.pick(
        (
            "The dog",
            "The boy",
            "The cat",
            "The girl",
            "The man",
            "The horse",
            "The town",
            "The house",
            "The teacher",
            "The baker",
        )
    )
    opposite = words.OPPOSITES[state]
    same = dice.chance(0.5)
    if same:
        second = f"is not {opposite}" if state not in words.SAME or dice.chance(0.5) else f"is {words.SAME[state]}"
    else:
        second = dice.pick((f"is {opposite}", f"is not {state}"))
    return f"{subject} is {state}.", f"{subject} {second}.", same, f"agree {subject} {state}"


def agree(dice: Dice) -> Task:
    first, second, same, key = statements(dice)
    instruction = dice.pick(
        (
            "Do these two sentences say the same?",
            "Do these sentences agree or contradict?",
            "Compare the two sentences. Same or contradiction?",
        )
    )
    right = "The two sentences say the same."
    wrong = "The two sentences contradict each other."
    gold, other = (right, wrong) if same else (wrong, right)
    value, rival = ("same", "contradict") if same else ("contradict", "same")
    return Task(
        "agree",
        instruction,
        f"{first}\n{second}",
        gold,
        other,
        {"rule": "value", "value": value, "rivals": [rival]},
        key,
    )


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
        numbered(dice.some(members, count)),
        numbered(dice.some(members, min(wrong_count, len(members)))),
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
        left, right = dice.number(0, 12), dice.number(0, 12)
        return f"{left} plus {right}", left + right
    left = dice.number(0, 20)
    right = dice.number(0, min(left, 12))
    return f"{left} minus {right}", left - right


def arithmetic(dice: Dice) -> Task:
    expression, value = sum_of(dice)
    instruction = dice.pick((f"What is {expression}?", f"Work out {expression}.", f"How much is {expression}?"))
    wrong = value + dice.pick((1, 2, 3))
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
    rivals = sorted(set(words.OPPOSITES) - {word, right})
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
        f"The opposite of {word} is {dice.pick(rivals)}.",
        {"rule": "value", "value": right, "rivals": rivals},
        f"opposite {word}",
    )


def request(dice: Dice) -> tuple[str, str]:
    """A bare request and its key."""
    form, thing = dice.pick(words.REQUESTS), dice.pick(words.REQUESTED)
    return form.replace("{the}", f"the {thing}"), f"request {form} {thing}"


def polite(dice: Dice) -> Task:
    asked, key = request(dice)
    rude = dice.pick((world.capital_first(asked) + ".", world.capital_first(asked) + " now!"))
    wording = dice.pick(("Make this polite:", "Say this politely:", "Rewrite in a kind way:"))
    other, _ = request(dice)
    return Task(
        "polite",
        f"{wording} {rude}",
        "",
        f"Could you please {asked}?",
        f"Could you please {other}?",
        {
            "rule": "exact",
            "accept": [
                f"could you please {asked}",
                f"please {asked}",
                f"would you please {asked}",
                f"can you please {asked}",
            ],
        },
        key,
    )


POEM_SUBJECTS = [f"the {thing.name}" for thing in (*world.ANIMALS, *world.THINGS)] + [
    f"the {topic.name.split()[-1]}" for topic in world.TOPICS
]


def poem_about(dice: Dice, subject: str) -> list[str]:
    lines: list[str] = []
    for first, _ in dice.some(words.RHYMES, dice.pick((1, 2))):
        opening, closing = words.COUPLETS[first]
        lines += [opening.replace("{x}", subject), closing]
    return lines


def poem(dice: Dice) -> Task:
    subject = dice.pick(POEM_SUBJECTS)
    other = dice.pick([s for s in POEM_SUBJECTS if s != subject])
    wording = dice.pick(("Write a poem about", "Write a short poem about", "Make a rhyme about"))
    return Task(
        "poem",
        f"{wording} {subject}.",
        "",
        "\n".join(poem_about(dice, subject)),
        "\n".join(poem_about(dice, other)),
        {"rule": "poem", "subject": subject.removeprefix("the "), "rhymes": [list(pair) for pair in words.RHYMES]},
        f"poem {subject}",
    )


def tale(dice: Dice, girl: bool, name: str, animal: world.Animal) -> str:
    """Four short sentences about a child and an animal."""
    he, his = ("She", "her") if girl else ("He", "his")
    place, state = dice.pick(world.PLACES), dice.pick(("hungry", "lost", "small", "sad", "tired"))
    start = dice.pick(
        (
            f"Once there was a {'girl' if girl else 'boy'} named {name}.",
            f"{name} was a kind {'girl' if girl else 'boy'}.",
        )
    )
    meet = f"{he} met {world.with_article(animal.name)} at the {place}."
    need = f"The {animal.name} was {state}."
    gift = dice.pick((f"{he} gave it {animal.eats}.", f"{he} took it to {his} house.", f"{he} sang it a song."))
    end = dice.pick(("They became friends.", "Then they were both happy.", "From that day they played together."))
    return f"{start} {meet} {need} {gift} {end}"


def story(dice: Dice) -> Task:
    girl = dice.chance(0.5)
    name, animal = dice.pick(world.GIRLS if girl else world.BOYS), dice.pick(world.ANIMALS)
    other = dice.pick([a for a in world.ANIMALS if a != animal])
    wording = dice.pick(("Write a story about", "Tell me a story about", "Write a short story about"))
    return Task(
        "story",
        f"{wording} {name} and {world.with_article(animal.name)}.",
        "",
        tale(dice, girl, name, animal),
        tale(dice, girl, name, other),
        {"rule": "story", "names": [name, animal.name], "least": 3, "most": 7},
        f"story {name} {animal.name}",
    )


def explain(dice: Dice) -> Task:
    name = dice.pick(list(world.SUBJECTS))
    told = world.SUBJECTS[name]
    other = world.SUBJECTS[dice.pick([subject for subject in world.SUBJECTS if subject != name])]
    wording = dice.pick(
        (
            "Explain {x} to a child.",
            "Explain {x} to a six year old.",
            "Tell a small child what {x} is.",
            "What is {x}? Explain it for a child.",
        )
    )
    first = f"{told[0].split(' is ')[0]} is {other[0].split(' is ', 1)[1]}"
    keys = [told[0].split(" is ", 1)[1].rstrip("."), *(part.rstrip(".") for part in told[1:])]
    return Task(
        "explain",
        wording.replace("{x}", name),
        "",
        " ".join(told),
        " ".join((first, *other[1:])),
        {"rule": "explain", "subject": name.split()[-1], "facts": keys, "least": 2, "most": 4, "longest": 14},
        f"explain {name}",
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
    wrong = dice.pick([word for word in four if word != stranger])
    return Task(
        "odd_one_out",
        f"{wording} {', '.join(four)}",
        "",
        f"The odd one out is {stranger}.",
        f"The odd one out is {wrong}.",
        {"rule": "value", "value": stranger, "rivals": [w for w in four if w != stranger]},
        f"odd {' '.join(sorted(four))}",
    )


FAMILIES: dict[str, Callable[[Dice], Task]] = {
    "passage_span": passage_span,
    "passage_number": passage_number,
    "passage_date": passage_date,
    "facts": facts,
    "summarise": summarise,
    "translate": translate,
    "sentiment": sentiment,
    "agree": agree,
    "list": list_things,
    "sort": sort_numbers,
    "arithmetic": arithmetic,
    "opposite": opposite,
    "polite": polite,
    "poem": poem,
    "story": story,
    "explain": explain,
    "odd_one_out": odd_one_out,
}


def draw(dice: Dice, family: str, want_held_out: bool = False) -> Task:
    """One task of a family from the training part or from the held-out part."""
    while True:
        task = FAMILIES[family](dice)
        if held_out(task.key) == want_held_out:
            return task
