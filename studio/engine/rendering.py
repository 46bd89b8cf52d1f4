"""Rendering: a conversation as one text, by a Jinja chat template, whatever the template can take.

Templates differ: some have no place for tools or for a system turn, want content in parts or a call's arguments as
text. What a template takes is found out by asking it. Where the answers stand in its text is `engine.places`.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from jinja2 import TemplateError, TemplateSyntaxError
from transformers.utils.chat_template_utils import render_jinja_template

from studio.core.errors import StudioError
from studio.core.messages import Message, tools_of
from studio.core.tool_calls import ToolCall, as_words, tools_in_words

Span = tuple[int, int]
_MARKED = re.compile(r"\{%-?\s*generation\s*-?%\}")
_KNOWS_TOOLS = re.compile(r"\btool_calls\b")
_TROUBLE = (TemplateError, TypeError, ValueError, KeyError, IndexError, AttributeError, RecursionError, OverflowError)
_ASKS, _SAYS, _RULES = "zqask", "zqsay", "zqrule"  # words that no template writes by itself
_OBJECT_AS_PYTHON = "{'zqkey'"


@dataclass(frozen=True)
class Renderer:
    """A chat template with the variables that it sees beside the turns. label: its name for people."""

    jinja: str
    variables: Mapping[str, Any] = field(default_factory=dict[str, Any])
    label: str = ""

    @property
    def named(self) -> str:
        """Its name, within a sentence."""
        return f"“{self.label}”" if self.label else "of this model"

    @property
    def marks_answers(self) -> bool:
        """Whether it marks itself what is an answer, with {% generation %}."""
        return bool(_MARKED.search(self.jinja))

    def render(self, messages: Sequence[Message], *, for_answer: bool = False) -> str:
        """The text; with what invites an answer behind it when `for_answer`. Raises StudioError."""
        return self._said(messages, for_answer, False)[0]

    def render_marked(self, messages: Sequence[Message]) -> tuple[str, list[Span]]:
        """The text, and where it marks answers. Raises StudioError."""
        return self._said(messages, False, True)

    def _said(self, messages: Sequence[Message], for_answer: bool, marked: bool) -> tuple[str, list[Span]]:
        try:
            return self._write(messages, for_answer, marked, self._in_parts, self._arguments_as_text(messages))
        except _TROUBLE as error:
            line = line_of(error)
            raise StudioError(
                f"The prompt template {self.named} can't write this conversation: "
                f"{f'line {line}: ' if line else ''}{str(error).rstrip('.') or type(error).__name__}.",
                "Choose another prompt template, or correct this one.",
                f"{type(error).__name__}: {error}",
            ) from error

    def _write(
        self, messages: Sequence[Message], for_answer: bool, marked: bool, in_parts: bool, as_text: bool
    ) -> tuple[str, list[Span]]:
        texts, places = render_jinja_template(
            conversations=[[_turn(message, in_parts, as_text) for message in messages]],
            tools=tools_of(messages),  # type: ignore[arg-type]
            chat_template=self.jinja,
            return_assistant_tokens_mask=marked,
            add_generation_prompt=for_answer,
            **self.variables,
        )
        # A lone surrogate (half of an emoji, from broken JSON) is one character that no tokenizer takes.
        text = texts[0].encode("utf-8", "replace").decode("utf-8")
        return text, [(int(start), int(end)) for start, end in places[0]] if marked else []

    # ------------------------------------------------------------------------------------- what it can take

    def fitting(self, messages: Sequence[Message]) -> tuple[Message, ...]:
        """The turns as the template can take them: tools as words, and the system's words in the first question, where
        it has no place for them."""
        turns = tuple(messages)
        tooled = any(turn.calls or turn.tools or turn.role == "tool" for turn in turns)
        if tooled and not _KNOWS_TOOLS.search(self.jinja):
            turns = _in_words(turns)
        if turns and turns[0].role == "system" and not self._takes_system:
            asked = next((k for k, turn in enumerate(turns) if turn.role == "user"), None)
            if asked is not None:
                rules = turns[0]
                words = f"{rules.content}\n\n{turns[asked].content}" if rules.content.strip() else turns[asked].content
                merged = turns[asked]._replace(content=words, tools=rules.tools or turns[asked].tools)
                turns = (*turns[1:asked], merged, *turns[asked + 1 :])
        return turns

    def _probe(self, *turns: Message, in_parts: bool = False, as_text: bool = False) -> str | None:
        """What it writes of a small conversation; None when it can't."""
        try:
            return self._write(turns, False, False, in_parts, as_text)[0]
        except _TROUBLE:
            return None

    @cached_property
    def _in_parts(self) -> bool:
        """Whether it takes a turn's content only as a list of parts, as templates for pictures may."""
        asked = (Message("user", _ASKS), Message("assistant", _SAYS))
        if _has(self._probe(*asked), _ASKS, _SAYS):
            return False
        return _has(self._probe(*asked, in_parts=True), _ASKS, _SAYS)

    @cached_property
    def _takes_system(self) -> bool:
        """Whether a system turn has a place in it."""
        asked, said = Message("user", _ASKS), Message("assistant", _SAYS)
        if _has(self._probe(Message("system", _RULES), asked, said, in_parts=self._in_parts), _RULES):
            return True
        return self._probe(asked, said, in_parts=self._in_parts) is None  # then that is not what is wrong with it

    def _arguments_as_text(self, messages: Sequence[Message]) -> bool:
        """Whether a tool call's arguments must be text: as objects they fail, or are written as Python has it."""
        return any(turn.calls for turn in messages) and self._wants_text

    @cached_property
    def _wants_text(self) -> bool:
        call = Message("assistant", "", (ToolCall("zqtool", '{"zqkey":"zqvalue"}', "zq1234567"),))
        result = Message("tool", "zqresult", (), "zqtool", "zq1234567")
        turns = (Message("user", _ASKS), call, result, Message("assistant", _SAYS))
        as_object = self._probe(*turns, in_parts=self._in_parts)
        if as_object is not None and _OBJECT_AS_PYTHON not in as_object:
            return False
        return _has(self._probe(*turns, in_parts=self._in_parts, as_text=True), "zqvalue")


def line_of(error: BaseException) -> int:
    """In which line of the template an error came up; 0 when that is not known."""
    if isinstance(error, TemplateSyntaxError):
        return error.lineno
    frames = [
        frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename in ("<template>", "<unknown>")
    ]
    return (frames[-1].lineno or 0) if frames else 0


def _has(text: str | None, *words: str) -> bool:
    return text is not None and all(word in text.lower() for word in words)


def _turn(message: Message, in_parts: bool, as_text: bool) -> dict[str, Any]:
    turn = message.as_dict()
    if in_parts:
        turn["content"] = [{"type": "text", "text": message.content}]
    if as_text and message.calls:
        for call, known in zip(turn["tool_calls"], message.calls, strict=True):
            call["function"]["arguments"] = known.arguments
    return turn


def _in_words(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """Tools, calls and results as words, in the form that many models know."""
    plain: list[Message] = []
    tools = next((turn.tools for turn in messages if turn.tools), "")
    if tools:
        said = messages[0].content + "\n\n" if messages[0].role == "system" else ""
        plain.append(Message("system", said + tools_in_words(tools)))
    for k, turn in enumerate(messages):
        if tools and k == 0 and turn.role == "system":
            continue
        role, words = as_words(turn.role, turn.content, turn.calls)
        if turn.role == "tool" and k and messages[k - 1].role == "tool":  # several results are one turn
            plain[-1] = Message("user", plain[-1].content + "\n" + words)
        else:
            plain.append(Message("user" if role == "user" else turn.role, words, unlearned=turn.unlearned))
    return tuple(plain)
