"""Chat: sampling settings, and what window and chat worker say to each other, one JSON object a line on a pipe.

Requests (window -> worker):
  {"do": "load", "base": "/folder", "adapter": "/folder" or null, "template": "model" | built-in name}
  {"do": "answer", "id": 7, "panes": {"left": "base", "right": "tuned"},
   "messages": {"left": [...], "right": [...]}, "sampling": {...}}
       each pane goes on with its own answers; one list serves all panes alike
  {"do": "stop"}                                        ends the answer that is being written
Replies (worker -> window):
  {"reply": "ready"}                                    imports are done
  {"reply": "loading", "what": "..."}
  {"reply": "loaded", "base": name, "adapter": name or null, "context": tokens, "device": "...", "precision": "..."}
  {"reply": "begun", "id": 7, "pane": "left", "model": what really runs in it, "prompt_tokens": n}
  {"reply": "text", "id": 7, "pane": "left", "text": "..."}
  {"reply": "done", "id": 7, "pane": "left", "tokens": n, "seconds": s, "ended": "end of turn" | "length" | "stopped"}
  {"reply": "failed", "id": 7 or null, "what": "...", "hint": "...", "details": "..."}
The worker ends when its standard input closes.
"""

from __future__ import annotations

from dataclasses import dataclass

from studio.core.fields import setting

BASE = "base"
TUNED = "tuned"


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
        "Follows so many likely answers at once and gives the best as a whole, so it can't stream; 1 is off.",
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
