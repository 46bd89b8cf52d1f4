"""Tasks that are answered from a given text: passages, summaries, reviews, pairs of sentences."""

from __future__ import annotations

from starter import episodes, words
from starter.dice import Dice
from starter.tasks.task import Task


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
        rival = dice.unshown(lambda: dice.pick(asked.rivals))
    else:
        rival = dice.unshown(lambda: dice.pick(present or list(asked.rivals)))
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


def summarise(dice: Dice) -> Task:
    episode = episodes.draw(dice)
    other = dice.unshown(lambda: episodes.draw(dice))
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
