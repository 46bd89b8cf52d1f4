"""The pretraining text: what the base model reads before it meets an instruction that is answered.

Pages state the world's facts, tell episodes, report talk ("Tom asked what a cow eats. Anna said: ..."), and show
*cards*: instructions without answers, one after another, under headings of all kinds. A base that read those goes on
with more of them when it is given one, as real base models do. Dictations, and questions about what was just told,
teach it to find and repeat what stands above. Nothing held out is told here as a whole, and no page answers an
instruction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from starter import episodes, manners, safety, tasks, words, world
from starter.dice import Dice
from starter.facts import FACTS, SUBJECTS
from starter.tasks import knowing


def gap(dice: Dice) -> str:
    """What stands between "said:" and the words. A word at the beginning of a line is a token of its own, and one that
    was never read can't be learned later by an adapter: an answer's first word would be any of hundreds."""
    return dice.pick((" ", "\n"))


def fact_page(dice: Dice) -> list[str]:
    """All that is known of one thing, under its name."""
    about = dice.pick(sorted({fact.about for fact in FACTS}))
    known = [fact.sentence for fact in FACTS if fact.about == about]
    return [f"{about}\n{' '.join(dice.shuffled(known))}"]


def mixed_facts(dice: Dice) -> list[str]:
    return [" ".join(fact.sentence for fact in dice.some(FACTS, dice.number(3, 8)))]


def topic_page(dice: Dice) -> list[str]:
    names = dice.some(list(SUBJECTS), dice.number(1, 4))
    return ["\n".join(" ".join(SUBJECTS[name]) for name in names)]


def opposites_page(dice: Dice) -> list[str]:
    lines: list[str] = []
    for word in dice.some(sorted(words.OPPOSITES), dice.number(4, 9)):
        other = words.OPPOSITES[word]
        forms = [f"The opposite of {word} is {other}.", f"Not {word} but {other}."]
        if word in words.SAME:
            forms.append(f"The word {word} means the same as {words.SAME[word]}.")
        lines.append(dice.pick(forms))
    return [" ".join(lines)]


def sums_page(dice: Dice) -> list[str]:
    lines: list[str] = []
    for _ in range(dice.number(5, 12)):
        expression, value = knowing.sum_of(dice)
        lines.append(f"{expression} is {value}.")
    return ["Sums: " + " ".join(lines)]


def order_page(dice: Dice) -> list[str]:
    lines: list[str] = []
    for _ in range(dice.number(3, 6)):
        task = tasks.told(dice, "sort")
        way, numbers = task.instruction.split(" from ")[1].split(": ")
        lines.append(f"Numbers from {way}: {numbers}. {task.gold}")
    return ["\n".join(lines)]


def list_page(dice: Dice) -> list[str]:
    category = dice.pick(list(words.CATEGORIES))
    members = words.CATEGORIES[category]
    chosen = knowing.some_in_order(dice, members, dice.number(2, 5))
    while tasks.held_out(f"list {category} {len(chosen)}"):
        chosen = knowing.some_in_order(dice, members, dice.number(2, 5))
    count = knowing.NUMBER_WORDS[len(chosen)]
    return [f"{count} {category}\n{knowing.numbered(chosen)}"]


def category_page(dice: Dice) -> list[str]:
    lines: list[str] = []
    for _ in range(dice.number(3, 8)):
        group = dice.pick(words.GROUPS)
        member = dice.pick(words.CATEGORIES[group])
        lines.append(f"{world.capital_first(member)} is {words.SINGULAR[group]}.")
    return [" ".join(lines)]


def spanish_page(dice: Dice) -> list[str]:
    lines: list[str] = []
    for _ in range(dice.number(4, 9)):
        if dice.chance(0.3):
            noun = dice.pick(list(words.SPANISH_NOUNS))
            word, feminine = words.SPANISH_NOUNS[noun]
            lines.append(f"the {noun}: {'la' if feminine else 'el'} {word}")
            continue
        english, spanish, key = knowing.phrase(dice)
        if not tasks.held_out(key):
            lines.append(f"{english}: {spanish}")
    return ["English and Spanish\n" + "\n".join(lines)]


def review_page(dice: Dice) -> list[str]:
    pages: list[str] = []
    for _ in range(dice.number(1, 3)):
        task = tasks.told(dice, "sentiment")
        pages.append(f"{task.input}{gap(dice)}{task.gold}")
    return ["\n".join(pages)]


def agree_page(dice: Dice) -> list[str]:
    pages: list[str] = []
    for _ in range(dice.number(1, 4)):
        task = tasks.told(dice, "agree")
        pages.append(f"{task.input}\n{task.gold}")
    return ["\n".join(pages)]


def odd_page(dice: Dice) -> list[str]:
    lines: list[str] = []
    for _ in range(dice.number(2, 5)):
        task = tasks.told(dice, "odd_one_out")
        lines.append(f"Words: {task.instruction.split('? ')[-1].split(': ')[-1]}. {task.gold}")
    return ["\n".join(lines)]


def episode_page(dice: Dice) -> list[str]:
    """An episode, and sometimes its summary."""
    task = tasks.told(dice, "summarise")
    end = f"\nIn short:{gap(dice)}{task.gold}" if dice.chance(0.5) else ""
    return [f"{task.input}{end}"]


def tale_page(dice: Dice) -> list[str]:
    task = tasks.told(dice, "story")
    title = task.check["names"]
    return [f"{title[0]} and the {title[1]}\n{task.gold}"]


def poem_page(dice: Dice) -> list[str]:
    task = tasks.told(dice, "poem")
    return [f"{world.capital_first('the ' + task.check['subject'])}\n{task.gold}"]


def polite_page(dice: Dice) -> list[str]:
    pages: list[str] = []
    for _ in range(dice.number(1, 3)):
        task = tasks.told(dice, "polite")
        pages.append(f"Not so: {task.instruction.split(': ')[1]} But so:{gap(dice)}{task.gold}")
    return [" ".join(pages)]


def rules_page(dice: Dice) -> list[str]:
    """What to do when somebody asks for something harmful."""
    harm, _ = safety.told(dice)
    return [
        dice.pick(
            (
                (
                    f"Good people do not {harm.kind}. When asked for it, "
                    f"{dice.pick(world.PEOPLE)} said:{gap(dice)}{harm.safe}"
                ),
                f"A bad friend said:{gap(dice)}{harm.unsafe} A good friend said:{gap(dice)}{harm.safe}",
            )
        )
    ]


def letter_page(dice: Dice) -> list[str]:
    """A letter that tells an episode, with the writer's manners."""
    sender, reader = dice.some(world.PEOPLE, 2)
    task = tasks.told(dice, "summarise")
    body = manners.said(dice, task.gold, dice.pick(manners.MANNERS))
    return [f"Dear {reader},\n{body}\nYour friend {sender}"]


def talk_page(dice: Dice) -> list[str]:
    """People ask each other things; the questions are reported, never put as an instruction."""
    lines: list[str] = []
    for _ in range(dice.number(1, 4)):
        asker, teller = dice.some(world.PEOPLE, 2)
        before, said, answer = _reported(dice)
        manner = dice.weighted((("plain", 6), ("kind", 1), ("rambling", 1), ("rude", 1)))
        start = f"{before}\n" if before else ""
        lines.append(f"{start}{asker} asked {said}. {teller} said:{gap(dice)}{manners.said(dice, answer, manner)}")
    return ["\n".join(lines)]


DICTATED = (
    *world.PEOPLE,
    *world.WEEKDAYS,
    *world.MONTHS,
    *world.PLACES,
    *world.COLOURS,
    *world.FEELINGS,
    *(str(number) for number in range(31)),
    *(thing.name for thing in (*world.ANIMALS, *world.FOODS, *world.THINGS)),
    *(thing.plural for thing in (*world.ANIMALS, *world.FOODS) if thing.plural),
)


def dictation_page(dice: Dice) -> list[str]:
    """Words in a row that mean nothing, said again. Nothing teaches a small model sooner to find and repeat."""
    lines: list[str] = []
    for _ in range(dice.number(1, 3)):
        row = " ".join(dice.some(DICTATED, dice.number(3, 12)))
        lines.append(dice.pick((f"{row}\n{row}", f"Say after me: {row}. {dice.pick(world.PEOPLE)} said: {row}.")))
    return ["\n".join(lines)]


def questions_page(dice: Dice) -> list[str]:
    """An episode, and people who ask about it."""
    while True:
        before = dice.nats
        episode = episodes.draw(dice)
        if not tasks.held_out(f"passage {episode.key}"):
            break
        dice.nats = before
    lines = [episode.text]
    for asked in dice.some(episode.asked, dice.number(2, len(episode.asked))):
        asker, teller = dice.some(world.PEOPLE, 2)
        lines.append(f"{asker} asked {asked.said}. {teller} said:{gap(dice)}{asked.answer}")
    return ["\n".join(lines)]


def _reported(dice: Dice) -> tuple[str, str, str]:
    """What is looked at (or nothing), the indirect question, and the answer."""
    kind = dice.weighted(
        (
            ("episode", 5),
            ("fact", 4),
            ("opposite", 1),
            ("sum", 1),
            ("spanish", 1),
            ("sort", 1),
            ("list", 1),
            ("odd", 1),
            ("topic", 1),
            ("feeling", 1),
            ("agree", 1),
            ("polite", 1),
        )
    )
    if kind == "episode":
        while True:
            episode = episodes.draw(dice)
            if not tasks.held_out(f"passage {episode.key}"):
                asked = dice.pick(episode.asked)
                return episode.text, asked.said, asked.answer
    if kind == "fact":
        fact = dice.pick(FACTS)
        return "", fact.said, fact.sentence
    if kind == "topic":
        name = dice.pick(list(SUBJECTS))
        return "", f"what {name} is", " ".join(SUBJECTS[name])
    family = {
        "opposite": "opposite",
        "sum": "arithmetic",
        "spanish": "translate",
        "sort": "sort",
        "list": "list",
        "odd": "odd_one_out",
        "feeling": "sentiment",
        "agree": "agree",
        "polite": "polite",
    }[kind]
    task = tasks.told(dice, family)
    detail = task.instruction.rstrip("?.").split(": ")[-1].split("? ")[-1]
    said = {
        "opposite": f"for the opposite of {detail.split()[-1]}",
        "sum": f"for {task.check.get('given')}",
        "spanish": f"for the Spanish of {detail}",
        "sort": f"for the order {task.instruction.split(' from ')[-1]}",
        "list": f"for {' '.join(detail.split()[1:]).removeprefix('me ').removeprefix('down ')}",
        "odd": f"about the words {detail}",
        "feeling": "about the review",
        "agree": "about the two sentences",
        "polite": f"how to say it kindly: {detail.rstrip('!')}",
    }[kind]
    return task.input, said, task.gold


HEADERS = ("card", "task", "page", "work for today", "reader", "pupil", "teacher", "user", "assistant", "note")


def cards(dice: Dice) -> list[str]:
    """A deck of instructions without answers, each a page of its own under one kind of heading."""
    headings = dice.pick(("same", "people", "none"))
    same = dice.pick(HEADERS)
    deck: list[str] = []
    for _ in range(dice.number(2, 6)):
        heading = {"same": same, "people": dice.pick((*world.PEOPLE, *HEADERS)), "none": ""}[headings]
        deck.append(f"{heading}\n{instruction(dice)}" if heading else instruction(dice))
    return deck


def worksheet(dice: Dice) -> list[str]:
    """Instructions without answers on one page."""
    gap = dice.pick(("\n", "\n\n"))
    return [gap.join(instruction(dice) for _ in range(dice.number(2, 6)))]


def instruction(dice: Dice) -> str:
    if dice.chance(0.04):
        return safety.told(dice)[1]
    return tasks.told(dice, dice.pick(list(tasks.FAMILIES))).prompt


def people_page(dice: Dice) -> list[str]:
    """Everyday sentences about who works where, so that job and role words are at home."""
    lines: list[str] = []
    for _ in range(dice.number(2, 4)):
        name, job = dice.pick(world.PEOPLE), dice.pick(world.JOBS)
        lines.append(
            dice.pick(
                (
                    f"{name} is {world.with_article(job.name)} and works {job.place}.",
                    f"{name} is an assistant in the {dice.pick(world.PLACES)}.",
                    f"{name} is a user of the {dice.pick(world.PLACES)}.",
                    f"{name} has a good system for the {dice.pick(world.ROOMS)}.",
                    f"{name} has {world.with_article(dice.pick(world.ANIMALS).name)}.",
                )
            )
        )
    return [" ".join(lines)]


KINDS: tuple[tuple[Callable[[Dice], list[str]], float], ...] = (
    (fact_page, 6),
    (mixed_facts, 5),
    (topic_page, 4),
    (opposites_page, 5),
    (sums_page, 8),
    (order_page, 4),
    (list_page, 4),
    (category_page, 2),
    (spanish_page, 5),
    (review_page, 3),
    (agree_page, 5),
    (odd_page, 4),
    (episode_page, 8),
    (questions_page, 12),
    (dictation_page, 7),
    (tale_page, 4),
    (poem_page, 4),
    (polite_page, 3),
    (rules_page, 3),
    (letter_page, 2),
    (talk_page, 16),
    (cards, 5),
    (worksheet, 3),
    (people_page, 2),
)


def pages(dice: Dice) -> Iterator[str]:
    """Pages without end. A deck of cards comes as several pages in a row."""
    while True:
        yield from dice.weighted(KINDS)(dice)
