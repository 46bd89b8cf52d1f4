"""Scripts: in which writing a text mostly is, by the names that Unicode gives its letters."""

from __future__ import annotations

import unicodedata
from collections import Counter
from functools import lru_cache

# By the first word of a character's name in Unicode.
_BY_NAME = {
    "LATIN": "Latin", "FULLWIDTH": "Latin", "CYRILLIC": "Cyrillic", "GREEK": "Greek", "ARABIC": "Arabic",
    "HEBREW": "Hebrew", "CJK": "Chinese", "HIRAGANA": "Japanese", "KATAKANA": "Japanese", "HALFWIDTH": "Japanese",
    "HANGUL": "Korean", "DEVANAGARI": "Devanagari", "BENGALI": "Bengali", "TAMIL": "Tamil", "TELUGU": "Telugu",
    "THAI": "Thai", "GEORGIAN": "Georgian", "ARMENIAN": "Armenian", "ETHIOPIC": "Ethiopic",
}  # fmt: skip
OTHER, NONE = "other", "no letters"
SCRIPTS: tuple[str, ...] = (*dict.fromkeys(_BY_NAME.values()), OTHER, NONE)
_LOOKED_AT = 2000  # characters
_KANA = 0.1  # of the letters; with so many the Chinese characters beside them are Japanese


def script_of(text: str) -> str:
    """The script that most letters of the beginning are in; Chinese characters among kana count as Japanese."""
    text = text[:_LOOKED_AT]
    if text.isascii():
        return "Latin" if any(map(str.isalpha, text)) else NONE
    counts = Counter(script for script in map(_script, text) if script)
    if not counts:
        return NONE
    if counts["Japanese"] >= _KANA * counts.total():
        counts["Japanese"] += counts.pop("Chinese", 0)
    return max(counts, key=lambda script: counts[script])


@lru_cache(maxsize=10_000)
def _script(character: str) -> str:
    if not character.isalpha():
        return ""
    return _BY_NAME.get(unicodedata.name(character, "").split(" ", 1)[0].split("-", 1)[0], OTHER)
