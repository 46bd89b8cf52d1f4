"""Chat: sampling settings, and what window and chat worker say to each other, one JSON object a line on a pipe.

A voice is a model to talk to: a base model's folder alone, or with an adapter's folder. Who asks names the voices and
the panes. Requests (window -> worker):
  {"do": "load", "voices": {"base": {"base": "/folder", "adapter": "/folder" or null, "asked_like": "/folder" or null,
                                         "template": "model" | built-in name}, ...}}
       these voices and no others; those that share a base share its weights; with "device": "cpu" not on the card
  {"do": "answer", "id": 7, "panes": {"left": {"voice": "base", "messages": [...], "sampling": {...}}, ...}}
       each pane goes on with its own conversation; with "held": "text" its answer begins so, and is gone on with
  {"do": "read", "id": 8, "voice": "tuned", "messages": [...], "answer": "..."}       look at an answer token by token
  {"do": "count", "id": 8, "voice": "tuned", "messages": [...]}       tokens of a conversation
  {"do": "score", "id": 8, "model": "/folder", "base": "/folder", "messages": [...], "answers": ["...", ...]}
       the rewards that a reward model gives to answers
  {"do": "next", "id": 9, "voice": "tuned", "messages": [...], "sampling": {...}}     the odds of the next token
  {"do": "stop"}                                        ends the answers that are being written
Replies (worker -> window):
  {"reply": "ready"}                                    imports are done
  {"reply": "loading", "what": "..."}
  {"reply": "loaded", "voices": {"base": {"name": "...", "context": tokens, "precision": "..."}, ...}, "device": "...",
   "in_turns": true when the bases don't fit into memory together, so that one is loaded when it is its turn}
  {"reply": "begun", "id": 7, "pane": "left", "model": what really runs in it, "prompt_tokens": n,
   "left_out": messages at the beginning for which the context has no room}
  {"reply": "text", "id": 7, "pane": "left", "text": "..."}
  {"reply": "done", "id": 7, "pane": "left", "tokens": n, "seconds": s,
   "ended": "end of turn" | "length" | "stopped" | "stop text"}
  {"reply": "read", "id": 8, "model": "...", "tokens": [text, ...], "log_probs": [nats, ...],
   "alternatives": [[[text, probability], ...], ...], "base_log_probs": [...] or null, "kl": [nats, ...] or null}
  {"reply": "count", "id": 8, "tokens": n}
  {"reply": "score", "id": 8, "model": "...", "rewards": [number, ...]}
  {"reply": "next", "id": 9, "model": "...", "tokens": [[text, probability, probability as sampled], ...]}
  {"reply": "failed", "id": 7 or null, "what": "...", "hint": "...", "details": "..."}
The worker ends when its standard input closes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from studio.core.fields import setting

BASE = "base"
TUNED = "tuned"


@dataclass(frozen=True, slots=True)
class Voice:
    """A model to talk to.

    template: a built-in one's name, or “model”: the one that its adapter was trained with, or else the one that
    `asked_like`, another adapter's folder, was trained with, or else the model's own.
    """

    base: Path
    adapter: Path | None = None
    template: str = "model"
    asked_like: Path | None = None

    def as_dict(self) -> dict[str, Any]:
        """As a request has it."""
        folders = {"base": self.base, "adapter": self.adapter, "asked_like": self.asked_like}
        return {name: str(folder) if folder else None for name, folder in folders.items()} | {"template": self.template}


@dataclass(frozen=True)
class Sampling:
    """How the next token is chosen, in the order in which it happens. The defaults are mild; temperature 0 is greedy.

    The names and meanings are those of transformers' generation settings; the two penalties after it are OpenAI's.
    """

    temperature: float = setting(
        0.7,
        "Temperature",
        "0 always takes the likeliest token; 1 follows the model's own odds; more is wilder.",
        low=0.0,
        high=5.0,
    )
    top_p: float = setting(
        0.95,
        "Top-p",
        "Only the likeliest tokens that together reach this share may be chosen; 1 allows all.",
        low=0.01,
        high=1.0,
    )
    top_k: int = setting(0, "Top-k", "Only this many likeliest tokens may be chosen; 0 allows all.", low=0, high=100000)
    max_new_tokens: int = setting(
        256, "Longest answer", "The answer is cut after this many tokens.", low=1, high=32768, unit="tokens"
    )
    seed: int = setting(42, "Seed", "The same seed gives the same answer; all panes use it.", low=0, high=2**31 - 1)
    min_p: float = setting(
        0.0,
        "Min-p",
        "Only tokens at least this share as likely as the likeliest may be chosen; 0 allows all.",
        low=0.0,
        high=1.0,
        advanced=True,
    )
    typical_p: float = setting(
        1.0,
        "Typical-p",
        "Only tokens about as surprising as expected, together reaching this share, may be chosen; 1 allows all.",
        low=0.01,
        high=1.0,
        advanced=True,
    )
    repetition_penalty: float = setting(
        1.0,
        "Repetition penalty",
        "Divides the score of every token that was said before, the question's included; 1 changes nothing.",
        low=0.1,
        high=5.0,
        advanced=True,
    )
    presence_penalty: float = setting(
        0.0,
        "Presence penalty",
        "Taken off the score of every token that the answer holds already; 0 changes nothing.",
        low=-2.0,
        high=2.0,
        advanced=True,
    )
    frequency_penalty: float = setting(
        0.0,
        "Frequency penalty",
        "Taken off a token's score once for each time the answer holds it; 0 changes nothing.",
        low=-2.0,
        high=2.0,
        advanced=True,
    )
    no_repeat_ngram: int = setting(
        0,
        "Never repeat runs of",
        "A run of so many tokens is never said twice; 0 allows it.",
        low=0,
        high=100,
        unit="tokens",
        advanced=True,
    )
    min_new_tokens: int = setting(
        0,
        "Shortest answer",
        "The turn can't end before so many tokens; 0 allows it.",
        low=0,
        high=32768,
        unit="tokens",
        advanced=True,
    )
    stop: str = setting(
        "",
        "Stop before",
        r"The answer ends before any of these texts; separate them by |, write a line end as \n. Empty: none.",
        advanced=True,
    )
    beams: int = setting(
        1,
        "Beams",
        "Follows so many answers at once and gives the likeliest whole one. It comes all at once, and nothing is drawn "
        "by chance, so temperature and the shares don't count; 1 is off.",
        low=1,
        high=16,
        advanced=True,
    )
    length_penalty: float = setting(
        1.0,
        "Length penalty of beams",
        "Above 1 beams prefer longer answers, below 1 shorter ones.",
        low=-5.0,
        high=5.0,
        advanced=True,
    )

    @property
    def stops(self) -> tuple[str, ...]:
        """The texts that end an answer."""
        parts = (part.replace("\\n", "\n") for part in self.stop.split("|"))
        return tuple(part for part in parts if part)


# With these each control leaves the model's own odds alone.
NEUTRAL = Sampling(temperature=1.0, top_p=1.0, top_k=0)
