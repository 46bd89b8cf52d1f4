"""The three kinds of error: `Cancelled` (say nothing), `StudioError` (show it), anything else (a crash report)."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class Cancelled(Exception):
    """The user asked for the work to end; nothing is shown."""


class StudioError(Exception):
    """A failure that a person can act on.

    what: what happened, with the value that caused it. hint: the one thing to do. details: text for
    "Copy diagnostics", never needed to understand the sentence.
    """

    def __init__(self, what: str, hint: str = "", details: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint
        self.details = details

    @property
    def sentence(self) -> str:
        """What happened and what to do, as one paragraph."""
        return f"{self.what} {self.hint}".strip()

    def __str__(self) -> str:
        return self.sentence


def did_you_mean(wrong: str, known: Iterable[str]) -> str:
    """A question naming the closest known word, or an empty string when none is close."""
    close = get_close_matches(wrong, list(known), n=1)
    return f"Did you mean “{close[0]}”?" if close else ""
