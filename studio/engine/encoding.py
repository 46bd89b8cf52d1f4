"""Encoding: a conversation to token ids and the completion mask, by one path for training, preview and chat.

The conversation is rendered through a chat template, tokenised once, and the mask is drawn from where the answers stand
in the text. So what the preview shows is what is trained, and chat asks as was trained. Rendering is
`engine.rendering`, finding turns `engine.places`; loading tokenizer and template is `engine.loading`. No torch in here.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from transformers import PreTrainedTokenizerBase

from studio.core.errors import StudioError
from studio.core.messages import Message
from studio.engine.places import Places, with_end_of_turn
from studio.engine.rendering import Renderer, Span

# What may be learned of a conversation; anything else means all of it.
ANSWERS, LAST_ANSWER, NO_ANSWERS = "answers", "last answer", "no answers"


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

    def encode(
        self, messages: Sequence[Message], *, max_length: int, train_on: str = ANSWERS, also: Collection[str] = ()
    ) -> Encoded:
        """Ids and mask of a whole conversation, cut at `max_length` and at the model's context. Raises StudioError.

        also: roles whose turns are learned beside the answers. Turns that say of themselves that they are not to be
        learned are not, unless everything is. What a person should know (a cut, a mask that is empty everywhere) is in
        `warnings`.
        """
        messages = self._renderer.fitting(messages)
        text, spans = self._learned(messages, train_on, also)
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
        return self._renderer.render(self._renderer.fitting(messages), for_answer=True)

    def passage(self, text: str) -> list[int]:
        """The ids of plain text as a document of its own: no template, but BOS and EOS where the tokenizer has them."""
        text = text.encode("utf-8", "replace").decode("utf-8")
        ids: list[int] = list(self.tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])
        end = self.tokenizer.eos_token_id
        lead = [] if ids[: len(self.lead)] == self.lead else self.lead
        return [*lead, *ids, *([end] if isinstance(end, int) else [])]

    def document(self, text: str) -> Encoded:
        """The same ids with the text of each: every token is learned but one that stands at the very beginning."""
        ids = self.passage(text)
        parts, ends, written, _ = self._tokenise(text.encode("utf-8", "replace").decode("utf-8"))
        for token in ids[len(parts) :]:  # EOS
            written += str(self.tokenizer.convert_ids_to_tokens(token))
            ends.append(len(written))
        offsets = tuple(zip([0, *ends[:-1]], ends, strict=True))
        return Encoded(tuple(ids), (False, *[True] * (len(ids) - 1)), written, offsets, False, ())

    def limit(self, max_length: int) -> int:
        """How many tokens of a row are read: never more than the model's context."""
        return min(max_length, self.context or max_length)

    def is_full(self, max_length: int) -> bool:
        """Whether a longer limit would change nothing, as the model reads no more."""
        return 0 < self.context <= max_length

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

    @cached_property
    def _renderer(self) -> Renderer:
        return Renderer(self.jinja, self._variables, self.label)

    def _learned(self, messages: Sequence[Message], train_on: str, also: Collection[str]) -> tuple[str, list[Span]]:
        """The text and the places in it that are learned."""
        if train_on not in (ANSWERS, LAST_ANSWER, NO_ANSWERS):
            text = self._renderer.render(messages)
            return text, [(0, len(text))]
        by_template = self._renderer.marks_answers and train_on != NO_ANSWERS
        text, marked = self._renderer.render_marked(messages) if by_template else (self._renderer.render(messages), [])
        places = Places(self._renderer, messages, text, self._specials)
        answers = [k for k, turn in enumerate(messages) if turn.role == "assistant"]
        wanted = {ANSWERS: answers, LAST_ANSWER: answers[-1:], NO_ANSWERS: []}[train_on]
        kept = [k for k in wanted if not messages[k].unlearned]
        if not by_template:
            spans = [span for k in kept for span in places.answer(k)]
        else:
            spans = [
                (start, with_end_of_turn(text, start, end, self._specials)) for start, end in marked if start < end
            ]
            if kept != answers:
                own = [span for k in kept for span in places.answer(k)]
                spans = [span for span in spans if any(first < span[1] and span[0] < last for first, last in own)]
        others = [k for k, turn in enumerate(messages) if turn.role != "assistant" and _role(turn) in also]
        return text, spans + [span for k in others if not messages[k].unlearned for span in places.turn(k)]

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
    def _specials(self) -> re.Pattern[str] | None:
        return re.compile("|".join(re.escape(word) for word in self._special_words)) if self._special_words else None

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
        if self._specials is not None:
            for message in messages:
                control = self._specials.search(message.content)
                if control:
                    word = control.group()
                    found.append(f"The text contains “{word}”, which this model reads as a control token, not as text.")
                    break
        return found


def _role(turn: Message) -> str:
    """Whose turn it is. A tool's result stands as the user's words where the template has no place for tools."""
    return "tool" if turn.role == "user" and turn.content.startswith("<tool_response>") else turn.role


def _is_trained(text: str, start: int, end: int, spans: list[Span]) -> bool:
    """A token is trained when it ends inside an answer. One across the answer's beginning is (as TRL's common-prefix
    rule has it); one across its end is when only white space sticks out, as with special tokens that swallow it."""
    for first, last in spans:
        if first < end <= last:
            return True
        if first < end and start < last < end and not text[last:end].strip():
            return True
    return False
