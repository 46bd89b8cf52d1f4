"""What was said in one pane, as turns: the history that its model is given, and how each answer ended. No widgets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

_ENDINGS = {
    "end of turn": "ended by itself",
    "length": "cut at its limit",
    "stopped": "stopped",
    "stop text": "ended before a stop text",
}


@dataclass(slots=True)
class Turn:
    """A message and its answer. `model` is what really answered; `ended` is empty while it is being written."""

    prompt: str
    answer: str = ""
    model: str = ""
    tokens: int = 0
    seconds: float = 0.0
    ended: str = ""

    @property
    def facts(self) -> str:
        """One line about the answer: how long, how fast, why it ended."""
        if not self.ended:
            return "Writing…" if self.model else "Waiting…"
        facts = [f"{self.tokens:,} token{'s' * (self.tokens != 1)}"] if self.tokens else []
        if self.tokens and self.seconds > 0:
            facts.append(f"{self.tokens / self.seconds:,.0f} tokens/s")
        return "  ·  ".join([*facts, _ENDINGS.get(self.ended, self.ended)])


def messages_of(turns: Sequence[Turn], system: str = "") -> list[dict[str, Any]]:
    """The conversation up to and with the last message, in the form that the chat worker takes.

    The last turn's answer, being asked for, is left out. A turn that was never answered is left out with its message.
    """
    messages: list[dict[str, Any]] = [{"role": "system", "content": system}] if system else []
    for turn in turns[:-1]:
        if turn.model:
            messages.append({"role": "user", "content": turn.prompt})
            messages.append({"role": "assistant", "content": turn.answer})
    return [*messages, {"role": "user", "content": turns[-1].prompt}]
