"""Answers by the served model: what a caller asks becomes tokens and sampling, and text comes back, one at a time."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from studio.core.conversation import Sampling, Voice
from studio.core.errors import StudioError
from studio.core.fields import problems_of
from studio.core.messages import messages_from
from studio.engine.generation import END_OF_TURN, STOP_TEXT, Stops
from studio.engine.voices import Voices
from studio.engine.writers import Pane, writers_of

NAME = "served"
_SLICE = 0.05  # seconds between looks at whether the caller is still there
_LONGEST = 1024  # tokens of an answer when the caller doesn't say
# What is understood of a request; what would change the answer and isn't is refused instead of passed over.
_UNKNOWN = ("tools", "tool_choice", "functions", "logit_bias", "response_format", "logprobs", "top_logprobs", "suffix",
            "best_of", "echo", "audio", "modalities")  # fmt: skip


class BadRequest(Exception):
    """What the caller asks can't be done; the sentence is for the caller."""


@dataclass(slots=True)
class Piece:
    """Text that was added, or the end: reason is "stop" or "length", and tokens how many were written."""

    text: str = ""
    reason: str | None = None
    tokens: int = 0


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that was understood."""

    prompt: list[int]
    sampling: Sampling
    stops: tuple[str, ...]
    stream: bool
    with_usage: bool


class Model:
    """The served model. One answer is written at a time; others wait their turn."""

    def __init__(self, base: Path, adapter: Path | None, template: str, tell: Callable[[str], None]) -> None:
        self._voices = Voices(tell, lambda: None)
        self._voices.load({NAME: Voice(base, adapter, template)})
        self._turn = threading.Lock()

    @property
    def name(self) -> str:
        """What it is called where it answers."""
        return self._voices[NAME].name

    def understand(self, values: Mapping[str, Any], *, chat: bool) -> Asked:
        """What a request asks. Raises BadRequest."""
        for name in _UNKNOWN:
            if values.get(name) not in (None, False, [], {}, "none") and values.get(name) != {"type": "text"}:
                raise BadRequest(f"“{name}” is not supported here; leave it out.")
        if values.get("n") not in (None, 1):
            raise BadRequest("“n” must be 1: ask again for another answer.")
        sampling = self._sampling(values)
        stops = values.get("stop") or ()
        stops = (stops,) if isinstance(stops, str) else tuple(stops)
        if not all(isinstance(stop, str) for stop in stops) or len(stops) > 16:
            raise BadRequest("“stop” must be a text or up to 16 texts.")
        prompt = self._chat(values.get("messages")) if chat else self._text(values.get("prompt"))
        context = self._voices[NAME].encoder.context
        if context and len(prompt) >= context:
            told = f"The prompt is {len(prompt):,} tokens long; this model reads {context:,}, the answer included."
            raise BadRequest(told)
        options = values.get("stream_options") or {}
        with_usage = isinstance(options, dict) and bool(options.get("include_usage"))
        return Asked(prompt, sampling, tuple(filter(None, stops)), bool(values.get("stream")), with_usage)

    def write(self, asked: Asked) -> Iterator[Piece]:
        """The answer as it is written. Closing the iterator ends it."""
        with self._turn:
            voice = self._voices[NAME]
            pane = Pane(voice, asked.prompt, [], asked.sampling)
            writer = writers_of(self._voices, {NAME: pane})[0]
            stops, met = Stops(asked.stops), False
            try:
                while not writer.is_over and not met:
                    text, met = stops.add(writer.write(_SLICE).get(NAME, ""))
                    if text:
                        yield Piece(text)
            finally:
                if not writer.is_over:
                    writer.stop()
            ended = writer.ended(NAME)
            tokens = ended.tokens if ended else 0
            if not met:
                rest = stops.finish()
                if rest:
                    yield Piece(rest)
            finished = met or (ended is not None and ended.why in (END_OF_TURN, STOP_TEXT))
            yield Piece("", "stop" if finished else "length", tokens)

    def _sampling(self, values: Mapping[str, Any]) -> Sampling:
        longest = values.get("max_completion_tokens") or values.get("max_tokens") or _LONGEST
        given: dict[str, Any] = {"max_new_tokens": longest}
        for name, usual in (
            ("temperature", 1.0),
            ("top_p", 1.0),
            ("seed", secrets.randbelow(2**31)),
            ("presence_penalty", 0.0),
            ("frequency_penalty", 0.0),
        ):
            value = values.get(name)
            given[name] = usual if value is None else value
        if given["top_p"] == 0:
            given["top_p"] = 0.01  # which callers mean by it: the likeliest alone
        sampling = replace(Sampling(), **given)
        for sentence in problems_of(sampling).values():
            raise BadRequest(sentence)
        return sampling

    def _chat(self, messages: Any) -> list[int]:
        try:
            turns = messages_from(_plain(messages))
            return self._voices[NAME].encoder.prompt(turns)
        except (ValueError, TypeError) as error:
            raise BadRequest(f"“messages” can't be read: {error}.") from error
        except StudioError as error:
            raise BadRequest(error.sentence) from error

    def _text(self, prompt: Any) -> list[int]:
        encoder = self._voices[NAME].encoder
        if isinstance(prompt, list) and len(prompt) == 1 and isinstance(prompt[0], (str, list)):
            prompt = prompt[0]
        if isinstance(prompt, list) and prompt and all(isinstance(token, int) for token in prompt):
            if not all(0 <= token < len(encoder.tokenizer) for token in prompt):
                raise BadRequest("“prompt” has tokens that this model doesn't know.")
            return list(prompt)
        if not isinstance(prompt, str):
            raise BadRequest("“prompt” must be one text, or one list of tokens.")
        text = prompt.encode("utf-8", "replace").decode("utf-8")
        ids: list[int] = list(encoder.tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])
        found = [*encoder.lead, *ids]
        if not found:
            raise BadRequest("“prompt” is empty, and this model needs something to go on from.")
        return found


def _plain(messages: Any) -> list[dict[str, Any]]:
    """Messages whose contents are texts, as they also come as lists of parts. Raises ValueError."""
    if not isinstance(messages, Sequence) or isinstance(messages, str) or not messages:
        raise ValueError("there is none")
    found: list[dict[str, Any]] = []
    for message in messages:
        if not isinstance(message, dict):
            raise ValueError("one of them is no object")
        content = message.get("content")
        if isinstance(content, list):
            parts = [part for part in content if isinstance(part, dict)]
            if len(parts) < len(content) or any(part.get("type") != "text" for part in parts):
                raise ValueError("this model reads text alone")
            content = "".join(str(part.get("text", "")) for part in parts)
        role = "system" if message.get("role") == "developer" else message.get("role")
        found.append({"role": role, "content": content})
    return found
