"""An entry of the glossary: what a setting does, when to raise it, when to lower it, and what is usual."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """A setting in plain words. raise_it and lower_it are empty where a setting is no number; then `choose` is not.

    usual: values that people use, with the source in brackets.
    """

    does: str
    usual: str
    raise_it: str = ""
    lower_it: str = ""
    choose: str = ""

    def paragraphs(self) -> tuple[tuple[str, str], ...]:
        """Headings with their texts, in the order of reading."""
        found = (
            ("What it does", self.does),
            ("Raise it", self.raise_it),
            ("Lower it", self.lower_it),
            ("Which to choose", self.choose),
            ("Usual", self.usual),
        )
        return tuple((heading, text) for heading, text in found if text)
