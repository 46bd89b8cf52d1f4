"""Shapes of judged answers: preference pairs (plain, in turns, HH transcripts), KTO labels, ratings and rankings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, cast

from studio.core.messages import Message, check_text, messages_from, with_tools
from studio.core.records import Label, Pair, Ranking, Rating
from studio.core.shapes.parts import (
    Row,
    answer_of,
    asked_of,
    columns_of,
    first_of,
    number_of,
    sharegpt_turns,
    text_of,
    truth_of,
    turns_of,
)

ANSWERS = ("response", "answer", "completion", "output")
SEVERAL = ("responses", "answers", "completions")
SCORES = ("rating", "score", "reward")
_HH_TURN = re.compile(r"\n\n(Human|Assistant): ?")


def from_pair(row: Any) -> Pair:
    """A pair from `chosen` and `rejected`, each text, a turn or turns, after `prompt` or `conversations`."""
    columns = columns_of(row)
    before = sharegpt_turns(columns["conversations"]) if "conversations" in columns else asked_of(columns)
    prompt = with_tools(before, columns.get("tools"))
    margin = columns.get("margin")
    prefix, chosen = _last_answer(columns, "chosen", prompt)
    other, rejected = _last_answer(columns, "rejected", prompt)
    if prefix != other:
        raise ValueError("“chosen” and “rejected” answer different prompts")
    known = None if margin is None or margin == "" else number_of(margin, "margin")
    return _different(Pair(prefix, chosen, rejected, known))


def from_safety(row: Any) -> Pair:
    """A pair from a question with an answer that is safe and one that isn't."""
    columns = columns_of(row)
    safe, unsafe = (answer_of(columns, name) for name in ("safe", "unsafe"))
    return _different(Pair(asked_of(columns), safe, unsafe))


def from_hh(row: Any) -> Pair:
    """A pair from two transcripts that differ in their last answer."""
    columns = columns_of(row)
    chosen, rejected = (_transcript(text_of(columns, name), name) for name in ("chosen", "rejected"))
    if chosen[:-1] != rejected[:-1]:
        raise ValueError("“chosen” and “rejected” differ before their last answer")
    return _different(Pair(chosen[:-1], chosen[-1].content, rejected[-1].content))


def is_hh(row: Row) -> bool:
    """Whether a row holds two transcripts."""
    values = [row.get("chosen"), row.get("rejected")]
    return "prompt" not in row and all(isinstance(value, str) and "Assistant:" in value for value in values)


def _different(pair: Pair) -> Pair:
    if pair.chosen.strip() == pair.rejected.strip():
        raise ValueError("“chosen” and “rejected” are the same answer")
    return pair


def _transcript(text: str, name: str) -> tuple[Message, ...]:
    parts = _HH_TURN.split("\n\n" + text.lstrip("\n"))
    if parts[0].strip() or len(parts) < 5:
        raise ValueError(f"“{name}” is not a transcript of “Human:” and “Assistant:” turns")
    turns = tuple(
        Message("user" if speaker == "Human" else "assistant", words.strip())
        for speaker, words in zip(parts[1::2], parts[2::2], strict=True)
    )
    if turns[-1].role != "assistant" or not turns[-1].content:
        raise ValueError(f"“{name}” does not end with an answer")
    return turns


def _last_answer(columns: Row, name: str, prompt: tuple[Message, ...]) -> tuple[tuple[Message, ...], str]:
    """The turns before an answer and the answer, which is text, one message, or messages that may repeat the prompt."""
    value = columns.get(name)
    if isinstance(value, (Mapping, list)):
        turns = turns_of([value] if isinstance(value, Mapping) else cast("list[Any]", value))
        if turns[-1].role != "assistant":
            raise ValueError(f"“{name}” does not end with an answer")
        before = turns[:-1] if turns[: len(prompt)] == prompt and len(turns) > len(prompt) else (*prompt, *turns[:-1])
        if turns[-1].calls:
            raise ValueError(f"“{name}” ends with a tool call, which can't be compared")
        answer = turns[-1].content
    else:
        before, answer = prompt, text_of(columns, name)
    if not before:
        raise ValueError("there is no prompt")
    if not answer.strip():
        raise ValueError(f"“{name}” is empty")
    return before, answer


def from_label(row: Any) -> Label:
    """A label: a prompt with an answer, or a conversation, and whether it is good."""
    columns = columns_of(row)
    good = truth_of(columns.get("label"))
    if "messages" in columns:
        turns = messages_from(columns.get("messages"), columns.get("tools"))
        if len(turns) < 2 or turns[-1].role != "assistant" or not turns[-1].content.strip():
            raise ValueError("the conversation does not end with an answer")
        return Label(turns[:-1], turns[-1].content, good)
    return Label(asked_of(columns), answer_of(columns, first_of(columns, ANSWERS)), good)


def from_rating(row: Any) -> Rating:
    """A rating: a prompt, an answer and a number."""
    columns = columns_of(row)
    name = first_of(columns, SCORES)
    answer = answer_of(columns, first_of(columns, ANSWERS))
    return Rating(asked_of(columns), answer, number_of(columns.get(name), name))


def from_ranking(row: Any) -> Ranking:
    """A ranking: a prompt with several answers, best first or with their `ranks`."""
    columns = columns_of(row)
    name = first_of(columns, SEVERAL)
    values = columns.get(name)
    if not isinstance(values, list) or len(cast("list[Any]", values)) < 2:
        raise ValueError(f"“{name}” is not a list of two answers or more")
    answers = cast("list[Any]", values)
    if not all(isinstance(answer, str) and answer.strip() for answer in answers):
        raise ValueError(f"“{name}” holds something that is not text, or is empty")
    ranks = columns.get("ranks")
    if ranks is None:
        ranks = list(range(1, len(answers) + 1))
    if not isinstance(ranks, list) or len(cast("list[Any]", ranks)) != len(answers):
        raise ValueError(f"“ranks” must give one rank to each of the {len(answers)} answers")
    numbers = cast("list[Any]", ranks)
    if not all(isinstance(rank, int) and not isinstance(rank, bool) for rank in numbers):
        raise ValueError("“ranks” holds something that is not a whole number")
    if len(set(numbers)) == 1:
        raise ValueError("all answers have the same rank, so nothing is preferred")
    for answer in cast("list[str]", answers):
        check_text(answer, f"“{name}”")
    return Ranking(asked_of(columns), tuple(cast("list[str]", answers)), tuple(cast("list[int]", numbers)))
