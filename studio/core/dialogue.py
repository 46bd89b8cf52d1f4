"""A dialogue with one model: a tree of turns, of which one way from the root to a leaf is shown.

A turn is a message and its answer. To edit either, or to ask again, makes a sibling: nothing that was said is lost, and
one can go back to it. What is sent to a model is made in `messages`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

EDITED = "edited"
_ENDINGS = {
    "end of turn": "ended by itself",
    "length": "cut at its limit",
    "stopped": "stopped",
    "stop text": "ended before a stop text",
    EDITED: "edited by hand",
}


@dataclass(slots=True)
class Turn:
    """A message and its answer. `model` is what really answered; `ended` is empty while it is being written.

    tokens: of the answer; prompt_tokens: of all that the model read before it. parent: the number of the turn before.
    seed: with which it was drawn. held: of the answer's beginning, what was there before the model went on.
    """

    prompt: str
    answer: str = ""
    model: str = ""
    tokens: int = 0
    seconds: float = 0.0
    ended: str = ""
    prompt_tokens: int = 0
    number: int = -1
    parent: int | None = None
    seed: int | None = None
    held: str = ""

    @property
    def facts(self) -> str:
        """One line about the answer: how long, how fast, why it ended."""
        if not self.ended:
            return "Writing…" if self.model else "Waiting…"
        facts = [f"{self.tokens:,} token{'s' * (self.tokens != 1)}"] if self.tokens else []
        if self.tokens and self.seconds > 0:
            facts.append(f"{self.tokens / self.seconds:,.0f} tokens/s")
        return "  ·  ".join([*facts, _ENDINGS.get(self.ended, self.ended)])


class Dialogue:
    """The turns of one pane. `path` is what is shown; others are reached through `siblings` and `choose`."""

    def __init__(self) -> None:
        self._turns: dict[int, Turn] = {}
        self._leaf: int | None = None
        self._next = 0

    @property
    def path(self) -> list[Turn]:
        """The turns that are shown, the first one first."""
        found: list[Turn] = []
        at = self._leaf
        while at is not None:
            found.append(self._turns[at])
            at = found[-1].parent
        return found[::-1]

    @property
    def is_empty(self) -> bool:
        """Nothing was said, on any branch."""
        return not self._turns

    def say(self, prompt: str) -> Turn:
        """A message after the last turn that is shown."""
        return self._add(Turn(prompt, parent=self._leaf))

    def again(self, turn: Turn, prompt: str | None = None) -> Turn:
        """A sibling of a turn, with the same message or another, that waits for its answer."""
        return self._add(Turn(turn.prompt if prompt is None else prompt, parent=turn.parent))

    def rewrite(self, turn: Turn, answer: str) -> Turn:
        """A sibling of a turn with an answer written by hand."""
        made = self._add(Turn(turn.prompt, answer, turn.model, parent=turn.parent))
        made.ended = EDITED
        return made

    def go_on(self, turn: Turn) -> Turn:
        """A sibling whose answer begins with that of a turn, and waits to be gone on with."""
        return self._add(Turn(turn.prompt, turn.answer, parent=turn.parent, held=turn.answer))

    def siblings(self, turn: Turn) -> list[Turn]:
        """All turns in the place of one, itself among them, in the order in which they came."""
        return [other for other in self._turns.values() if other.parent == turn.parent]

    def choose(self, turn: Turn) -> None:
        """Show a turn, and after it what came last."""
        self._leaf = self._last_below(turn.number)

    def delete(self, turn: Turn) -> None:
        """Remove a turn with all that follows it on any branch. Shown is then a sibling, or what was before."""
        others = [other for other in self.siblings(turn) if other is not turn]
        shown = turn in self.path
        gone = {turn.number}
        for number, other in self._turns.items():  # children come after their parents
            if other.parent in gone:
                gone.add(number)
        for number in gone:
            del self._turns[number]
        if shown:
            self._leaf = self._last_below(others[-1].number) if others else turn.parent

    def as_dict(self) -> dict[str, Any]:
        """To be kept."""
        return {"turns": [asdict(turn) for turn in self._turns.values()], "leaf": self._leaf}

    @staticmethod
    def from_dict(values: Mapping[str, Any]) -> Dialogue:
        """Read what `as_dict` gave. Raises ValueError for anything else."""
        made = Dialogue()
        names = {field.name for field in fields(Turn)}
        try:
            for value in values["turns"]:
                turn = Turn(**{name: value[name] for name in value.keys() & names})
                if turn.number in made._turns or (turn.parent is not None and turn.parent not in made._turns):
                    raise ValueError("a turn is out of place")
                turn.ended = turn.ended or "stopped"
                made._turns[turn.number] = turn
            leaf = values["leaf"]
            if leaf is not None and leaf not in made._turns:
                raise ValueError("the last turn is missing")
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"it is no dialogue ({error})") from error
        made._leaf, made._next = leaf, max(made._turns, default=-1) + 1
        return made

    def _add(self, turn: Turn) -> Turn:
        turn.number, self._next = self._next, self._next + 1
        self._turns[turn.number] = turn
        self._leaf = turn.number
        return turn

    def _last_below(self, number: int) -> int:
        while children := [other.number for other in self._turns.values() if other.parent == number]:
            number = children[-1]
        return number


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


def answered(turns: Sequence[Turn]) -> list[Turn]:
    """The turns whose answers can be used: written to an end, and not empty."""
    return [turn for turn in turns if turn.ended and turn.answer.strip()]
