"""Shapes: the forms in which people keep data, how each is recognised by its columns, and how a row becomes a record.

Recognised are Alpaca, messages (OpenAI), ShareGPT, prompt/completion, preference pairs (plain, conversational, ShareGPT
and HH transcripts), KTO labels, ratings, rankings, prompts without an answer and plain text. Every `read` raises
ValueError with the reason, in words that follow "Line 12: ". Reading files is `storage.interchange`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from studio.core.messages import Example, Message, check_text, messages_from
from studio.core.records import Label, Pair, Passage, Prompt, Ranking, Rating, Record

Row = Mapping[str, Any]
_SPEAKERS = {
    "human": "user", "user": "user", "prompter": "user",
    "gpt": "assistant", "assistant": "assistant", "chatgpt": "assistant", "bot": "assistant", "model": "assistant",
    "system": "system",
}  # fmt: skip
_ANSWERS = ("response", "answer", "completion", "output")
_BESIDE_PROMPTS = {"prompt", "system", "id", "category", "source"}
_LISTS = ("responses", "answers", "completions")
_SCORES = ("rating", "score", "reward")
_HH_TURN = re.compile(r"\n\n(Human|Assistant): ?")


@dataclass(frozen=True, slots=True)
class Shape:
    """A form of data: its name for people, the kind of records it gives, and how a row is recognised and read."""

    label: str
    kind: str
    fits: Callable[[Row], bool]
    read: Callable[[Any], Record]


def shape_of(row: Any) -> Shape | None:
    """The first shape that a row's columns fit, or None. The most particular shapes are asked first."""
    if not isinstance(row, Mapping):
        return None
    return next((shape for shape in SHAPES if shape.fits(cast("Row", row))), None)


def no_columns(value: Any) -> str:
    """Why a value that has no columns is no row, in words that follow "Line 12: "."""
    return f"this is {_kind(value)}, not an object with columns"


# -------------------------------------------------------------------------------------------- conversations


def example_from_alpaca(row: Any) -> Example:
    """An example from one Alpaca row: `instruction`, optional `input`, `output`, optional `system` and `history`.

    `input` follows the instruction on a new line, as in LLaMA-Factory. `history` is a list of (prompt, answer) pairs
    before it. Raises ValueError with the reason, in words that follow "Line 12: ".
    """
    if not isinstance(row, Mapping):
        raise ValueError(f"this is {_kind(row)}, not an object with “instruction” and “output”")
    columns = cast("Row", row)
    instruction, answer = _text(columns, "instruction"), _text(columns, "output")
    extra = _text(columns, "input", needed=False)
    if not instruction.strip() and not extra.strip():
        raise ValueError("“instruction” is empty")
    if not answer.strip():
        raise ValueError("“output” is empty, so there is nothing to learn")
    turns: list[Message] = []
    system = _text(columns, "system", needed=False)
    if system.strip():
        turns.append(Message("system", system))
    turns += _history(columns.get("history"))
    prompt = "\n".join(part for part in (instruction, extra) if part.strip())
    return Example((*turns, Message("user", prompt), Message("assistant", answer)))


def _history(value: Any) -> list[Message]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise ValueError(f"“history” is {_kind(value)}, not a list of [prompt, answer]")
    turns: list[Message] = []
    for pair in cast("list[Any]", value):
        match pair:
            case [str(prompt), str(answer)]:
                turns += [Message("user", prompt), Message("assistant", answer)]
            case _:
                raise ValueError("“history” has an entry that is not [prompt, answer]")
    return turns


def _from_messages(row: Any) -> Example:
    return _learnable(messages_from(_columns(row).get("messages")))


def _from_sharegpt(row: Any) -> Example:
    columns = _columns(row)
    turns = _sharegpt_turns(columns.get("conversations"))
    system = columns.get("system")
    if isinstance(system, str) and system.strip() and turns[0].role != "system":
        turns = (Message("system", system), *turns)
    return _learnable(turns)


def _from_completion(row: Any) -> Example:
    columns = _columns(row)
    return Example((*_prompt(columns), Message("assistant", _answer(columns, "completion"))))


def _learnable(turns: tuple[Message, ...]) -> Example:
    if not any(turn.role == "assistant" and turn.content.strip() for turn in turns):
        raise ValueError("no turn is an answer, so there is nothing to learn")
    return Example(turns)


# -------------------------------------------------------------------------------------------- preferences


def _from_pair(row: Any) -> Pair:
    columns = _columns(row)
    prompt = _sharegpt_turns(columns["conversations"]) if "conversations" in columns else _prompt(columns)
    margin = columns.get("margin")
    prefix, chosen = _last_answer(columns, "chosen", prompt)
    other, rejected = _last_answer(columns, "rejected", prompt)
    if prefix != other:
        raise ValueError("“chosen” and “rejected” answer different prompts")
    return _different(Pair(prefix, chosen, rejected, None if margin is None else _number(margin, "margin")))


def _from_hh(row: Any) -> Pair:
    columns = _columns(row)
    chosen, rejected = (_transcript(_text(columns, name), name) for name in ("chosen", "rejected"))
    if chosen[:-1] != rejected[:-1]:
        raise ValueError("“chosen” and “rejected” differ before their last answer")
    return _different(Pair(chosen[:-1], chosen[-1].content, rejected[-1].content))


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
        turns = _turns([value] if isinstance(value, Mapping) else cast("list[Any]", value))
        if turns[-1].role != "assistant":
            raise ValueError(f"“{name}” does not end with an answer")
        before = turns[:-1] if turns[: len(prompt)] == prompt and len(turns) > len(prompt) else (*prompt, *turns[:-1])
        answer = turns[-1].content
    else:
        before, answer = prompt, _text(columns, name)
    if not before:
        raise ValueError("there is no prompt")
    if not answer.strip():
        raise ValueError(f"“{name}” is empty")
    return before, answer


# -------------------------------------------------------------------------------------------- judged answers


def _from_label(row: Any) -> Label:
    columns = _columns(row)
    good = _truth(columns.get("label"))
    if "messages" in columns:
        turns = messages_from(columns.get("messages"))
        if len(turns) < 2 or turns[-1].role != "assistant" or not turns[-1].content.strip():
            raise ValueError("the conversation does not end with an answer")
        return Label(turns[:-1], turns[-1].content, good)
    return Label(_prompt(columns), _answer(columns, _first(columns, _ANSWERS)), good)


def _from_rating(row: Any) -> Rating:
    columns = _columns(row)
    name = _first(columns, _SCORES)
    value = columns.get(name)
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            raise ValueError(f"“{name}” is “{value}”, not a number") from None
    return Rating(_prompt(columns), _answer(columns, _first(columns, _ANSWERS)), _number(value, name))


def _from_ranking(row: Any) -> Ranking:
    columns = _columns(row)
    name = _first(columns, _LISTS)
    values = columns.get(name)
    if not isinstance(values, list) or len(cast("list[Any]", values)) < 2:
        raise ValueError(f"“{name}” is not a list of two answers or more")
    answers = cast("list[Any]", values)
    if not all(isinstance(answer, str) and answer.strip() for answer in answers):
        raise ValueError(f"“{name}” holds something that is not text, or is empty")
    ranks = columns.get("ranks", list(range(1, len(answers) + 1)))
    if not isinstance(ranks, list) or len(cast("list[Any]", ranks)) != len(answers):
        raise ValueError(f"“ranks” must give one rank to each of the {len(answers)} answers")
    numbers = cast("list[Any]", ranks)
    if not all(isinstance(rank, int) and not isinstance(rank, bool) for rank in numbers):
        raise ValueError("“ranks” holds something that is not a whole number")
    if len(set(numbers)) == 1:
        raise ValueError("all answers have the same rank, so nothing is preferred")
    for answer in cast("list[str]", answers):
        check_text(answer, f"“{name}”")
    return Ranking(_prompt(columns), tuple(cast("list[str]", answers)), tuple(cast("list[int]", numbers)))


def _from_prompt(row: Any) -> Prompt:
    columns = _columns(row)
    turns = messages_from(columns["messages"]) if "messages" in columns else _prompt(columns)
    if not turns:
        raise ValueError("there is no prompt")
    if turns[-1].role != "user" or not turns[-1].content.strip():
        raise ValueError("the conversation does not end with a question")
    return Prompt(turns)


def _from_text(row: Any) -> Passage:
    text = _text(_columns(row), "text")
    if not text.strip():
        raise ValueError("“text” is empty")
    return Passage(text)


# -------------------------------------------------------------------------------------------- parts


def _text(row: Row, column: str, *, needed: bool = True) -> str:
    value = row.get(column)
    if value is None and not needed:
        return ""
    if value is None:
        raise ValueError(f"there is no “{column}”")
    if not isinstance(value, str):
        raise ValueError(f"“{column}” is {_kind(value)}, not text")
    return check_text(value, f"“{column}”")


def _kind(value: Any) -> str:
    """A JSON value's type in words."""
    if value is None:
        return "null"
    kinds: dict[type, str] = {
        bool: "true or false",
        int: "a number",
        float: "a number",
        str: "text",
        list: "a list",
    }
    if isinstance(value, Mapping):
        return "an object"
    return next((words for kind, words in kinds.items() if isinstance(value, kind)), "something else")


def _columns(row: Any) -> Row:
    if not isinstance(row, Mapping):
        raise ValueError(no_columns(row))
    return cast("Row", row)


def _prompt(columns: Row) -> tuple[Message, ...]:
    """The prompt: text (with an optional system column) or messages. Without a prompt column: no turns."""
    value = columns.get("prompt")
    if value is None:
        return ()
    if isinstance(value, list):
        return messages_from(cast("list[Any]", value))
    text, system = _text(columns, "prompt"), columns.get("system")
    if not text.strip():
        raise ValueError("“prompt” is empty")
    before = (Message("system", system),) if isinstance(system, str) and system.strip() else ()
    return (*before, Message("user", text))


def _answer(columns: Row, name: str) -> str:
    value = columns.get(name)
    if isinstance(value, list):
        turns = messages_from(cast("list[Any]", value))
        if len(turns) != 1 or turns[0].role != "assistant":
            raise ValueError(f"“{name}” must be one answer")
        value = turns[0].content
    else:
        value = _text(columns, name)
    if not value.strip():
        raise ValueError(f"“{name}” is empty, so there is nothing to learn")
    return value


def _turns(values: list[Any]) -> tuple[Message, ...]:
    first = values[0] if values else None
    return _sharegpt_turns(values) if isinstance(first, Mapping) and "from" in first else messages_from(values)


def _sharegpt_turns(values: Any) -> tuple[Message, ...]:
    if not isinstance(values, list) or not values:
        raise ValueError("“conversations” is not a list of turns")
    turns: list[dict[str, Any]] = []
    for number, value in enumerate(cast("list[Any]", values), start=1):
        if not isinstance(value, Mapping):
            raise ValueError(f"turn {number} is {_kind(value)}, not an object with “from” and “value”")
        turn = cast("Row", value)
        speaker = str(turn.get("from", "")).lower()
        if speaker not in _SPEAKERS:
            raise ValueError(f"turn {number} is from “{turn.get('from')}”; known are {', '.join(_SPEAKERS)}")
        turns.append({"role": _SPEAKERS[speaker], "content": turn.get("value")})
    return messages_from(turns)


def _first(columns: Row, names: tuple[str, ...]) -> str:
    return next((name for name in names if name in columns), names[0])


def _has(columns: Row, names: tuple[str, ...]) -> bool:
    return any(name in columns for name in names)


def _number(value: Any, column: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"“{column}” is {_kind(value)}, not a number")
    try:
        number = float(value)
    except OverflowError:
        raise ValueError(f"“{column}” is too large a number") from None
    if not math.isfinite(number):
        raise ValueError(f"“{column}” is {number}, not a finite number")
    return number


def _truth(value: Any) -> bool:
    words = {"true": True, "1": True, "good": True, "false": False, "0": False, "bad": False}
    if isinstance(value, bool):
        return value
    if str(value).strip().lower() in words:
        return words[str(value).strip().lower()]
    raise ValueError(f"“label” is {value!r}; it must be true or false")


def _is_hh(row: Row) -> bool:
    values = [row.get("chosen"), row.get("rejected")]
    return "prompt" not in row and all(isinstance(value, str) and "Assistant:" in value for value in values)


def _waits(row: Row) -> bool:
    """Whether a row has a prompt and nothing that could be an answer to it."""
    if "messages" in row:
        turns: Any = row["messages"]
        last: Any = cast("list[Any]", turns)[-1] if isinstance(turns, list) and turns else None
        return isinstance(last, Mapping) and cast("Row", last).get("role") == "user"
    return "prompt" in row and set(row) <= _BESIDE_PROMPTS


def _both(row: Row) -> bool:
    return "chosen" in row and "rejected" in row


SHAPES: tuple[Shape, ...] = (
    Shape("HH transcripts", "pairs", lambda row: _both(row) and _is_hh(row), _from_hh),
    Shape("Preference pairs", "pairs", _both, _from_pair),
    Shape("KTO", "labels", lambda row: "label" in row and ("messages" in row or _has(row, _ANSWERS)), _from_label),
    Shape(
        "Ratings", "ratings", lambda row: "prompt" in row and _has(row, _SCORES) and _has(row, _ANSWERS), _from_rating
    ),
    Shape(
        "Rankings",
        "rankings",
        lambda row: "prompt" in row and _has(row, _LISTS),
        _from_ranking,
    ),
    Shape("Prompts", "prompts", _waits, _from_prompt),
    Shape("Alpaca", "examples", lambda row: "instruction" in row and "output" in row, example_from_alpaca),
    Shape("Messages", "examples", lambda row: "messages" in row, _from_messages),
    Shape("ShareGPT", "examples", lambda row: "conversations" in row, _from_sharegpt),
    Shape("Prompt and completion", "examples", lambda row: "prompt" in row and "completion" in row, _from_completion),
    Shape("Plain text", "passages", lambda row: "text" in row and len(row) == 1, _from_text),
)
