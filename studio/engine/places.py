"""Places: where each turn of a conversation stands in the text that a chat template wrote of it.

An answer begins after the template's invitation to answer and ends with its end-of-turn token. Where a template only
adds to what it wrote before, prefixes tell both. Many don't (they take thoughts out of earlier turns, or write the last
turn otherwise): then the turn's words are exchanged for a word that nobody uses, and what differs is the turn.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from studio.core.errors import StudioError
from studio.core.messages import Message
from studio.core.tool_calls import ToolCall
from studio.engine.rendering import Renderer, Span

_OTHER = "\ue000\ue001"  # of Unicode's private area: no text has it
_NOWHERE = (0, 0)


@dataclass(frozen=True, slots=True)
class Places:
    """Finds turns in `text`, which `renderer` wrote of `messages`. specials: the tokenizer's special tokens, if it
    has any."""

    renderer: Renderer
    messages: Sequence[Message]
    text: str
    specials: re.Pattern[str] | None

    def answer(self, k: int) -> list[Span]:
        """The places of the k-th turn, an assistant's: all that its model would write. Mostly one, none for a turn that
        the template leaves out. Raises StudioError."""
        last = k == len(self.messages) - 1
        before = self._rendered(self.messages[:k], for_answer=True) if k else None
        if before is not None and self.text.startswith(before):
            through = self.text if last else self._rendered(self.messages[: k + 1])
            if through is not None and self.text.startswith(through):
                start = len(before)
                return [(start, with_end_of_turn(self.text, start, len(through), self.specials))]
        parts = self._differing(k)
        if not parts:
            return []
        parts[0] = self._after_invitation(k, parts[0][0], before), parts[0][1]
        if last:
            return [*parts[:-1], (parts[-1][0], max(parts[-1][0], len(self.text.rstrip())))]
        turn = self.messages[k]
        if len(parts) == 2:
            return [
                (parts[0][0], self._ended(k, parts[0][1], turn._replace(content=""))),
                (parts[1][0], self._following(parts[1][1])),
            ]
        return [(parts[0][0], max(parts[0][0], self._ended(k, parts[0][1], turn)))]

    def turn(self, k: int) -> list[Span]:
        """The place of the words of a turn of any role, with the special token that ends it. Raises StudioError."""
        if self.messages[k].role == "assistant":
            return self.answer(k)
        return [(start, self._following(end)) for start, end in self._differing(k)]

    def _rendered(self, messages: Sequence[Message], *, for_answer: bool = False) -> str | None:
        """What the template writes of a part of the conversation; None when it takes no such part."""
        try:
            return self.renderer.render(messages, for_answer=for_answer)
        except StudioError:
            return None

    # ------------------------------------------------------------------------------------ by what differs

    def _differing(self, k: int) -> list[Span]:
        """What of the text is the k-th turn's own: what changes when the turn says something else. In two parts where
        results stand between its calls and its words; in none when nothing changes."""
        turn = self.messages[k]
        bare = self._compared(k, turn._replace(content=_OTHER, calls=()))
        said = self._compared(k, turn._replace(content=_OTHER)) if turn.calls else bare
        called = self._compared(k, _called_otherwise(turn)) if turn.calls else bare
        known = [place for place in (bare, said, called) if place is not None]
        if not known:
            raise StudioError(
                f"The prompt template {self.renderer.named} writes a turn more than once or in another form, "
                "so it can't be found in its text.",
                "Choose another prompt template, or learn from everything.",
            )
        places = [place for place in known if place != _NOWHERE]
        if not places:
            return []
        start = min(start for start, _ in places)
        if not turn.calls or called is None or called == _NOWHERE:
            return [(start, max(end for _, end in places))]
        if said is None or said == _NOWHERE or said[1] <= called[1]:
            return [(start, called[1])]
        between = self.text[called[1] : said[0]]
        results = (other.content.strip() for other in self.messages if other.role == "tool")
        if any(words and words in between for words in results):
            return [(start, called[1]), said]
        return [(start, said[1])]

    def _compared(self, k: int, other: Message) -> Span | None:
        """What differs in the text when the k-th turn is another one; None when that can't be told."""
        text = self._rendered([*self.messages[:k], other, *self.messages[k + 1 :]])
        if text is None:
            return None
        if text == self.text:
            return _NOWHERE
        start = _shared(self.text, text)
        after = _shared(self.text[start:][::-1], text[start:][::-1])
        # Where the other words are not, the template writes something else of them, perhaps in several places.
        return (start, len(self.text) - after) if _OTHER in text[start : len(text) - after] else None

    def _after_invitation(self, k: int, start: int, before: str | None) -> int:
        """Where the answer begins: after as much of the invitation to answer as stands before its words."""
        asked = self.messages[:k] or [Message("user", "a")]
        before = before or self._rendered(asked, for_answer=True)
        bare = self._rendered(asked)
        if before is None or bare is None:
            return start
        invitation = before[_shared(before, bare) :]
        ends = {len(invitation)} | {found.end() for found in re.finditer(r"\n+", invitation)}
        if self.specials is not None:
            ends |= {found.end() for found in self.specials.finditer(invitation)}
        floor = max((end for _, end in self._differing(k - 1)), default=0) if k else 0
        for end in sorted((end for end in ends if end), reverse=True):
            place = self.text.rfind(invitation[:end], floor, start)
            if place >= 0:
                return place + end
        return start

    def _ended(self, k: int, end: int, turn: Message) -> int:
        """The end of an answer that others follow, moved past what the template writes after its words or calls."""
        other = _called_otherwise(turn) if turn.calls else turn._replace(content=_OTHER)
        alone, changed = (self._rendered([*self.messages[:k], one]) for one in (turn, other))
        if alone is not None and changed is not None and _OTHER in changed:
            ending = alone[len(alone) - _shared(alone[::-1], changed[::-1]) :].rstrip()
            if ending and self.text.startswith(ending, end):
                return end + len(ending)
        return self._following(end)

    def _following(self, end: int) -> int:
        """`end`, moved past the special token that follows directly; else without the white space before it."""
        found = self.specials.match(self.text, end) if self.specials is not None else None
        return found.end() if found else len(self.text[:end].rstrip())


def _shared(one: str, other: str) -> int:
    """How many characters two texts have in common at their beginning. (Halving compares slices, all in C.)"""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _called_otherwise(turn: Message) -> Message:
    calls = tuple(ToolCall(call.name, f'{{"{_OTHER}":"{_OTHER}"}}', call.id) for call in turn.calls)
    return turn._replace(calls=calls)


def with_end_of_turn(text: str, start: int, end: int, specials: re.Pattern[str] | None) -> int:
    """The end of an answer that stands from `start` to `end`: behind the special token that ends it or follows it
    directly, without white space after it."""
    bare = max(start, len(text[:end].rstrip()))
    if specials is None or any(found.end() == bare for found in specials.finditer(text, max(start, bare - 64), bare)):
        return bare
    following = specials.match(text, end)
    return following.end() if following else bare
