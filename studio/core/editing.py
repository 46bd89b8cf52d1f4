"""Editing: a record taken apart into texts that a person can change, and put together again from them.

Put together, it is read by the same rules as an imported row. What edits it on screen is the Data page's.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from studio.core.messages import ROLES, Example, Message, check_text
from studio.core.records import KINDS, Label, Pair, Passage, Prompt, Ranking, Rating, Record, TaskRow
from studio.core.shapes import shape_named
from studio.core.tool_calls import calls_from

CALLS = "tool calls"
_RANK = "answer of rank "


@dataclass(frozen=True, slots=True)
class Part:
    """A text of a record. name: a turn's role, `CALLS`, or what else it is. turn: what of a turn is not its text."""

    name: str
    text: str
    turn: Message | None = None

    @property
    def is_turn(self) -> bool:
        """Whether it is a turn of a conversation."""
        return self.name in ROLES or self.name == CALLS


def parts_of(record: Any) -> list[Part]:
    """The texts of a record, in order."""
    match record:
        case Example() | Prompt():
            return [_turn(turn) for turn in record.conversation]
        case Passage():
            return [Part("text", record.text)]
        case TaskRow():
            return [Part(f"column {name}", _column(value)) for name, value in record.columns]
        case Pair():
            margin = [] if record.margin is None else [Part("margin", f"{record.margin:g}")]
            answers = [Part("chosen", record.chosen), Part("rejected", record.rejected)]
            return [*map(_turn, record.prompt), *answers, *margin]
        case Label():
            said = "good" if record.good else "bad"
            return [*map(_turn, record.prompt), Part("answer", record.answer), Part("good or bad", said)]
        case Rating():
            return [*map(_turn, record.prompt), Part("answer", record.answer), Part("rating", f"{record.rating:g}")]
        case Ranking():
            answers = [Part(f"{_RANK}{rank}", text) for rank, text in zip(record.ranks, record.answers, strict=True)]
            return [*map(_turn, record.prompt), *answers]
        case _:
            raise TypeError(f"{type(record).__name__} can't be taken apart")


def empty_parts(kind: str) -> list[Part]:
    """The texts of a new record of a kind, to be filled in."""
    asked, answer = Part("user", ""), Part("answer", "")
    return {
        "examples": [asked, Part("assistant", "")],
        "prompts": [asked],
        "pairs": [asked, Part("chosen", ""), Part("rejected", "")],
        "labels": [asked, answer, Part("good or bad", "good")],
        "ratings": [asked, answer, Part("rating", "")],
        "rankings": [asked, Part(f"{_RANK}1", ""), Part(f"{_RANK}2", "")],
        "passages": [Part("text", "")],
        "tasks": [Part("column text", ""), Part("column label", "")],
    }[kind]


def record_of(kind: str, parts: Sequence[Part]) -> Record:
    """The record that the texts make. Raises ValueError with the reason, in words that follow "Line 12: "."""
    for part in parts:
        check_text(part.text, f"“{part.name}”")
    turns = tuple(_message(part) for part in parts if part.is_turn)
    rest = {part.name: part.text for part in parts if not part.is_turn}
    if kind == "passages":
        return shape_named("Plain text").read(rest)
    if kind == "tasks":
        return shape_named("Labelled task").read(
            {part.name.removeprefix("column "): _value(part.text) for part in parts}
        )
    if kind in ("examples", "prompts"):
        return _conversation(kind, turns)
    if not any(turn.role == "user" and turn.content.strip() for turn in turns):
        raise ValueError("“user” is empty")
    # The turns themselves are kept as they are; the rules for the rest are those of an imported row.
    row: dict[str, Any] = {"prompt": "x"}
    if kind == "pairs":
        row |= {"chosen": rest["chosen"], "rejected": rest["rejected"], "margin": rest.get("margin")}
        pair = cast("Pair", shape_named("Preference pairs").read(row))
        return Pair(turns, pair.chosen, pair.rejected, pair.margin)
    if kind == "labels":
        label = cast("Label", shape_named("KTO").read(row | {"answer": rest["answer"], "label": rest["good or bad"]}))
        return Label(turns, label.answer, label.good)
    if kind == "ratings":
        rating = cast("Rating", shape_named("Ratings").read(row | {"answer": rest["answer"], "rating": rest["rating"]}))
        return Rating(turns, rating.answer, rating.rating)
    ranked = [(part.text, int(part.name.removeprefix(_RANK))) for part in parts if part.name.startswith(_RANK)]
    row |= {"responses": [text for text, _ in ranked], "ranks": [rank for _, rank in ranked]}
    ranking = cast("Ranking", shape_named("Rankings").read(row))
    return Ranking(turns, ranking.answers, ranking.ranks)


def _column(value: Any) -> str:
    return value if isinstance(value, str) and not _is_json(value) else json.dumps(value, ensure_ascii=False)


def _value(text: str) -> Any:
    return json.loads(text) if _is_json(text) else text


def _is_json(text: str) -> bool:
    """Whether text would be read as something else: a number, a list, an object, or text in quotes."""
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _conversation(kind: str, turns: tuple[Message, ...]) -> Record:
    if kind == "prompts":
        if not turns or turns[-1].role != "user" or not turns[-1].content.strip():
            raise ValueError("the conversation does not end with a question")
        return Prompt(turns)
    if not any(turn.role == "assistant" and (turn.calls or turn.content.strip()) for turn in turns):
        raise ValueError("no turn is an answer, so there is nothing to learn")
    return Example(turns)


def _turn(turn: Message) -> Part:
    if turn.calls:
        return Part(CALLS, json.dumps([call.as_dict()["function"] for call in turn.calls], ensure_ascii=False), turn)
    return Part(turn.role, turn.content, turn)


def _message(part: Part) -> Message:
    kept = part.turn or Message("user", "")
    if part.name == CALLS:
        if part == _turn(kept):
            return kept
        return kept._replace(role="assistant", calls=calls_from(part.text))
    return kept._replace(role=cast("Any", part.name), content=part.text, calls=())


def kind_parts(kind: str) -> list[Part]:
    """What another pair of turns adds to a conversation, or nothing for kinds that are none."""
    return [Part("user", ""), Part("assistant", "")] if KINDS[kind].name == "examples" else []
