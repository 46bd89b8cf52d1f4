"""Serving: what is said to the worker that answers other programs over HTTP as OpenAI's API does. JSON lines on a pipe.

Requests: {"do": "serve", "id": 1, "base": folder, "adapter": folder or null, "template": "model" or a built-in name,
           "host": "127.0.0.1", "port": 8080 or 0 for any, "token": "" or what callers must show}
Replies:  {"reply": "ready"}; {"reply": "progress", "id": 1, "done": 0, "total": 0, "what": "..."}
          {"reply": "serving", "id": 1, "address": "http://127.0.0.1:8080/v1", "model": its name}
          {"reply": "served", "requests": n, "failed": n, "tokens": n, "busy": n}     after each change
          {"reply": "failed", "id": 1, "what": "...", "hint": "...", "details": "..."}
It ends with its standard input.
"""

from __future__ import annotations

from ipaddress import ip_address

from studio.core.errors import StudioError

PORT = 8095
LOOPBACK = "127.0.0.1"
_SHORTEST = 16  # characters of a token


def is_loopback(host: str) -> bool:
    """Whether only programs of this computer can reach that address."""
    name = host.strip("[]").lower()
    try:
        return name == "localhost" or ip_address(name).is_loopback
    except ValueError:
        return False


def check_address(host: str, port: int, token: str) -> None:
    """Raise StudioError for an address that can't be, or mustn't be, served at."""
    if not 0 <= port <= 65535:
        raise StudioError(f"There is no port {port}.", "Choose one from 1024 to 65535, or 0 for any that is free.")
    if token and not token.isascii():
        raise StudioError("The token has letters that HTTP can't carry.", "Use letters, digits and signs of ASCII.")
    if not is_loopback(host) and len(token) < _SHORTEST:
        raise StudioError(
            f"At “{host}” every computer of the network could use the model.",
            f"Serve at {LOOPBACK}, or set a token of at least {_SHORTEST} characters that callers must show.",
        )
