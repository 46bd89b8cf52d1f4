"""Tasks that ask for something to be written: polite requests, poems, stories, explanations for a child."""

from __future__ import annotations

from starter import words, world
from starter.dice import Dice
from starter.facts import SUBJECTS
from starter.tasks.task import Task


def request(dice: Dice) -> tuple[str, str]:
    """A bare request and its key."""
    form, thing = dice.pick(words.REQUESTS), dice.pick(words.REQUESTED)
    return form.replace("{the}", f"the {thing}"), f"request {form} {thing}"


def polite(dice: Dice) -> Task:
    asked, key = request(dice)
    rude = dice.pick((world.capital_first(asked) + ".", world.capital_first(asked) + " now!"))
    wording = dice.pick(("Make this polite:", "Say this politely:", "Rewrite in a kind way:"))
    other, _ = dice.unshown(lambda: request(dice))
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
    other = dice.unshown(lambda: dice.pick([s for s in POEM_SUBJECTS if s != subject]))
    wording = dice.pick(("Write a poem about", "Write a short poem about", "Make a rhyme about"))
    return Task(
        "poem",
        f"{wording} {subject}.",
        "",
        "\n".join(poem_about(dice, subject)),
        "\n".join(dice.unshown(lambda: poem_about(dice, other))),
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
    other = dice.unshown(lambda: dice.pick([a for a in world.ANIMALS if a != animal]))
    wording = dice.pick(("Write a story about", "Tell me a story about", "Write a short story about"))
    return Task(
        "story",
        f"{wording} {name} and {world.with_article(animal.name)}.",
        "",
        tale(dice, girl, name, animal),
        dice.unshown(lambda: tale(dice, girl, name, other)),
        {"rule": "story", "names": [name, animal.name], "least": 3, "most": 7},
        f"story {name} {animal.name}",
    )


def explain(dice: Dice) -> Task:
    name = dice.pick(list(SUBJECTS))
    told = SUBJECTS[name]
    other = SUBJECTS[dice.unshown(lambda: dice.pick([subject for subject in SUBJECTS if subject != name]))]
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
