"""The HTTP side: OpenAI's paths and shapes over Python's own server, with the checks that a door on loopback needs.

A page in a browser can send requests to loopback, too: so a caller that names another host, or comes from another
origin, is turned away, and only JSON is read, which pages can't send without being allowed to.
"""

from __future__ import annotations

import contextlib
import hmac
import json
import secrets
import socket
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from studio.core.serving import is_loopback
from studio.engine.failures import as_sentence
from studio.engine.serving.answers import Asked, BadRequest, Model

_MOST = 8_000_000  # bytes of a request
_WAITING = 32  # callers at a time
_PATIENCE = 60.0  # seconds for a caller to send or take something


@dataclass(slots=True)
class Counts:
    """What was served so far. busy: callers that wait or are being answered."""

    requests: int = 0
    failed: int = 0
    tokens: int = 0
    busy: int = 0


class Refused(Exception):
    """A request that is turned away, with its status and kind as OpenAI names them."""

    def __init__(self, status: HTTPStatus, kind: str, sentence: str) -> None:
        super().__init__(sentence)
        self.status, self.kind, self.sentence = status, kind, sentence


class Door(ThreadingHTTPServer):
    """The server. tell: called with the counts whenever they change."""

    daemon_threads = True

    def __init__(self, host: str, port: int, token: str, model: Model, tell: Callable[[Counts], None]) -> None:
        """Listen. Raises OSError or OverflowError where that can't be."""
        self.model, self.token, self.is_local = model, token, is_loopback(host)
        self.made = int(time.time())
        self._tell, self._counting = tell, threading.Lock()
        self.counts = Counts()
        super().__init__((host, port), Caller)

    def server_bind(self) -> None:
        """Without asking the network for this computer's name, as the library's own does, which can take seconds."""
        if sys.platform != "win32":  # where it would let two programs share a port
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def count(self, **changes: int) -> None:
        """Add to the counts."""
        with self._counting:
            for name, change in changes.items():
                setattr(self.counts, name, getattr(self.counts, name) + change)
            self._tell(self.counts)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that went away is no news."""


class Caller(BaseHTTPRequestHandler):
    """Answers one request."""

    server: Door  # type: ignore[assignment]
    protocol_version = "HTTP/1.1"
    timeout = _PATIENCE
    server_version, sys_version = "Plumbline", ""
    _begun = False  # an answer that streams

    def do_GET(self) -> None:
        """The list of models, which is one."""
        self._answer(self._get)

    def do_POST(self) -> None:
        """An answer."""
        self._answer(self._post)

    def _answer(self, work: Callable[[], None]) -> None:
        self.server.count(busy=1)
        failed = 1
        try:
            self._check()
            work()
            failed = 0
        except Refused as refused:
            self._refuse(refused)
        except BadRequest as error:
            self._refuse(Refused(HTTPStatus.BAD_REQUEST, "invalid_request_error", str(error)))
        except (ConnectionError, TimeoutError):
            self.close_connection = True  # the caller went away
        except Exception as error:
            told = as_sentence(error, Path.cwd())
            self._refuse(Refused(HTTPStatus.INTERNAL_SERVER_ERROR, "server_error", told.sentence))
        finally:
            self.server.count(busy=-1, requests=1, failed=failed)

    def _check(self) -> None:
        door = self.server
        if door.counts.busy > _WAITING:
            raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, "server_error", "Too many callers wait already. Try later.")
        if door.is_local:
            host = urlsplit(f"//{self.headers.get('Host', '')}").hostname or ""
            origin = self.headers.get("Origin")
            if not is_loopback(host) or (origin and not is_loopback(urlsplit(origin).hostname or "")):
                raise Refused(
                    HTTPStatus.FORBIDDEN,
                    "permission_error",
                    "Programs on this computer are answered, no web pages.",
                )
        if door.token:
            shown = self.headers.get("Authorization", "").removeprefix("Bearer ").strip()
            if not hmac.compare_digest(shown.encode("utf-8", "replace"), door.token.encode()):
                raise Refused(HTTPStatus.UNAUTHORIZED, "authentication_error", "Show the token as API key.")

    def _get(self) -> None:
        if urlsplit(self.path).path.rstrip("/") != "/v1/models":
            raise self._lost()
        model = {"id": self.server.model.name, "object": "model", "created": self.server.made, "owned_by": "plumbline"}
        self._send({"object": "list", "data": [model]})

    def _post(self) -> None:
        path = urlsplit(self.path).path.rstrip("/")
        if path not in ("/v1/chat/completions", "/v1/completions"):
            raise self._lost()
        chat = path == "/v1/chat/completions"
        asked = self.server.model.understand(self._read(), chat=chat)
        shape = Shape(self.server.model.name, chat, len(asked.prompt))
        if asked.stream:
            self._stream(asked, shape)
        else:
            text, reason, tokens = "", "stop", 0
            for piece in self.server.model.write(asked):
                text += piece.text
                if piece.reason is not None:
                    reason, tokens = piece.reason, piece.tokens
            self.server.count(tokens=tokens)
            self._send(shape.whole(text, reason, tokens))

    def _stream(self, asked: Asked, shape: Shape) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.send_header("Cache-Control", "no-cache")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = self._begun = True
        writing = self.server.model.write(asked)
        try:
            if shape.chat:
                self._event(shape.part(role="assistant"))
            for piece in writing:
                if piece.text:
                    self._event(shape.part(piece.text))
                if piece.reason is not None:
                    self.server.count(tokens=piece.tokens)
                    self._event(shape.part(reason=piece.reason))
                    if asked.with_usage:
                        self._event(shape.usage_alone(piece.tokens))
            self.wfile.write(b"data: [DONE]\n\n")
        finally:
            writing.close()  # type: ignore[attr-defined]  # a generator; a caller that went away ends the answer

    def _event(self, values: dict[str, Any]) -> None:
        self.wfile.write(b"data: " + json.dumps(values, ensure_ascii=False).encode("utf-8", "replace") + b"\n\n")
        self.wfile.flush()

    def _read(self) -> dict[str, Any]:
        if self.headers.get_content_type() != "application/json":
            raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "invalid_request_error", "Send JSON, as application/json.")
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal():
            raise Refused(HTTPStatus.LENGTH_REQUIRED, "invalid_request_error", "Say how long the request is.")
        if int(length) > _MOST:
            raise Refused(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "invalid_request_error", f"Requests have at most {_MOST:,} bytes."
            )
        try:
            values = json.loads(self.rfile.read(int(length)))
        except (ValueError, RecursionError) as error:
            raise BadRequest(f"The request is not JSON ({error}).") from error
        if not isinstance(values, dict):
            raise BadRequest("The request is not a JSON object.")
        return values

    def _lost(self) -> Refused:
        known = "/v1/models, /v1/chat/completions and /v1/completions"
        return Refused(HTTPStatus.NOT_FOUND, "invalid_request_error", f"Nothing is at {self.path}; there is {known}.")

    def _send(self, values: dict[str, Any], status: HTTPStatus = HTTPStatus.OK) -> None:
        body = json.dumps(values, ensure_ascii=False).encode("utf-8", "replace")
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        if status >= HTTPStatus.BAD_REQUEST:
            self.send_header("Connection", "close")  # what is left of the request isn't read
        self.end_headers()
        self.wfile.write(body)

    def _refuse(self, refused: Refused) -> None:
        self.close_connection = True
        if self._begun:  # half an answer is there already; that it breaks off says enough
            return
        error = {"message": refused.sentence, "type": refused.kind, "param": None, "code": None}
        with contextlib.suppress(ConnectionError, TimeoutError):
            self._send({"error": error}, refused.status)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: what people ask is not for a log."""


@dataclass(slots=True)
class Shape:
    """Answers as OpenAI's API writes them."""

    model: str
    chat: bool
    prompt_tokens: int
    id: str = ""
    made: int = 0

    def __post_init__(self) -> None:
        self.id = f"{'chatcmpl' if self.chat else 'cmpl'}-{secrets.token_hex(12)}"
        self.made = int(time.time())

    def whole(self, text: str, reason: str, tokens: int) -> dict[str, Any]:
        """An answer at once."""
        said = {"message": {"role": "assistant", "content": text}} if self.chat else {"text": text}
        choice = {"index": 0, **said, "logprobs": None, "finish_reason": reason}
        kind = "chat.completion" if self.chat else "text_completion"
        return self._framed(kind, [choice]) | {"usage": self._usage(tokens)}

    def part(self, text: str = "", *, role: str = "", reason: str | None = None) -> dict[str, Any]:
        """A part of an answer that streams."""
        if self.chat:
            delta = {"role": role, "content": ""} if role else {"content": text} if text else {}
            said: dict[str, Any] = {"delta": delta}
        else:
            said = {"text": text}
        kind = "chat.completion.chunk" if self.chat else "text_completion"
        return self._framed(kind, [{"index": 0, **said, "logprobs": None, "finish_reason": reason}])

    def usage_alone(self, tokens: int) -> dict[str, Any]:
        """The last part where a caller wants to know what it used."""
        kind = "chat.completion.chunk" if self.chat else "text_completion"
        return self._framed(kind, []) | {"usage": self._usage(tokens)}

    def _framed(self, kind: str, choices: list[dict[str, Any]]) -> dict[str, Any]:
        return {"id": self.id, "object": kind, "created": self.made, "model": self.model, "choices": choices}

    def _usage(self, tokens: int) -> dict[str, int]:
        total = self.prompt_tokens + tokens
        return {"prompt_tokens": self.prompt_tokens, "completion_tokens": tokens, "total_tokens": total}
