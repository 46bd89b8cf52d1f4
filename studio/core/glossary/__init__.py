"""The glossary: every training setting in plain words, longer than its line in the form, with where the advice is from.

Keyed by the setting's name, since a setting means the same in all methods; where usual values differ, it says so.
Kept apart from the declarations (`core.methods`) so that those stay readable.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from studio.core.errors import StudioError, did_you_mean
from studio.core.glossary.entry import Entry
from studio.core.glossary.groups import GROUPS
from studio.core.glossary.preferences import PREFERENCES
from studio.core.glossary.rewarded import REWARDED
from studio.core.glossary.rewarded_methods import REWARDED_METHODS
from studio.core.glossary.training import TRAINING

__all__ = ["GLOSSARY", "REWARDED_METHODS", "Entry", "Explained", "explanation_of"]

GLOSSARY: Mapping[str, Entry] = {**TRAINING, **PREFERENCES, **REWARDED, **GROUPS}


@dataclass(frozen=True, slots=True)
class Explained:
    """A setting's entry as text, a heading and a paragraph each."""

    name: str
    paragraphs: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        return "\n".join(f"{heading}: {text}" for heading, text in self.paragraphs)


def explanation_of(name: str) -> Explained:
    """A setting, or a method that learns from a reward, in plain words. Raises StudioError for an unknown one."""
    wanted = name.strip().replace("-", "_").lower()
    if wanted in REWARDED_METHODS:
        return Explained(wanted, REWARDED_METHODS[wanted].paragraphs())
    if wanted not in GLOSSARY:
        raise StudioError(
            f"There is no setting “{name}”.",
            did_you_mean(wanted, GLOSSARY) or "plumbline explain, without a name, lists all of them.",
        )
    return Explained(wanted, GLOSSARY[wanted].paragraphs())
