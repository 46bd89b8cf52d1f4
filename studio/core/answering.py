"""Answering in bulk: what is said to a worker that answers many prompts, or scores many answers, and what it replies.

{"do": "answer", "id": 1, "base": folder, "adapter": folder or null, "template": name, "prompts": [text, ...],
 "sampling": {...}}                        one turn each; `sampling` as in core.conversation
{"do": "score", "id": 2, "base": folder, "adapter": folder, "answers": [[prompt, answer], ...]}
                                           the rewards that a reward model gives

{"reply": "ready"}
{"reply": "progress", "id": 1, "done": 16, "total": 100}
{"reply": "answers", "id": 1, "answers": [{"text": ..., "ended": bool, "tokens": n}, ...]}
{"reply": "scores", "id": 2, "scores": [1.5, ...]}
{"reply": "failed", "id": 1, "what": ..., "hint": ..., "details": ...}
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer. ended: it came to the end of its turn instead of the longest length."""

    text: str
    ended: bool
    tokens: int
