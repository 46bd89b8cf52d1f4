"""Hints at what should not be in training data: keys and passwords, and what tells who somebody is.

Patterns, not proof: each hint says what was seen, so that a person looks. What is found is shown shortened.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Hint:
    """Something seen in a text: what it looks like, and the words, with the middle left out."""

    what: str
    shown: str


def _always(_text: str) -> bool:
    return True


def _is_card(text: str) -> bool:
    """Luhn's sum, which every payment card has and one other number in ten."""
    digits = [int(sign) for sign in text if sign.isdigit()]
    doubled = [digit if place % 2 == 0 else sum(divmod(digit * 2, 10)) for place, digit in enumerate(reversed(digits))]
    return 13 <= len(digits) <= 19 and sum(doubled) % 10 == 0 and len(set(digits)) > 1


def _is_iban(text: str) -> bool:
    """The remainder of 97 that every IBAN has."""
    packed = text.replace(" ", "").upper()
    return 15 <= len(packed) <= 34 and int("".join(str(int(sign, 36)) for sign in packed[4:] + packed[:4])) % 97 == 1


def _is_address(text: str) -> bool:
    parts = [int(part) for part in text.split(".")]
    return all(part < 256 for part in parts) and parts[0] not in (0, 10, 127) and parts[:2] != [192, 168]


_PATTERNS: tuple[tuple[str, re.Pattern[str], Callable[[str], bool]], ...] = (
    ("private key", re.compile(r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----"), _always),
    ("AWS key", re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"), _always),
    ("GitHub token", re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_\w{60,90})\b"), _always),
    ("Hugging Face token", re.compile(r"\bhf_[A-Za-z0-9]{30,40}\b"), _always),
    ("API key", re.compile(r"\bsk-[A-Za-z0-9_-]{20,200}"), _always),
    ("Google key", re.compile(r"\bAIza[0-9A-Za-z_-]{35}\b"), _always),
    ("Slack token", re.compile(r"\bxox[abprs]-[A-Za-z0-9-]{10,80}"), _always),
    ("web token", re.compile(r"\beyJ[A-Za-z0-9_-]{10,400}\.eyJ[A-Za-z0-9_-]{10,400}\.[A-Za-z0-9_-]{10,400}"), _always),
    ("password", re.compile(r"(?i)\b(?:password|passwd|pwd|secret)\s?[:=]\s?[\"']?[^\s\"',;]{6,64}"), _always),
    ("e-mail address", re.compile(r"\b[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{2,63}){1,4}\b"), _always),
    ("payment card", re.compile(r"\b\d(?:[ -]?\d){12,18}\b"), _is_card),
    ("bank account", re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?\b"), _is_iban),
    ("US social security number", re.compile(r"\b(?!000|666|9\d\d)\d{3}-(?!00)\d\d-(?!0000)\d{4}\b"), _always),
    (
        "phone number",
        re.compile(r"(?<![\w.])(?:\+\d{1,3}[ -]?)?(?:\(\d{2,4}\)[ -]?|\d{3}[ -])\d{3}[ -]\d{4}\b"),
        _always,
    ),
    ("IP address", re.compile(r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])"), _is_address),
)
KINDS: tuple[str, ...] = tuple(what for what, _, _ in _PATTERNS)
# What nearly every pattern needs. A text without any of these signs is done with at once.
_WORTH_LOOKING = re.compile(
    r"\d[\d .()-]{5}|@|PRIVATE KEY|(?i:passw|pwd|secret)|sk-|hf_|gh[pousr]_|github_|xox|eyJ|AKIA|ASIA|AIza|[A-Z]{2}\d\d"
)


def hints_in(text: str) -> list[Hint]:
    """What a text seems to hold, each kind once."""
    if not _WORTH_LOOKING.search(text):
        return []
    found: list[Hint] = []
    for what, pattern, proves in _PATTERNS:
        match = next((match for match in pattern.finditer(text) if proves(match.group())), None)
        if match is not None:
            found.append(Hint(what, _shortened(match.group())))
    return found


def _shortened(text: str) -> str:
    return text if len(text) < 8 else f"{text[:4]}…{text[-2:]}"
