"""Filters: which records of a dataset are asked for, by words, length, source and tag."""

from __future__ import annotations

from dataclasses import dataclass

FLAGGED = "flagged"  # the tag that the flag key sets


@dataclass(frozen=True, slots=True)
class Filter:
    """text: words that all must occur, the last as a beginning; “in quotes” as they stand. Lengths in characters.

    source: where a record is from, "" for the file itself; None for anywhere. tag: None for any or none.
    script: one of core.scripts, None for any.
    """

    text: str = ""
    shortest: int = 0
    longest: int | None = None
    source: str | None = None
    tag: str | None = None
    script: str | None = None

    @property
    def asks(self) -> bool:
        """Whether it leaves anything out."""
        return self != Filter()
