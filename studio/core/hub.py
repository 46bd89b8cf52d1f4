"""The Hugging Face Hub: what a window or command line and the worker that talks to the Hub say to each other.

Requests: {"do": "look", "id": 1, "name": "owner/name", "config": "" or one of them}                        a dataset
          {"do": "fetch", "id": 2, "name": ..., "config": ..., "split": ..., "folder": where to write the rows}
          {"do": "search", "id": 3, "words": "...", "limit": 30}                                              models
          {"do": "model", "id": 4, "name": "owner/name", "models": folder, "use_token": false}
          {"do": "get", "id": 5, "name": ..., "revision": as “model” told, "models": folder, "use_token": false,
           "newer": whether it takes the place of the version that is there}
          {"do": "upload", "id": 9, "name": "owner/name", "folder": ..., "private": true, "use_token": true}
          {"do": "account", "id": 6}    {"do": "sign in", "id": 7, "token": "..."}    {"do": "sign out", "id": 8}
          {"do": "stop"}                                    ends what is under way; what was downloaded stays for later
Replies:  {"reply": "ready"}
          {"reply": "found", "id": 1, "configs": [...], "config": the one looked at, "splits": [[name, rows or 0], ...]}
          {"reply": "progress", "id": 2, "rows": n, "total": n or 0}
          {"reply": "fetched", "id": 2, "file": "/folder/name.jsonl", "rows": n}
          {"reply": "models", "id": 3, "models": [HubModel as an object, ...]}
          {"reply": "model", "id": 4, "model": HubModel, "offer": Offer as an object}
          {"reply": "progress", "id": 5, "done": bytes, "total": bytes, "speed": bytes a second, "file": "..."}
          {"reply": "got", "id": 5, "folder": "/models/owner/name"}
          {"reply": "stopped", "id": 5, "done": bytes that are kept}
          {"reply": "uploaded", "id": 9, "address": of the new model's page}
          {"reply": "account", "id": 6, "signed_in": true, "name": "..." or ""}
          {"reply": "failed", "id": 2, "what": "...", "hint": "...", "details": "..."}
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, fields
from typing import Any, cast
from urllib.parse import urlsplit

from studio.core.errors import StudioError

DEFAULT_ENDPOINT = "https://huggingface.co"
_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,95}(?:/[A-Za-z0-9][\w.-]{0,95})?")
_BEFORE = re.compile(r"^(?:https?://[^/]+/|(?:huggingface\.co|hf\.co)/)?(?:datasets/|models/)?")


@dataclass(frozen=True, slots=True)
class HubModel:
    """A model as the Hub lists it. parameters: 0 when unknown. gated: who downloads it must accept its terms first."""

    name: str
    parameters: int = 0
    downloads: int = 0
    likes: int = 0
    licence: str = ""
    gated: bool = False

    def as_dict(self) -> dict[str, Any]:
        """As a reply has it."""
        return asdict(self)

    @staticmethod
    def from_dict(values: dict[str, Any]) -> HubModel:
        """Read it from a reply."""
        return HubModel(**{known.name: values[known.name] for known in fields(HubModel)})


@dataclass(frozen=True, slots=True)
class Offer:
    """What a download would bring. size: bytes of all files. have: bytes of them that are here, from an earlier try or
    an earlier version. there: the folder of the model that is here. newer: the Hub has another version than that.

    trouble: why it couldn't be used, or what must be done first; empty when nothing speaks against it.
    config: the model's config.json, for what it tells about memory. readme: as its author wrote it.
    """

    revision: str
    files: tuple[tuple[str, int], ...]
    size: int
    have: int = 0
    there: str = ""
    newer: bool = False
    trouble: str = ""
    usable: bool = True
    readme: str = ""
    config: dict[str, Any] | None = None

    def as_dict(self) -> dict[str, Any]:
        """As a reply has it."""
        return asdict(self)

    @staticmethod
    def from_dict(values: dict[str, Any]) -> Offer:
        """Read it from a reply."""
        kept = {known.name: values[known.name] for known in fields(Offer)}
        kept["files"] = tuple((str(name), int(size)) for name, size in cast("list[Any]", values["files"]))
        return Offer(**kept)


def dataset_name(text: str) -> str:
    """The dataset's name out of what a person typed or copied: owner/name, or its address. Raises StudioError."""
    return _name(text, "a dataset")


def model_id(text: str) -> str:
    """The model's name on the Hub out of what a person typed or copied. Raises StudioError."""
    return _name(text, "a model")


def _name(text: str, what: str) -> str:
    name = _BEFORE.sub("", text.strip()).split("?")[0].split("#")[0].rstrip("/")
    name = "/".join(name.split("/")[:2])  # an address may go on with /tree/main
    if not _NAME.fullmatch(name) or "--" in name or ".." in name:
        raise StudioError(f"“{text.strip()}” is no name of {what}.", "Write it as owner/name, as its page has it.")
    return name


def endpoint_of(text: str) -> str:
    """The address of a Hub, or of a mirror of it, out of what a person typed; empty for the Hub itself.

    Raises StudioError.
    """
    address = text.strip()
    if not address:
        return ""
    parts = urlsplit(address if "://" in address else f"https://{address}")
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise StudioError(f"“{text.strip()}” is no address of a mirror.", "Write it as https://host.")
    return parts.geturl().rstrip("/")


def host_of(endpoint: str) -> str:
    """The host of an address, as a sentence names it."""
    return urlsplit(endpoint).netloc or endpoint
