"""Candidates: how models write answers to be judged, and what window and candidate worker say to each other.

One JSON object a line on a pipe. Requests (window -> worker):
  {"do": "load", "authors": [{"name": "...", "base": "/folder", "adapter": "/folder" or null}, ...]}
       authors on one base share its weights
  {"do": "write", "prompts": [{"id": 7, "messages": [...], "tools": [...] or null, "texts": ["known answer", ...],
                               "voices": [{"author": 0, ...sampling}, ...]}, ...]}
       all are written in batches; what says the same as a known answer is written again with another seed
Replies (worker -> window):
  {"reply": "ready"}; {"reply": "loading", "what": "..."}; {"reply": "loaded", "device": "..."}
  {"reply": "written", "id": 7, "answers": [{"text": "...", "author": name, "sampling": {...}, "ended": "..."}, ...]}
  {"reply": "failed", "id": 7 or null, "what": "...", "hint": "...", "details": "..."}
Each prompt has a reply of its own: "written", or "failed" with its id. The worker ends when its standard input closes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from hashlib import blake2b
from typing import Any, cast

from studio.core.conversation import Sampling
from studio.core.errors import StudioError
from studio.core.fields import problems_of, setting, settings_from
from studio.core.labelling import MOST_CANDIDATES


@dataclass(frozen=True, slots=True)
class Author:
    """Who writes: a base model, or an adapter on it. adapter: its folder, or empty."""

    name: str
    base: str
    adapter: str = ""


@dataclass(frozen=True)
class Writing:
    """How many candidates each prompt gets, and how they are sampled."""

    count: int = setting(
        2,
        "Answers to a prompt",
        "More give more pairs from each prompt, and take longer to read. Two suit pairs, four suit rankings.",
        low=1,
        high=MOST_CANDIDATES,
    )
    lowest: float = setting(
        0.7, "Lowest temperature", "The answers of each model are spread from here…", low=0.0, high=5.0
    )
    highest: float = setting(1.0, "Highest temperature", "…to here, so that they differ.", low=0.0, high=5.0)
    top_p: float = setting(
        0.95, "Top-p", "Only the likeliest tokens that together reach this share; 1 allows all.", low=0.01, high=1.0
    )
    top_k: int = setting(
        0, "Top-k", "Only this many likeliest tokens; 0 allows all.", low=0, high=100000, advanced=True
    )
    max_new_tokens: int = setting(
        256, "Longest answer", "Answers are cut after this many tokens.", low=1, high=32768, unit="tokens"
    )
    own: str = setting(
        "",
        "Own sampling settings",
        "Instead of the spread: temperature, top-p and top-k with spaces between, settings with semicolons between, "
        "as in “0.2 1 0; 1.2 0.9 50”. Each model takes them in turn.",
        advanced=True,
    )
    seed: int = setting(42, "Seed", "The same seed gives the same answers.", low=0, high=2**31 - 1, advanced=True)
    authors: tuple[Author, ...] = ()

    def check(self) -> None:
        """Raise StudioError for the first thing that is missing or can't be used."""
        for sentence in problems_of(self).values():
            raise StudioError(sentence, "Correct the value and try again.")
        if not self.authors:
            raise StudioError("No model is chosen to write answers.", "Choose at least one.")
        if self.count < len(self.authors):
            raise StudioError(
                f"{len(self.authors)} models can't share {self.count} answers to a prompt.",
                "Ask for more answers, or choose fewer models.",
            )
        if self.lowest > self.highest:
            raise StudioError("The lowest temperature is above the highest.", "Exchange them.")
        self.own_settings()

    def own_settings(self) -> list[Sampling]:
        """The sampling settings that were listed. Raises StudioError for one that can't be read."""
        found: list[Sampling] = []
        for part in (part.split() for part in self.own.split(";") if part.strip()):
            try:
                values: dict[str, Any] = {"temperature": float(part[0])}
                values |= {"top_p": float(part[1])} if len(part) > 1 else {}
                values |= {"top_k": int(part[2])} if len(part) > 2 else {}
                if len(part) > 3:
                    raise ValueError
            except ValueError:
                raise StudioError(
                    f"The sampling setting “{' '.join(part)}” can't be read.",
                    "Write temperature, top-p and top-k with spaces between, as in 0.7 0.95 0.",
                ) from None
            values["max_new_tokens"] = self.max_new_tokens
            found.append(settings_from(Sampling, values, "A sampling setting"))
        return found

    def voices(self, prompt: int) -> list[tuple[int, Sampling]]:
        """Which author writes each candidate to a prompt, and how: seeds differ by prompt and candidate."""
        own, found = self.own_settings(), list[tuple[int, Sampling]]()
        turns = -(-self.count // max(1, len(self.authors)))  # of the author with the most candidates
        for number in range(self.count):
            turn, author = divmod(number, max(1, len(self.authors)))
            seed = int.from_bytes(blake2b(f"{self.seed}/{prompt}/{number}".encode(), digest_size=4).digest()) >> 1
            if own:
                found.append((author, replace(own[turn % len(own)], seed=seed)))
                continue
            share = turn / (turns - 1) if turns > 1 else 0.5
            temperature = round(self.lowest + share * (self.highest - self.lowest), 4)
            sampling = Sampling(
                temperature=temperature,
                top_p=self.top_p,
                top_k=self.top_k,
                max_new_tokens=self.max_new_tokens,
                seed=seed,
            )
            found.append((author, sampling))
        return found

    def to_json(self) -> str:
        """As it stands in the database."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @staticmethod
    def from_json(text: str) -> Writing:
        """Read `to_json`. Raises ValueError or StudioError."""
        values = cast("dict[str, Any]", json.loads(text))
        authors = tuple(Author(**known) for known in values.pop("authors", ()))
        known = settings_from(Writing, values, "How candidates are written")
        return replace(known, authors=authors)


def unlike(texts: Iterable[str], known: Iterable[str] = ()) -> list[bool]:
    """Which texts say something that none before them says; white space at the ends doesn't count."""
    seen = {text.strip() for text in known}
    found: list[bool] = []
    for text in (text.strip() for text in texts):
        found.append(bool(text) and text not in seen)
        seen.add(text)
    return found
