"""Text from models and files made safe to show: what has no shape of its own made visible, and tool tips that are
never taken for HTML."""

from __future__ import annotations

import html
import unicodedata

_STEERING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")  # reorder what follows them


def visible(text: str) -> str:
    """A token's text with what has no shape of its own made visible."""
    shown: list[str] = []
    for character in text:
        if character == "\n":
            shown.append("↵\n")
        elif character == "\t":
            shown.append("⇥\t")
        elif character in _STEERING or unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp"):
            shown.append(f"⟨{ord(character):04X}⟩")
        else:
            shown.append(character)
    return "".join(shown)


def unsteered(text: str) -> str:
    """Lines of text with what could make them look like other lines made visible: marks that turn writing round, and
    control characters."""
    return "".join(
        f"⟨{ord(character):04X}⟩"
        if character in _STEERING or (unicodedata.category(character) in ("Cc", "Cs") and character not in "\n\t")
        else character
        for character in text.replace("\r\n", "\n")
    )


def plain_tip(text: str) -> str:
    """A tool tip that shows exactly this text; Qt would render one that looks like HTML."""
    return "<qt>" + html.escape(text).replace("\n", "<br>") + "</qt>"
