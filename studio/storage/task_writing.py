"""Labelled rows become instructions: each row in one of several phrasings, after demonstrations from the same data.

What a task is, and what decides the result, is `core.tasks`. The result is a dataset of its own, made in one
transaction, with how it was made kept beside it.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, cast

from studio.core.datasets import DatasetInfo
from studio.core.errors import StudioError
from studio.core.messages import Example, Message
from studio.core.tasks import EVERY, NATURAL, Making, columns_of_record, task_named, usual_making, with_labels
from studio.storage.datasets import add_dataset, records_of
from studio.storage.duplicates import texts_of
from studio.storage.jinja_sandbox import Rendered, compiled
from studio.storage.origins import keep_origin
from studio.storage.progress import Cancel, Report, never, quiet
from studio.storage.project import Project

_POOL = 2000  # rows that demonstrations are drawn from
_LABELS = 50  # different labels; with more it is no class
_ASKED = 5000  # rows that are looked at for labels
_PLAIN = "{% for shot in shots %}\n{{ shot.ask }}\n{{ shot.answer }}\n\n{% endfor %}\n{{ ask }}"
# After the schema of Natural Instructions: definition, emphasis, examples, then the row and what is asked of it.
_NATURAL = (
    "{% if definition %}\nDefinition: {{ definition }}\n{% endif %}\n{% if emphasis %}\nEmphasis: {{ emphasis }}\n"
    "{% endif %}\n{% for shot in shots %}\n\nPositive example {{ loop.index }}\nInput: {{ shot.ask }}\n"
    "Output: {{ shot.answer }}\n{% endfor %}\n\n{% if prompt %}\nPrompt: {{ prompt }}\n{% endif %}\n"
    "Input: {{ ask }}\nOutput:"
)


@dataclass(slots=True)
class Written:
    """What some rows became. left_out: rows that give nothing, with why: the first few."""

    examples: list[Example] = field(default_factory=list[Example])
    skipped: int = 0
    left_out: list[str] = field(default_factory=list[str])


class Writer:
    """Writes rows as instructions. Raises StudioError, on being made too, for a fault in a template."""

    def __init__(self, making: Making, names: Iterable[str], pool: list[dict[str, Any]]) -> None:
        making.check()
        self._making = making
        self._empty = dict.fromkeys(names, "")  # a row may lack a column that others have
        self._columns = dict(making.columns)
        self._words = dict(making.words)
        self._labels = list(dict.fromkeys(word for value, word in making.words if value != ""))
        self._phrasings: list[tuple[Rendered, Rendered]] = [
            (compiled(one.ask, f"Phrasing {number}"), compiled(one.answer, f"The answer of phrasing {number}"))
            for number, one in enumerate(making.phrasings, start=1)
            if one.chosen
        ]
        self._frame = compiled(_NATURAL if making.style == NATURAL else _PLAIN, "The frame")
        self._pool = pool

    def write(self, number: int, row: Mapping[str, Any]) -> list[Example]:
        """What the row of that number becomes: an example, or one for each phrasing. Raises StudioError for a fault,
        ValueError for a row that gives nothing."""
        making = self._making
        chance = random.Random(f"{making.seed}/{number}")
        which = range(len(self._phrasings)) if making.take == EVERY else [chance.randrange(len(self._phrasings))]
        values = self._values(row)
        return [self._example(phrasing, values, self._shots(chance, phrasing, row)) for phrasing in which]

    def _shots(self, chance: random.Random, phrasing: int, row: Mapping[str, Any]) -> list[dict[str, str]]:
        shots: list[dict[str, str]] = []
        # A few more than wanted: some may be the row itself, or give nothing.
        drawn = (
            chance.sample(self._pool, min(len(self._pool), 3 * self._making.shots + 3)) if self._making.shots else []
        )
        for other in drawn:
            if len(shots) == self._making.shots:
                break
            if other == row:
                continue
            try:
                ask, answer = self._said(phrasing, self._values(other))
            except ValueError:
                continue
            shots.append({"ask": ask, "answer": answer})
        return shots

    def _said(self, phrasing: int, values: Mapping[str, Any]) -> tuple[str, str]:
        ask, answer = (render(values).strip() for render in self._phrasings[phrasing])
        if not ask or not answer:
            raise ValueError(f"its {'answer' if ask else 'question'} is empty")
        return ask, answer

    def _example(self, phrasing: int, values: Mapping[str, Any], shots: list[dict[str, str]]) -> Example:
        ask, answer = self._said(phrasing, values)
        making = self._making
        framed = self._frame(
            {"ask": ask, "shots": shots, "definition": making.definition.strip(),
             "emphasis": making.emphasis.strip(), "prompt": making.prompt.strip()}
        )  # fmt: skip
        return Example((Message("user", framed.strip()), Message("assistant", answer)))

    def _values(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """What templates see: the row's columns, its fields by their usual names, and the label in words."""
        values = self._empty | {name: "" if value is None else value for name, value in row.items()}
        for name, column in self._columns.items():
            if column not in row:
                raise ValueError(f"it has no “{column}”")
            values[name] = row[column]
            if name not in ("label", "answers") and isinstance(row[column], str) and not row[column].strip():
                raise ValueError(f"its “{column}” is empty")
        values["labels"] = self._labels
        if "label" in self._columns:
            known = label_text(values["label"])
            if known not in self._words:
                raise ValueError(f"the label “{known[:40]}” has no word")
            if not self._words[known].strip():
                raise ValueError(f"the label “{known[:40]}” is left out")
            values["label"] = self._words[known]
        if "answers" in self._columns:
            found = first_answer(values["answers"])
            values["answer"] = found if found.strip() else self._words.get("", "")
        return values


def label_text(value: Any) -> str:
    """A label as text."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value).strip() if value is not None else ""


def first_answer(value: Any) -> str:
    """The first answer of a cell: text, a list, or SQuAD's {"text": [...]}."""
    while isinstance(value, (dict, list)):
        if isinstance(value, dict):
            value = cast("dict[str, Any]", value).get("text")
        else:
            value = next(iter(cast("list[Any]", value)), "")
    return value if isinstance(value, str) else "" if value is None else str(value)


def columns_in(project: Project, dataset: DatasetInfo) -> list[str]:
    """The columns that templates can use of a dataset."""
    names: dict[str, None] = {}
    for record in islice(records_of(project, dataset), 50):
        names |= dict.fromkeys(columns_of_record(record))
    return list(names)


def usual(project: Project, dataset: DatasetInfo) -> Making:
    """How instructions are made of a dataset when nobody says otherwise, with a word for each label that it has."""
    return with_words(project, dataset, usual_making(columns_in(project, dataset)))


def with_words(project: Project, dataset: DatasetInfo, making: Making) -> Making:
    """With a word for each label of the data: the usual one, or the label itself."""
    column = dict(making.columns).get("label")
    if column is None:
        return making
    first = islice(records_of(project, dataset), _ASKED)
    values = dict.fromkeys(label_text(columns_of_record(record).get(column)) for record in first)
    if len(values) > _LABELS:
        return making
    known = dict(task_named(making.task).words) | dict(making.words)
    ordered = sorted(values, key=lambda value: (not value.lstrip("-").isdigit(), len(value), value))
    return with_labels(_replaced(making, known), ordered)


def _replaced(making: Making, words: Mapping[str, str]) -> Making:
    usual = {value: ("" if value == "-1" else word) for value, word in {"-1": "", **words}.items()}
    return replace(making, words=tuple(usual.items()))


def preview_instructions(
    project: Project, dataset: DatasetInfo, making: Making, count: int = 3, cancelled: Cancel = never
) -> Written:
    """What the first rows become. Raises StudioError for a fault in a template."""
    pool = _pool(project, dataset, making, cancelled)
    writer, written = Writer(making, columns_in(project, dataset), pool), Written()
    for number, record in enumerate(islice(records_of(project, dataset), 50)):
        _write(writer, number, record, written)
        if len(written.examples) >= count:
            break
    return written


def make_instructions(
    project: Project, dataset: DatasetInfo, making: Making, name: str = "", report: Report = quiet,
    cancelled: Cancel = never,
) -> tuple[DatasetInfo, Written]:  # fmt: skip
    """A new dataset of examples, with how it was made; also which rows gave nothing. All or nothing.

    Raises StudioError, Cancelled.
    """
    pool = _pool(project, dataset, making, cancelled)
    writer, counted = Writer(making, columns_in(project, dataset), pool), Written()

    def examples() -> Iterator[Example]:
        for number, (_, record) in enumerate(texts_of(project, dataset, report, cancelled)):
            counted.examples.clear()
            _write(writer, number, record, counted)
            yield from counted.examples

    if not any(True for _ in islice(examples(), 1)):
        reason = f" The first: {counted.left_out[0]}." if counted.left_out else ""
        raise StudioError(f"None of “{dataset.name}” becomes an instruction.{reason}", "Correct what is chosen.")
    counted.skipped, counted.left_out = 0, []
    origin = {
        "made": "instructions",
        "from": dataset.name,
        "content_hash": dataset.content_hash,
        "how": making.to_json(),
    }
    info = add_dataset(
        project, name.strip() or f"{dataset.name} as instructions", f"“{dataset.name}” as instructions", examples(),
        cancelled=cancelled, also=lambda connection, made: keep_origin(connection, made, origin),
    )  # fmt: skip
    return info, counted


def _write(writer: Writer, number: int, record: Any, written: Written) -> None:
    try:
        written.examples += writer.write(number, columns_of_record(record))
    except ValueError as error:
        written.skipped += 1
        if len(written.left_out) < 5:
            written.left_out.append(f"row {number + 1:,}: {error}")


def _pool(project: Project, dataset: DatasetInfo, making: Making, cancelled: Cancel) -> list[dict[str, Any]]:
    """Rows that demonstrations are drawn from, the same for the same seed."""
    if not making.shots:
        return []
    chance, kept = random.Random(f"{making.seed}/pool"), list[dict[str, Any]]()
    for number, (_, record) in enumerate(texts_of(project, dataset, quiet, cancelled)):
        place = number if number < _POOL else chance.randrange(number + 1)  # reservoir sampling: one pass, any length
        if place < _POOL:
            row = columns_of_record(record)
            if place < len(kept):
                kept[place] = row
            else:
                kept.append(row)
    return kept
