"""Tool calls: what an assistant asks a tool for, read from the forms in which people keep it.

Known are OpenAI's `tool_calls` and `function_call`, and ShareGPT's `function_call` turns. For chat templates that have
no place for tools there is a way to write all of it as words (`as_words`), the one that Hermes and Qwen models know.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call. arguments: a JSON object as text."""

    name: str
    arguments: str
    id: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The form that chat templates take: arguments as an object."""
        function = {"name": self.name, "arguments": json.loads(self.arguments)}
        call: dict[str, Any] = {"type": "function", "function": function}
        return call | {"id": self.id} if self.id else call


def calls_from(value: Any) -> tuple[ToolCall, ...]:
    """Calls out of parsed JSON or its text: one or a list, in OpenAI's form or bare. Raises ValueError."""
    if value is None or value == "":
        return ()
    if isinstance(value, str):
        value = _parsed(value, "a tool call")
    calls = cast("list[Any]", value if isinstance(value, list) else [value])
    return tuple(_call(call) for call in calls)


def _call(value: Any) -> ToolCall:
    if not isinstance(value, Mapping):
        raise ValueError("a tool call is not an object with “name” and “arguments”")
    call = cast("Mapping[str, Any]", value)
    function = call.get("function")
    body = cast("Mapping[str, Any]", function) if isinstance(function, Mapping) else call
    name, arguments, identity = body.get("name"), body.get("arguments"), call.get("id")
    if not isinstance(name, str) or not name.strip():
        raise ValueError("a tool call has no name")
    if arguments is None:
        arguments = body.get("parameters")
    if isinstance(arguments, str) and arguments.strip():
        arguments = _parsed(arguments, f"the arguments of “{name[:60]}”")
    if arguments is None or isinstance(arguments, str):
        return ToolCall(_kept(name), "{}", _kept(identity) if isinstance(identity, str) else "")
    if not isinstance(arguments, Mapping):
        raise ValueError(f"the arguments of “{name[:60]}” are not an object")
    kept = dict(cast("Mapping[str, Any]", arguments))
    return ToolCall(_kept(name), _dump(kept), _kept(identity) if isinstance(identity, str) else "")


def tools_from(value: Any) -> str:
    """The tools that may be called, as canonical JSON in OpenAI's form; empty for none. Raises ValueError."""
    if isinstance(value, str):
        value = _parsed(value, "“tools”") if value.strip() else []
    if isinstance(value, Mapping):
        value = [value]
    if not isinstance(value, list):
        raise ValueError("“tools” is not a list of tools")
    tools: list[Any] = []
    for tool in cast("list[Any]", value):
        if not isinstance(tool, Mapping):
            raise ValueError("“tools” holds something that is no tool")
        known = cast("Mapping[str, Any]", tool)
        tools.append(dict(known) if "function" in known else {"type": "function", "function": dict(known)})
    return _dump(tools) if tools else ""


def as_words(role: str, content: str, calls: tuple[ToolCall, ...]) -> tuple[str, str]:
    """Role and words of a turn for a template that knows neither calls nor results."""
    if role == "tool":
        return "user", f"<tool_response>\n{content}\n</tool_response>"
    parts = [content] if content.strip() else []
    for call in calls:
        body = f'{{"name": {json.dumps(call.name, ensure_ascii=False)}, "arguments": {call.arguments}}}'
        parts.append(f"<tool_call>\n{body}\n</tool_call>")
    return role, "\n".join(parts)


def tools_in_words(tools: str) -> str:
    """What a system turn says about the tools, for a template that has no place for them."""
    lines = "\n".join(_dump(tool) for tool in cast("list[Any]", json.loads(tools)))
    return (
        f"You may call these functions:\n<tools>\n{lines}\n</tools>\n"
        'To call one, answer with <tool_call>\n{"name": ..., "arguments": {...}}\n</tool_call>'
    )


def _parsed(text: str, what: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError(f"{what} can't be read: it is not JSON") from None


def _kept(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("a tool call holds half of a character (a lone surrogate), which no file can keep") from None
    return text


def _dump(value: Any) -> str:
    try:
        return _kept(json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False))
    except (RecursionError, TypeError):
        raise ValueError("a tool call holds something that JSON can't keep, or is nested too deeply") from None
