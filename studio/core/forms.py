"""Forms: how the records of a dataset are written as rows for other programs, and read by this one as the same again.

The counterpart of `core.shapes`. What a form can't keep (tool calls in Alpaca, say) is found by reading back what was
written. Files are `storage.export`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from studio.core.messages import Example, Message, tools_of
from studio.core.records import Label, Pair, Passage, Prompt, Ranking, Rating, Record, TaskRow
from studio.core.shapes import shape_named

_SHAREGPT = {"user": "human", "assistant": "gpt", "system": "system", "tool": "observation"}


@dataclass(frozen=True, slots=True)
class Form:
    """name: on the command line. write: a record as a row. shape: reads the row again.

    plain: whether prompts and preferred answers are text, not turns.
    """

    name: str
    label: str
    kind: str
    shape: str
    write: Callable[[Any], dict[str, Any]]
    plain: bool = False

    def keeps(self, record: Record, row: dict[str, Any]) -> bool:
        """Whether the row gives the record again."""
        try:
            return shape_named(self.shape).read(row) == record
        except ValueError:
            return False


def forms_of(kind: str) -> list[Form]:
    """The forms in which datasets of a kind can be written; the first keeps everything."""
    return [form for form in FORMS if form.kind == kind]


def fitting(form: Form, records: Iterable[Record]) -> Form:
    """The form with prompts as text when all of the records have prompts that allow it: simpler for everybody."""
    plain = _PLAIN.get(form.name)
    return form if plain is None or not all(_has_plain_prompt(record) for record in records) else plain


def _has_plain_prompt(record: Any) -> bool:
    turns: tuple[Message, ...] = record.prompt
    roles = [turn.role for turn in turns]
    if roles not in (["user"], ["system", "user"]) or not all(turn.is_plain and turn.content.strip() for turn in turns):
        return False
    return not turns[-1].content.startswith("[")  # which a table would read as a list


def _messages(turns: Iterable[Message]) -> list[dict[str, Any]]:
    """Turns as dictionaries, a tool call's arguments as text: as OpenAI has it, and so that a table has one type."""
    written: list[dict[str, Any]] = []
    for turn in turns:
        known = turn.as_row()
        if turn.calls:
            known["tool_calls"] = [
                ({"id": call.id} if call.id else {})
                | {"type": "function", "function": {"name": call.name, "arguments": call.arguments}}
                for call in turn.calls
            ]
        written.append(known)
    return written


def _with_tools(row: dict[str, Any], turns: tuple[Message, ...]) -> dict[str, Any]:
    tools = tools_of(turns)
    return row if tools is None else {**row, "tools": json.dumps(tools, ensure_ascii=False)}


def _as_messages(record: Example) -> dict[str, Any]:
    return _with_tools({"messages": _messages(record.messages)}, record.messages)


def _as_sharegpt(record: Example) -> dict[str, Any]:
    turns: list[dict[str, Any]] = []
    for turn in record.messages:
        if turn.calls:
            calls = [
                {"name": call.name, "arguments": json.loads(call.arguments)} | ({"id": call.id} if call.id else {})
                for call in turn.calls
            ]
            said = json.dumps(calls if len(calls) > 1 else calls[0], ensure_ascii=False)
            turns.append({"from": "function_call", "value": said})
        else:
            turns.append({"from": _SHAREGPT[turn.role], "value": turn.content})
        if turn.unlearned:
            turns[-1]["weight"] = 0
    return _with_tools({"conversations": turns}, record.messages)


def _as_alpaca(record: Example) -> dict[str, Any]:
    turns = list(record.messages)
    system = turns.pop(0).content if turns and turns[0].role == "system" else ""
    asked = turns[-2].content if len(turns) > 1 else ""
    answered = turns[-1].content if turns else ""
    row: dict[str, Any] = {"instruction": asked, "input": "", "output": answered}
    if system:
        row["system"] = system
    if len(turns) > 2:
        row["history"] = [[turns[k].content, turns[k + 1].content] for k in range(0, len(turns) - 3, 2)]
    return row


def _asked(prompt: tuple[Message, ...]) -> dict[str, Any]:
    return _with_tools({"prompt": _messages(prompt)}, prompt)


def _asked_plainly(prompt: tuple[Message, ...]) -> dict[str, Any]:
    asked = {"prompt": prompt[-1].content}
    return asked if len(prompt) == 1 else {**asked, "system": prompt[0].content}


_Asked = Callable[[tuple[Message, ...]], dict[str, Any]]


def _answer(text: str) -> list[dict[str, Any]]:
    return _messages([Message("assistant", text)])


def _pair(record: Pair) -> dict[str, Any]:
    row = _asked(record.prompt) | {"chosen": _answer(record.chosen), "rejected": _answer(record.rejected)}
    return row if record.margin is None else {**row, "margin": record.margin}


def _plain_pair(record: Pair) -> dict[str, Any]:
    row = _asked_plainly(record.prompt) | {"chosen": record.chosen, "rejected": record.rejected}
    return row if record.margin is None else {**row, "margin": record.margin}


def _label(asked: _Asked) -> Callable[[Label], dict[str, Any]]:
    return lambda record: asked(record.prompt) | {"completion": record.answer, "label": record.good}


def _rating(asked: _Asked) -> Callable[[Rating], dict[str, Any]]:
    return lambda record: asked(record.prompt) | {"response": record.answer, "rating": record.rating}


def _ranking(asked: _Asked) -> Callable[[Ranking], dict[str, Any]]:
    return lambda record: asked(record.prompt) | {"responses": list(record.answers), "ranks": list(record.ranks)}


def _prompt(asked: _Asked) -> Callable[[Prompt], dict[str, Any]]:
    return lambda record: asked(record.prompt)


def _task(record: TaskRow) -> dict[str, Any]:
    return dict(record.columns)


def _passage(record: Passage) -> dict[str, Any]:
    return {"text": record.text}


FORMS: tuple[Form, ...] = (
    Form("messages", "Messages (OpenAI)", "examples", "Messages", _as_messages),
    Form("sharegpt", "ShareGPT", "examples", "ShareGPT", _as_sharegpt),
    Form("alpaca", "Alpaca", "examples", "Alpaca", _as_alpaca),
    Form("pairs", "Prompt, chosen, rejected", "pairs", "Preference pairs", _pair),
    Form("labels", "Prompt, completion, label", "labels", "KTO", _label(_asked)),
    Form("ratings", "Prompt, response, rating", "ratings", "Ratings", _rating(_asked)),
    Form("rankings", "Prompt, responses, ranks", "rankings", "Rankings", _ranking(_asked)),
    Form("prompts", "Prompt", "prompts", "Prompts", _prompt(_asked)),
    Form("rows", "Rows as they are", "tasks", "Labelled task", _task),
    Form("text", "Plain text", "passages", "Plain text", _passage),
)
_PLAIN = {
    form.name: form
    for form in (
        Form("pairs", "Prompt, chosen, rejected", "pairs", "Preference pairs", _plain_pair, True),
        Form("labels", "Prompt, completion, label", "labels", "KTO", _label(_asked_plainly), True),
        Form("ratings", "Prompt, response, rating", "ratings", "Ratings", _rating(_asked_plainly), True),
        Form("rankings", "Prompt, responses, ranks", "rankings", "Rankings", _ranking(_asked_plainly), True),
        Form("prompts", "Prompt", "prompts", "Prompts", _prompt(_asked_plainly), True),
    )
}
