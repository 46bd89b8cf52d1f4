"""Records: the kinds of rows that a dataset can hold, one kind a dataset, each in one canonical JSON form.

An `Example` (a conversation) is `core.messages`; here are the kinds that say which answers people prefer, prompts
without an answer, and plain text. How rows of files become records is `core.shapes`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from json.encoder import encode_basestring as quoted
from typing import Any, Protocol, cast

from studio.core.messages import Example, Message, turns_from_value, turns_to_json

_LABELS = ("label", "answers", "answer", "gold_label", "target", "class", "sentiment")  # what a row is judged to be


class Record(Protocol):
    """A row of a dataset."""

    @property
    def cells(self) -> tuple[str, ...]:
        """What a table shows of it, by the columns of its kind."""
        ...

    @property
    def conversation(self) -> tuple[Message, ...]:
        """The prompt with its (best) answer, as a template writes it; no turns for plain text."""
        ...

    def to_json(self) -> str:
        """Canonical JSON: equal records give equal text, so that it can be hashed."""
        ...


@dataclass(frozen=True, slots=True)
class Pair:
    """Two answers to one prompt, of which people prefer the first. margin: by how much, when it is known."""

    prompt: tuple[Message, ...]
    chosen: str
    rejected: str
    margin: float | None = None

    @property
    def cells(self) -> tuple[str, ...]:
        """Prompt, chosen, rejected."""
        return last_of(self.prompt), self.chosen, self.rejected

    @property
    def conversation(self) -> tuple[Message, ...]:
        """Prompt and chosen answer."""
        return (*self.prompt, Message("assistant", self.chosen))

    def to_json(self) -> str:
        """Canonical JSON."""
        return _listed(turns_to_json(self.prompt), quoted(self.chosen), quoted(self.rejected), _number(self.margin))

    @staticmethod
    def from_json(text: str) -> Pair:
        """Read `to_json`. Raises ValueError."""
        prompt, chosen, rejected, margin = json.loads(text)
        return Pair(turns_from_value(prompt), chosen, rejected, margin)


@dataclass(frozen=True, slots=True)
class Label:
    """One answer to a prompt, and whether people found it good (as KTO learns from it)."""

    prompt: tuple[Message, ...]
    answer: str
    good: bool

    @property
    def cells(self) -> tuple[str, ...]:
        """Prompt, answer, verdict."""
        return last_of(self.prompt), self.answer, "good" if self.good else "bad"

    @property
    def conversation(self) -> tuple[Message, ...]:
        """Prompt and answer."""
        return (*self.prompt, Message("assistant", self.answer))

    def to_json(self) -> str:
        """Canonical JSON."""
        return _listed(turns_to_json(self.prompt), quoted(self.answer), "true" if self.good else "false")

    @staticmethod
    def from_json(text: str) -> Label:
        """Read `to_json`. Raises ValueError."""
        prompt, answer, good = json.loads(text)
        return Label(turns_from_value(prompt), answer, good)


@dataclass(frozen=True, slots=True)
class Rating:
    """One answer to a prompt, and how good people found it on a scale of their own; more is better."""

    prompt: tuple[Message, ...]
    answer: str
    rating: float

    @property
    def cells(self) -> tuple[str, ...]:
        """Prompt, answer, rating."""
        return last_of(self.prompt), self.answer, f"{self.rating:g}"

    @property
    def conversation(self) -> tuple[Message, ...]:
        """Prompt and answer."""
        return (*self.prompt, Message("assistant", self.answer))

    def to_json(self) -> str:
        """Canonical JSON."""
        return _listed(turns_to_json(self.prompt), quoted(self.answer), _number(self.rating))

    @staticmethod
    def from_json(text: str) -> Rating:
        """Read `to_json`. Raises ValueError."""
        prompt, answer, rating = json.loads(text)
        return Rating(turns_from_value(prompt), answer, float(rating))


@dataclass(frozen=True, slots=True)
class Ranking:
    """Several answers to one prompt with their ranks; 1 is best, and equal ranks are ties."""

    prompt: tuple[Message, ...]
    answers: tuple[str, ...]
    ranks: tuple[int, ...]

    @property
    def cells(self) -> tuple[str, ...]:
        """Prompt, best answer, worst answer, how many."""
        ordered = self.ordered
        return last_of(self.prompt), ordered[0], ordered[-1], str(len(ordered))

    @property
    def ordered(self) -> list[str]:
        """The answers from the best to the worst."""
        return [answer for _, answer in sorted(zip(self.ranks, self.answers, strict=True), key=lambda pair: pair[0])]

    @property
    def conversation(self) -> tuple[Message, ...]:
        """Prompt and best answer."""
        return (*self.prompt, Message("assistant", self.ordered[0]))

    def to_json(self) -> str:
        """Canonical JSON."""
        answers = _listed(*[quoted(answer) for answer in self.answers])
        return _listed(turns_to_json(self.prompt), answers, _listed(*[str(rank) for rank in self.ranks]))

    @staticmethod
    def from_json(text: str) -> Ranking:
        """Read `to_json`. Raises ValueError."""
        prompt, answers, ranks = json.loads(text)
        return Ranking(turns_from_value(prompt), tuple(answers), tuple(ranks))


@dataclass(frozen=True, slots=True)
class Passage:
    """Plain text to go on learning a language from."""

    text: str

    @property
    def cells(self) -> tuple[str, ...]:
        """The text."""
        return (self.text,)

    @property
    def conversation(self) -> tuple[Message, ...]:
        """None: no template is put around plain text."""
        return ()

    def to_json(self) -> str:
        """Canonical JSON."""
        return quoted(self.text)

    @staticmethod
    def from_json(text: str) -> Passage:
        """Read `to_json`. Raises ValueError."""
        return Passage(cast("str", json.loads(text)))


@dataclass(frozen=True, slots=True)
class Prompt:
    """A conversation that waits for an answer: the last turn is not the model's."""

    prompt: tuple[Message, ...]

    @property
    def cells(self) -> tuple[str, ...]:
        """Prompt, how many turns."""
        return last_of(self.prompt), str(len(self.prompt))

    @property
    def conversation(self) -> tuple[Message, ...]:
        """The prompt; no answer follows."""
        return self.prompt

    def to_json(self) -> str:
        """Canonical JSON."""
        return turns_to_json(self.prompt)

    @staticmethod
    def from_json(text: str) -> Prompt:
        """Read `to_json`. Raises ValueError."""
        return Prompt(turns_from_value(json.loads(text)))


@dataclass(frozen=True, slots=True)
class TaskRow:
    """A row of a labelled task, with the columns that its file had: what instructions are made of (`core.tasks`)."""

    columns: tuple[tuple[str, Any], ...]

    @property
    def cells(self) -> tuple[str, ...]:
        """All but the label, and the label."""
        label = next((name for name, _ in reversed(self.columns) if name.lower() in _LABELS), self.columns[-1][0])
        rest = [_in_cell(value) for name, value in self.columns if name != label]
        return " · ".join(rest), _in_cell(dict(self.columns)[label])

    @property
    def conversation(self) -> tuple[Message, ...]:
        """None: it is no conversation yet."""
        return ()

    def to_json(self) -> str:
        """Canonical JSON."""
        return json.dumps(dict(self.columns), ensure_ascii=False, separators=(",", ":"))

    @staticmethod
    def from_json(text: str) -> TaskRow:
        """Read `to_json`. Raises ValueError."""
        return TaskRow(tuple(cast("dict[str, Any]", json.loads(text)).items()))


def _in_cell(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False)


def prompt_of(record: Record) -> tuple[Message, ...]:
    """The turns after which an answer is wanted; none for plain text, and for a conversation that only has answers."""
    match record:
        case Example():
            answers = [place for place, turn in enumerate(record.messages) if turn.role == "assistant"]
            return record.messages[: answers[-1]] if answers else record.messages
        case Pair() | Label() | Rating() | Ranking() | Prompt():
            return record.prompt
        case _:
            return ()


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of dataset: its name in the database, what people call its rows, and the columns of its table.

    templated: whether its rows are conversations that a template writes out; plain text is read as it is.
    """

    name: str
    rows: str
    about: str
    columns: tuple[str, ...]
    read: Callable[[str], Record]
    templated: bool = True

    def count(self, number: int) -> str:
        """A number of rows in words, such as "1,200 pairs"."""
        return f"{number:,} {self.rows if number != 1 else self.rows.removesuffix('s')}"


KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("examples", "examples", "conversations to learn answers from", ("Prompt", "Answer"), Example.from_json),
        Kind("pairs", "pairs", "two answers, one preferred", ("Prompt", "Chosen", "Rejected"), Pair.from_json),
        Kind("labels", "labels", "single answers, good or bad", ("Prompt", "Answer", "Verdict"), Label.from_json),
        Kind("ratings", "ratings", "single answers with a number", ("Prompt", "Answer", "Rating"), Rating.from_json),
        Kind("rankings", "rankings", "answers in order", ("Prompt", "Best", "Worst", "Answers"), Ranking.from_json),
        Kind("prompts", "prompts", "conversations that wait for an answer", ("Prompt", "Turns"), Prompt.from_json),
        Kind(
            "tasks",
            "task rows",
            "labelled rows to make instructions of",
            ("Columns", "Label"),
            TaskRow.from_json,
            templated=False,
        ),
        Kind("passages", "passages", "plain text", ("Text",), Passage.from_json, templated=False),
    )
}


def last_of(prompt: tuple[Message, ...]) -> str:
    """The last turn of a prompt, for lists."""
    return prompt[-1].content if prompt else ""


def _listed(*parts: str) -> str:
    return f"[{','.join(parts)}]"


def _number(value: float | None) -> str:
    if value is None:
        return "null"
    if not math.isfinite(value):
        raise ValueError(f"{value} is not a number that can be kept")
    return json.dumps(value)
