"""Shapes: the forms in which people keep data, how each is recognised by its columns, and how a row becomes a record.

Recognised are Alpaca, messages (OpenAI), ShareGPT, prompt/completion, preference pairs (plain, conversational, ShareGPT
and HH transcripts), KTO labels, ratings, rankings, prompts without an answer,
labelled tasks and plain text. Every `read` raises
ValueError with the reason, in words that follow "Line 12: ". Columns of other names are `core.layouts`; reading files
is `storage.interchange`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from studio.core.records import Record
from studio.core.shapes.conversations import (
    COMPLETIONS,
    example_from_alpaca,
    from_completion,
    from_messages,
    from_prompt,
    from_sharegpt,
    from_task,
    from_text,
    waits,
)
from studio.core.shapes.parts import Row, has, no_columns
from studio.core.shapes.preferences import (
    ANSWERS,
    SCORES,
    SEVERAL,
    from_hh,
    from_label,
    from_pair,
    from_ranking,
    from_rating,
    from_safety,
    is_hh,
)
from studio.core.tasks import task_of

__all__ = ["SHAPES", "Field", "Row", "Shape", "example_from_alpaca", "no_columns", "shape_named", "shape_of"]


@dataclass(frozen=True, slots=True)
class Field:
    """A column that a shape reads. also: other names that people give it, for a proposal."""

    name: str
    about: str
    needed: bool = True
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Shape:
    """A form of data: its name for people, the kind of records it gives, and how a row is recognised and read.

    fields: the columns it reads, for files that call them something else.
    """

    label: str
    kind: str
    fits: Callable[[Row], bool]
    read: Callable[[Any], Record]
    fields: tuple[Field, ...] = ()


def shape_of(row: Any) -> Shape | None:
    """The first shape that a row's columns fit, or None. The most particular shapes are asked first."""
    if not isinstance(row, Mapping):
        return None
    return next((shape for shape in SHAPES if shape.fits(cast("Row", row))), None)


def shape_named(label: str) -> Shape:
    """The shape with that label. Raises KeyError."""
    return next((shape for shape in SHAPES if shape.label == label), None) or _unknown(label)


def _unknown(label: str) -> Shape:
    raise KeyError(label)


def _both(row: Row) -> bool:
    return "chosen" in row and "rejected" in row


_PROMPT = Field("prompt", "what is asked", also=("question", "query", "instruction", "input", "user", "text", "title"))
_ANSWER = ("answer", "response", "output", "reply", "completion", "target", "assistant", "label", "body")
_SYSTEM = Field("system", "how to behave", needed=False, also=("system_prompt", "persona", "context"))
_TOOLS = Field("tools", "what may be called", needed=False, also=("functions",))

SHAPES: tuple[Shape, ...] = (
    Shape(
        "HH transcripts",
        "pairs",
        lambda row: _both(row) and is_hh(row),
        from_hh,
        (Field("chosen", "the better transcript"), Field("rejected", "the worse transcript")),
    ),
    Shape(
        "Preference pairs",
        "pairs",
        _both,
        from_pair,
        (
            Field("prompt", "what is asked", False, _PROMPT.also),
            Field("chosen", "the better answer", also=("preferred", "better", "win", "accepted", "good", "response_0")),
            Field("rejected", "the worse answer", also=("worse", "lose", "dispreferred", "bad", "response_1")),
            Field("margin", "by how much", needed=False),
            _SYSTEM,
            _TOOLS,
        ),
    ),
    Shape(
        "KTO",
        "labels",
        lambda row: "label" in row and ("messages" in row or has(row, ANSWERS)),
        from_label,
        (
            Field("prompt", "what is asked", False, _PROMPT.also),
            Field("completion", "the answer", also=_ANSWER),
            Field("label", "true or false", also=("good", "thumbs_up", "liked", "verdict")),
        ),
    ),
    Shape(
        "Ratings",
        "ratings",
        lambda row: "prompt" in row and has(row, SCORES) and has(row, ANSWERS),
        from_rating,
        (
            _PROMPT,
            Field("response", "the answer", also=_ANSWER),
            Field("rating", "a number, more is better", also=("score", "reward", "stars", "grade", "quality")),
            _SYSTEM,
        ),
    ),
    Shape(
        "Rankings",
        "rankings",
        lambda row: "prompt" in row and has(row, SEVERAL),
        from_ranking,
        (
            _PROMPT,
            Field("responses", "a list of answers", also=("answers", "completions", "candidates")),
            Field("ranks", "a list of ranks, 1 is best", needed=False, also=("ranking", "rank")),
            _SYSTEM,
        ),
    ),
    Shape(
        "Safe and unsafe answers",
        "pairs",
        lambda row: "prompt" in row and "safe" in row and "unsafe" in row,
        from_safety,
        (_PROMPT, Field("safe", "the answer to learn"), Field("unsafe", "the answer to unlearn"), _SYSTEM),
    ),
    Shape("Prompts", "prompts", waits, from_prompt, (_PROMPT, _SYSTEM)),
    Shape(
        "Alpaca",
        "examples",
        lambda row: "instruction" in row and "output" in row,
        example_from_alpaca,
        (
            Field("instruction", "what to do", also=("prompt", "question", "query", "task")),
            Field("input", "what to do it with", needed=False, also=("context", "passage")),
            Field("output", "the answer", also=_ANSWER),
            _SYSTEM,
            Field("history", "earlier [prompt, answer] pairs", needed=False),
        ),
    ),
    Shape(
        "Messages",
        "examples",
        lambda row: "messages" in row,
        from_messages,
        (Field("messages", "a list of turns", also=("conversation", "dialog", "dialogue", "chat", "turns")), _TOOLS),
    ),
    Shape(
        "ShareGPT",
        "examples",
        lambda row: "conversations" in row,
        from_sharegpt,
        (
            Field("conversations", "a list of turns", also=("conversation", "dialog", "dialogue", "chat", "turns")),
            _SYSTEM,
            _TOOLS,
        ),
    ),
    Shape(
        "Prompt and completion",
        "examples",
        lambda row: "prompt" in row and has(row, COMPLETIONS),
        from_completion,
        (_PROMPT, Field("completion", "the answer", also=_ANSWER), _SYSTEM),
    ),
    Shape(
        "Labelled task",
        "tasks",
        lambda row: task_of(row) is not None,
        from_task,
        (
            Field("text", "what is labelled", also=("sentence", "review", "premise", "question")),
            Field("label", "its label", also=("class", "target", "sentiment", "category")),
        ),
    ),
    Shape(
        "Plain text",
        "passages",
        lambda row: "text" in row and len(row) == 1,
        from_text,
        (Field("text", "what is read", also=("content", "body", "passage", "document", "article", "story")),),
    ),
)
