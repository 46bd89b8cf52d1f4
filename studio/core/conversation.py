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
    """How the next token is chosen. The defaults are greedy-free and mild; temperature 0 is greedy decoding."""

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
    seed: int = setting(42, "Seed", "The same seed gives the same answer; both panes use it.", low=0, high=2**31 - 1)
