"""Encoding: a conversation to token ids and the completion mask, by one path for training, preview and chat.

The conversation is rendered through a chat template, tokenised once, and the mask is drawn from where the answers stand
in the text. So what the preview shows is what is trained, and chat's prompt is the prompt that was trained.
Which template is used, and loading the tokenizer, is `engine.loading`. No torch in here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from jinja2 import TemplateError
from transformers import PreTrainedTokenizerBase
from transformers.utils.chat_template_utils import render_jinja_template

from studio.core.errors import StudioError
from studio.core.messages import Message, tools_of
from studio.core.tool_calls import as_words, tools_in_words

ANSWERS, LAST_ANSWER = "answers", "last answer"  # what may be learned of a conversation; anything else means all of it
_MARKED = re.compile(r"\{%-?\s*generation\s*-?%\}")
_KNOWS_TOOLS = re.compile(r"\btool_calls\b")
Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Encoded:
    """One conversation as a model is trained on it. `offsets` tile `text`: token k covers text[start:end]."""

    ids: tuple[int, ...]
    mask: tuple[bool, ...]
    text: str
    offsets: tuple[Span, ...]
    cut: bool
    warnings: tuple[str, ...]

    @property
    def trained(self) -> int:
        """How many tokens the loss counts."""
        return sum(self.mask)

    @property
    def pieces(self) -> list[str]:
        """The text of each token; end to end they are `text`. A character of several tokens stands at the first."""
        return [self.text[start:end] for start, end in self.offsets]


@dataclass(frozen=True)
class Encoder:
    """A tokenizer with the chat template that it writes conversations through.

    label: the template's name for people. context: how many tokens the model can read, 0 when unknown.
    """

    tokenizer: PreTrainedTokenizerBase
    jinja: str
    label: str = ""
    context: int = 0
    _variables: dict[str, Any] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        if not self.tokenizer.is_fast:
            raise StudioError(
                "This model's tokenizer can't tell which text a token stands for, so answers can't be marked.",
                "Choose a model with a tokenizer.json.",
            )
        self._variables.update(self.tokenizer.special_tokens_map)
        self._variables.setdefault("bos_token", "")
        self._variables.setdefault("eos_token", "")

    def encode(self, messages: Sequence[Message], *, max_length: int, train_on: str = ANSWERS) -> Encoded:
        """Ids and mask of a whole conversation, cut at `max_length` and at the model's context. Raises StudioError.

        What a person should know (a cut, a mask that is empty everywhere) is in `warnings`.
        """
        messages = self._fitting(messages)
        text, marked = self._render(messages)
        spans = self._answers(messages, text, marked) if train_on in (ANSWERS, LAST_ANSWER) else [(0, len(text))]
        if train_on == LAST_ANSWER:
            spans = spans[-1:]
        ids, ends, text, shift = self._tokenise(text)
        spans = [(start + shift, end + shift) for start, end in spans]
        starts = [0, *ends[:-1]]
        mask = [_is_trained(text, start, end, spans) for start, end in zip(starts, ends, strict=True)]
        if mask:
            mask[0] = False  # nothing stands before the first token that could predict it
        whole, limit = len(ids), self.limit(max_length)
        warnings = self._warnings(messages, text, ids, mask, limit)
        if whole > limit:
            ids, ends, starts, mask = ids[:limit], ends[:limit], starts[:limit], mask[:limit]
            text = text[: ends[-1]]
        offsets = tuple(zip(starts, ends, strict=True))
        return Encoded(tuple(ids), tuple(mask), text, offsets, whole > limit, tuple(warnings))

    def prompt(self, messages: Sequence[Message]) -> list[int]:
        """The ids after which the model writes its answer. Raises StudioError."""
        return self._tokenise(self.written(messages))[0]

    def written(self, messages: Sequence[Message]) -> str:
        """The text after which the model writes its answer. Raises StudioError."""
        return self._render(self._fitting(messages), for_answer=True)[0]

    def passage(self, text: str) -> list[int]:
        """The ids of plain text as a document of its own: no template, but BOS and EOS where the tokenizer has them."""
        text = text.encode("utf-8", "replace").decode("utf-8")
        ids: list[int] = list(self.tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])
        end = self.tokenizer.eos_token_id
        return [*self.lead, *ids, *([end] if isinstance(end, int) else [])]

    def limit(self, max_length: int) -> int:
        """How many tokens of a row are read: never more than the model's context."""
        return min(max_length, self.context or max_length)

    @cached_property
    def end_of_turn(self) -> int | None:
        """The special token that ends an answer in this template, when there is one."""
        try:
            probe = self.encode((Message("user", "a"), Message("assistant", "b")), max_length=1_000_000)
        except StudioError:
            return None
        last = max((k for k, trained in enumerate(probe.mask) if trained), default=None)
        return probe.ids[last] if last is not None and probe.ids[last] in self._special_ids else None

    # ------------------------------------------------------------------------------------------------- text

    def _fitting(self, messages: Sequence[Message]) -> Sequence[Message]:
        """The turns; tool calls and results as words when the template has no place for them."""
        if all(turn.is_plain and turn.role != "tool" for turn in messages) or _KNOWS_TOOLS.search(self.jinja):
            return messages
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
                plain.append(Message("user" if role == "user" else turn.role, words))
        return plain

    def _render(self, messages: Sequence[Message], *, for_answer: bool = False) -> tuple[str, list[Span] | None]:
        """The text, and the answers' places when the template marks them itself with {% generation %}."""
        marked = bool(_MARKED.search(self.jinja)) and not for_answer
        try:
            texts, places = render_jinja_template(
                conversations=[[message.as_dict() for message in messages]],
                tools=tools_of(messages),  # type: ignore[arg-type]
                chat_template=self.jinja,
                return_assistant_tokens_mask=marked,
                add_generation_prompt=for_answer,
                **self._variables,
            )
        except (TemplateError, TypeError, ValueError, KeyError, IndexError, AttributeError) as error:
            raise StudioError(
                f"The prompt template {self._named} can't write this conversation: {error}.",
                "Choose another prompt template.",
                f"{type(error).__name__}: {error}",
            ) from error
        # A lone surrogate (half of an emoji, from broken JSON) is one character that no tokenizer takes.
        text = texts[0].encode("utf-8", "replace").decode("utf-8")
        return text, [(int(start), int(end)) for start, end in places[0]] if marked else None

    @property
    def _named(self) -> str:
        return f"“{self.label}”" if self.label else "of this model"

    def _answers(self, messages: Sequence[Message], text: str, marked: list[Span] | None) -> list[Span]:
        """Where the answers stand in `text`, each with its end-of-turn token and without white space after it."""
        if marked is not None:
            return [(start, self._with_end_of_turn(text, end)) for start, end in marked]
        return [self._answer(messages, k, text) for k, turn in enumerate(messages) if turn.role == "assistant"]

    def _answer(self, messages: Sequence[Message], k: int, text: str) -> Span:
        """The k-th turn's place: what the template writes after the turns before it and the invitation to answer."""
        before = self._render(messages[:k], for_answer=True)[0] if k else ""
        if k and not text.startswith(before):
            raise StudioError(
                f"The prompt template {self._named} writes earlier turns differently once an answer follows, "
                "so the answer can't be found in its text.",
                "Choose another prompt template, or learn from everything.",
            )
        through = text if k == len(messages) - 1 else self._render(messages[: k + 1])[0]
        if k and text.startswith(through):
            return len(before), max(len(before), len(through.rstrip()))
        # Some templates write an answer otherwise when a turn follows it: then look for its words.
        words = messages[k].content.strip()
        start = text.find(words, len(before))
        if not words or start < 0 or (k and text[len(before) : start].strip()):
            raise StudioError(
                f"The prompt template {self._named} changes the words of an answer, so it can't be found in its text.",
                "Choose another prompt template, or learn from everything.",
            )
        return (len(before) if k else start), self._with_end_of_turn(text, start + len(words))

    def _with_end_of_turn(self, text: str, end: int) -> int:
        """`end`, moved past the special token that follows directly."""
        if any(text.endswith(word, 0, end) for word in self._special_words):
            return end
        following = self._specials.match(text, end) if self._special_words else None
        return following.end() if following else len(text[:end].rstrip())

    # ------------------------------------------------------------------------------------------------- tokens

    def _tokenise(self, text: str) -> tuple[list[int], list[int], str, int]:
        """Ids, where in the text each ends (never falling), the text, and by how much it was shifted.

        A BOS that the tokenizer would put before the text is put there, once: not when the template has written it.
        Offsets of tokenizers leave gaps (white space that was trimmed) and overlap (a character of several tokens, a
        "▁" put before the first word); ends that never fall make them tile the text.
        """
        encoding = self.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
        ids: list[int] = list(encoding["input_ids"])
        ends: list[int] = []
        reached = 0
        for _, end in encoding["offset_mapping"]:
            reached = max(reached, end)
            ends.append(reached)
        if ends:
            last = len(ends) - 1
            while last > 0 and ends[last - 1] == ends[-1]:
                last -= 1
            ends[last:] = [len(text)] * (len(ends) - last)  # what the tokenizer dropped at the end of the text
        lead = self.lead
        if lead and ids[: len(lead)] != lead:
            words = [str(self.tokenizer.convert_ids_to_tokens(token)) for token in lead]
            joined, lead_ends = "".join(words), []
            for word in words:
                lead_ends.append((lead_ends[-1] if lead_ends else 0) + len(word))
            shift = len(joined)
            return [*lead, *ids], [*lead_ends, *(end + shift for end in ends)], joined + text, shift
        return ids, ends, text, 0

    @cached_property
    def lead(self) -> list[int]:
        """What the tokenizer puts before every text of its own accord: BOS, or nothing."""
        bare: list[int] = list(self.tokenizer("a", add_special_tokens=False)["input_ids"])
        full: list[int] = list(self.tokenizer("a")["input_ids"])
        for length in range(len(full) - len(bare) + 1):
            if full[length : length + len(bare)] == bare:
                return full[:length]
        return []

    @cached_property
    def _special_ids(self) -> frozenset[int]:
        added = self.tokenizer.added_tokens_decoder
        return frozenset(self.tokenizer.all_special_ids) | {number for number, token in added.items() if token.special}

    @cached_property
    def _special_words(self) -> tuple[str, ...]:
        words = {str(self.tokenizer.convert_ids_to_tokens(number)) for number in self._special_ids}
        return tuple(sorted((word for word in words if word), key=len, reverse=True))

    @cached_property
    def _specials(self) -> re.Pattern[str]:
        return re.compile("|".join(re.escape(word) for word in self._special_words))

    def is_special(self, token: int) -> bool:
        """Whether a token is one of the tokenizer's special tokens."""
        return token in self._special_ids

    def _warnings(
        self, messages: Sequence[Message], text: str, ids: list[int], mask: list[bool], limit: int
    ) -> list[str]:
        """What a person should know about this example, in sentences."""
        found: list[str] = []
        if len(ids) > limit:
            found.append(f"Cut at {limit:,} of {len(ids):,} tokens.")
        if not any(mask[:limit]):
            where = f"its prompt alone fills the {limit:,} tokens" if any(mask) else "it has no answer"
            found.append(f"Nothing is learned from this example: {where}.")
        elif len(ids) <= limit:
            last = max(k for k, trained in enumerate(mask) if trained)
            if ids[last] not in self._special_ids:
                found.append("No end-of-turn token is trained, so the model may not learn to stop.")
        if self._special_words:
            for message in messages:
                control = self._specials.search(message.content)
                if control:
                    word = control.group()
                    found.append(f"The text contains “{word}”, which this model reads as a control token, not as text.")
                    break
        return found


def _is_trained(text: str, start: int, end: int, spans: list[Span]) -> bool:
    """A token is trained when it ends inside an answer. One across the answer's beginning is (as TRL's common-prefix
    rule has it); one across its end is when only white space sticks out, as with special tokens that swallow it."""
    for first, last in spans:
        if first < end <= last:
            return True
        if first < end and start < last < end and not text[last:end].strip():
            return True
    return False
