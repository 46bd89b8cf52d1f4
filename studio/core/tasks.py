"""Labelled tasks (sentiment, inference, questions on a text, or any columns), and how instructions are made of them.

Several phrasings each, label words, demonstrations drawn from the same data, and a frame around all of it: as in FLAN
(Wei et al. 2021) and Natural Instructions (Mishra et al. 2021). Only the texts are here; writing them is
`storage.task_writing`, since it needs Jinja.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, cast

from studio.core.errors import StudioError
from studio.core.records import Label, Pair, Passage, Ranking, Rating, Record, TaskRow, prompt_of

PLAIN, NATURAL = "plain", "natural"
EVERY, ONE = "every", "one"  # phrasings of a row: all of them, or one drawn by chance
MOST_SHOTS = 16


@dataclass(frozen=True, slots=True)
class Phrasing:
    """One way to put a row into words. ask and answer: Jinja over the row's columns, `label` and `labels`."""

    ask: str
    answer: str
    chosen: bool = True


@dataclass(frozen=True, slots=True)
class TaskField:
    """A column that a task reads, with other names that people give it."""

    name: str
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Task:
    """A kind of labelled data with its usual phrasings. words: label values, as text, with the words that stand for
    them. definition, emphasis, prompt: for the frame of Natural Instructions."""

    name: str
    label: str
    fields: tuple[TaskField, ...]
    phrasings: tuple[Phrasing, ...]
    words: tuple[tuple[str, str], ...] = ()
    definition: str = ""
    emphasis: str = ""
    prompt: str = ""

    def columns_of(self, names: Iterable[str]) -> dict[str, str] | None:
        """Which column is which field, when each field finds one."""
        known = {name.lower().strip(): name for name in names}
        found: dict[str, str] = {}
        for one in self.fields:
            match = next((known[word] for word in (one.name, *one.also) if word in known), None)
            if match is None or match in found.values():
                return None
            found[one.name] = match
        return found


_LABEL = TaskField("label", ("labels", "gold_label", "class", "target", "sentiment", "polarity", "category"))

TASKS: tuple[Task, ...] = (
    Task(
        "inference",
        "Inference (premise, hypothesis)",
        (
            TaskField("premise", ("sentence1", "text1", "sentence_1")),
            TaskField("hypothesis", ("sentence2", "text2", "sentence_2")),
            _LABEL,
        ),
        (
            Phrasing(
                "{{ premise }}\n\nQuestion: Does this mean that “{{ hypothesis }}”? {{ labels | join(', ') }}?",
                "{{ label }}",
            ),
            Phrasing(
                "Premise: {{ premise }}\nHypothesis: {{ hypothesis }}\nDoes the first entail the second? "
                "Answer with {{ labels | join(', ') }}.",
                "{{ label }}",
            ),
            Phrasing("Suppose this is true: {{ premise }}\nIs this true as well? {{ hypothesis }}", "{{ label }}"),
            Phrasing(
                "Read this and say whether the second sentence follows from it.\n1. {{ premise }}\n2. {{ hypothesis }}",
                "The answer is {{ label }}.",
            ),
        ),
        (
            ("0", "yes"),
            ("1", "maybe"),
            ("2", "no"),
            ("entailment", "yes"),
            ("neutral", "maybe"),
            ("contradiction", "no"),
        ),
        "You are given a premise and a hypothesis. Say whether the hypothesis follows from the premise.",
        "Use only what the premise says, not what you know besides.",
        "Does the hypothesis follow from the premise?",
    ),
    Task(
        "questions",
        "Questions on a text (context, question, answers)",
        (
            TaskField("context", ("passage", "paragraph", "text", "article")),
            TaskField("question", ("query",)),
            TaskField("answers", ("answer", "short_answer")),
        ),
        (
            Phrasing("{{ context }}\n\nQuestion: {{ question }}", "{{ answer }}"),
            Phrasing(
                "Answer the question with words of the text.\nText: {{ context }}\nQuestion: {{ question }}",
                "{{ answer }}",
            ),
            Phrasing("{{ question }}\nThe answer is in this text:\n{{ context }}", "{{ answer }}"),
            Phrasing("Read the text and answer. {{ question }}\n\n{{ context }}", "{{ answer }}"),
        ),
        (("", "The text does not say."),),
        "You are given a text and a question. Answer the question with words of the text.",
        "Copy the shortest part of the text that answers; do not explain.",
        "What is the answer?",
    ),
    Task(
        "sentiment",
        "Sentiment and other classes (text, label)",
        (TaskField("text", ("sentence", "review", "content", "tweet", "comment", "document")), _LABEL),
        (
            Phrasing("{{ text }}\n\nIs this {{ labels | join(' or ') }}?", "{{ label }}"),
            Phrasing(
                "What is the sentiment of this text? Answer with {{ labels | join(' or ') }}.\n{{ text }}",
                "{{ label }}",
            ),
            Phrasing("Text: {{ text }}\nSentiment:", "{{ label }}"),
            Phrasing("How did the writer of this feel about it?\n\n{{ text }}", "The writer’s view is {{ label }}."),
        ),
        (("0", "negative"), ("1", "positive"), ("neg", "negative"), ("pos", "positive")),
        "You are given a text. Say which of the classes it belongs to.",
        "Answer with the name of the class alone.",
        "Which class does the text belong to?",
    ),
)
FREE = Task("columns", "Any columns", (), (Phrasing("", ""),), definition="", prompt="")


@dataclass(frozen=True)
class Making:
    """How instructions are made: everything that decides the result, so that it can be kept beside it.

    columns: (field, column). words: (value, word) for labels. shots: demonstrations before each row, other rows of the
    same data. style: how they and the row stand together.
    """

    task: str
    columns: tuple[tuple[str, str], ...]
    phrasings: tuple[Phrasing, ...]
    words: tuple[tuple[str, str], ...] = ()
    take: str = ONE
    shots: int = 0
    style: str = PLAIN
    definition: str = ""
    emphasis: str = ""
    prompt: str = ""
    seed: int = 42

    @property
    def used(self) -> tuple[Phrasing, ...]:
        """The phrasings that are chosen."""
        return tuple(one for one in self.phrasings if one.chosen)

    def check(self) -> None:
        """Raise StudioError for the first thing that is missing."""
        if not self.used:
            raise StudioError("No phrasing is chosen, so nothing would be written.", "Tick at least one.")
        for number, one in enumerate(self.phrasings, start=1):
            if one.chosen and not (one.ask.strip() and one.answer.strip()):
                raise StudioError(
                    f"Phrasing {number} has no {'answer' if one.ask.strip() else 'question'}.",
                    "Write both, such as {{ text }} and {{ label }}.",
                )
        if not 0 <= self.shots <= MOST_SHOTS:
            raise StudioError(f"{self.shots} demonstrations are too many.", f"Choose up to {MOST_SHOTS}.")

    def to_json(self) -> str:
        """As it is kept."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @staticmethod
    def from_json(text: str, where: str = "This recipe of instructions") -> Making:
        """Read `to_json`, or what a person wrote. Raises StudioError."""
        try:
            values = cast("dict[str, Any]", json.loads(text))
            phrasings = tuple(Phrasing(**one) for one in values.pop("phrasings"))
            pairs = {name: tuple((str(a), str(b)) for a, b in values.pop(name, ())) for name in ("columns", "words")}
            return Making(phrasings=phrasings, **pairs, **values)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise StudioError(
                f"{where} can't be read: {error}.",
                "It has task, columns, phrasings (each with ask and answer) and, if you like, words, take, shots, "
                "style, definition, emphasis, prompt and seed.",
            ) from error


def task_named(name: str) -> Task:
    """The task of that name. Raises StudioError."""
    for task in (*TASKS, FREE):
        if task.name == name:
            return task
    known = ", ".join(task.name for task in (*TASKS, FREE))
    raise StudioError(f"There is no task “{name}”.", f"Choose one of {known}.")


def task_of(names: Iterable[str]) -> tuple[Task, dict[str, str]] | None:
    """The task whose fields all find a column, with which column is which; None when there is none."""
    kept = list(names)
    for task in TASKS:
        columns = task.columns_of(kept)
        if columns is not None:
            return task, columns
    return None


def usual_making(names: Iterable[str]) -> Making:
    """How instructions are made of rows with these columns when nobody says otherwise."""
    kept = list(names)
    found = task_of(kept)
    return free_making(kept) if found is None else making_of(*found)


def free_making(names: Iterable[str]) -> Making:
    """A beginning for any columns: all but the last are asked, the last is the answer."""
    kept = [name for name in names if name.isidentifier()]
    words = "\n".join(f"{name}: {{{{ {name} }}}}" for name in kept[:-1])
    return making_of(FREE, {}, (Phrasing(words, f"{{{{ {kept[-1]} }}}}" if kept else ""),))


def making_of(task: Task, columns: Mapping[str, str], phrasings: tuple[Phrasing, ...] = ()) -> Making:
    """A task's usual phrasings over these columns."""
    return Making(
        task.name, tuple(columns.items()), phrasings or task.phrasings, task.words, definition=task.definition,
        emphasis=task.emphasis, prompt=task.prompt,
    )  # fmt: skip


def with_labels(making: Making, values: Iterable[str]) -> Making:
    """With a word for each label that the data has, and none for others: itself where no word is usual."""
    known = dict(making.words)
    return replace(making, words=tuple((value, known.get(value, value)) for value in dict.fromkeys(values)))


def columns_of_record(record: Record) -> dict[str, Any]:
    """The columns that templates see of a record of any kind."""
    asked = prompt_of(record)
    system = asked[0].content if asked and asked[0].role == "system" else ""
    said = {"prompt": asked[-1].content if asked else "", "system": system}
    match record:
        case TaskRow():
            return dict(record.columns)
        case Pair():
            return {**said, "chosen": record.chosen, "rejected": record.rejected}
        case Label():
            return {**said, "answer": record.answer, "label": "good" if record.good else "bad"}
        case Rating():
            return {**said, "answer": record.answer, "rating": f"{record.rating:g}"}
        case Ranking():
            return {**said, "answers": record.ordered, "best": record.ordered[0], "worst": record.ordered[-1]}
        case Passage():
            return {"text": record.text}
        case _:
            answers = [turn.content for turn in record.conversation if turn.role == "assistant"]
            return {**said, "answer": answers[-1] if answers else ""}
