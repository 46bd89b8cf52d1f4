"""Token preview: what window and preview worker say to each other, one JSON object a line on a pipe.

Request:  {"do": "preview", "id": 3, "model": "/folder", "template": "model", "messages": [...], "max_length": 512,
           "train_on": "answers" | "last answer" | "no answers" | "everything", "also": [role, ...],
           "tools": [...] or null}        `template` is a name or a template's text
          {"do": "preview", "id": 3, "model": "/folder", "template": "model", "text": "plain text", "max_length": 512}
Replies:  {"reply": "ready"}
          {"reply": "preview", "id": 3, "tokens": [[text, id, trained, special], ...], "total": n, "trained": n,
           "template": label of the one used or "", "jinja": its text, "warnings": ["...", ...]}
          {"reply": "failed", "id": 3, "what": "...", "hint": "...", "details": "..."}
The texts of the tokens, laid end to end, are the rendered conversation as it is trained on (after any cut).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Token:
    """One token of a preview: the text it covers, its id, whether the loss counts it, whether it is a special token."""

    text: str
    id: int
    trained: bool
    special: bool


@dataclass(frozen=True, slots=True)
class TokenPreview:
    """One example as a model will see it in training."""

    tokens: tuple[Token, ...]
    total: int
    trained: int
    template: str
    warnings: tuple[str, ...]
    jinja: str = ""

    @staticmethod
    def from_reply(reply: dict[str, Any]) -> TokenPreview:
        """Read a "preview" reply."""
        return TokenPreview(
            tuple(Token(*token) for token in reply["tokens"]),
            int(reply["total"]),
            int(reply["trained"]),
            str(reply["template"]),
            tuple(reply["warnings"]),
            str(reply.get("jinja", "")),
        )
