"""Datasets of the Hugging Face Hub: what the window and the worker that fetches one say to each other.

Requests: {"do": "look", "id": 1, "name": "owner/name", "config": "" or one of them}
          {"do": "fetch", "id": 2, "name": ..., "config": ..., "split": ..., "folder": where to write the rows}
Replies:  {"reply": "ready"}
          {"reply": "found", "id": 1, "configs": [...], "config": the one looked at, "splits": [[name, rows or 0], ...]}
          {"reply": "progress", "id": 2, "rows": n, "total": n or 0}
          {"reply": "fetched", "id": 2, "file": "/folder/name.jsonl", "rows": n}
          {"reply": "failed", "id": 2, "what": "...", "hint": "...", "details": "..."}
"""

from __future__ import annotations

import re

from studio.core.errors import StudioError

_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,95}(?:/[A-Za-z0-9][\w.-]{0,95})?")
_BEFORE = re.compile(r"^(?:https?://)?(?:huggingface\.co|hf\.co)/(?:datasets/)?|^datasets/")


def dataset_name(text: str) -> str:
    """The dataset's name out of what a person typed or copied: owner/name, or its address. Raises StudioError."""
    name = _BEFORE.sub("", text.strip()).split("?")[0].split("#")[0].rstrip("/")
    name = "/".join(name.split("/")[:2])  # an address may go on with /tree/main
    if not _NAME.fullmatch(name):
        raise StudioError(f"“{text.strip()}” is no name of a dataset.", "Write it as owner/name, as its page has it.")
    return name
