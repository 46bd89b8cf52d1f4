"""A Hub of models on loopback: what the real client asks, answered as the real Hub answers, and badly when told to.

Large files are redirected to another host, as the Hub redirects to where it keeps them. `moods` of a file are taken one
for each request of its bytes: a status to answer with, ("cut", n), ("stall", n), ("wrong", n), ("deaf",), or something
to call first.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

STARTER = Path(__file__).resolve().parents[2] / "resources" / "starter"
COMMIT = "a" * 40
TOKEN = "hf_aSecretThatNobodyMaySee"


def starter() -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in STARTER.iterdir() if file.is_file()}


def is_large(name: str) -> bool:
    return name.endswith((".safetensors", ".bin", ".gguf"))


class ModelHub(ThreadingHTTPServer):
    """`repositories`: files by name of model. `gated`: models that want a token. `allowed`: tokens with access."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.repositories: dict[str, dict[str, bytes]] = {}
        self.gated: set[str] = set()
        self.granted = False
        self.commit = COMMIT
        self.moods: dict[str, list[object]] = {}
        self.asked: list[tuple[str, str, str | None, str | None]] = []  # host, path, Authorization, Range

    def handle_error(self, *_: object) -> None:
        """Who hangs up in the middle of an answer is part of the tests."""

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def asked_for(self, file: str) -> list[str | None]:
        """The ranges in which the bytes of a large file were asked for."""
        return [wanted for _, path, _, wanted in self.asked if path.startswith("/cdn/") and path.endswith(file)]


class _Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: ModelHub

    def log_message(self, *_: object) -> None:
        pass

    def _send(self, body: bytes, code: int = 200, **headers: str) -> None:
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with suppress(OSError):
            self.wfile.write(body)

    def _json(self, value: object, code: int = 200, **headers: str) -> None:
        self._send(json.dumps(value).encode(), code, Content_Type="application/json", **headers)

    def _error(self, code: int, name: str = "", message: str = "") -> None:
        headers = {"X_Error_Code": name, "X_Error_Message": message} if name or message else {}
        self._json({"error": message or str(code)}, code, **headers)

    def do_GET(self) -> None:
        server, parts = self.server, urlsplit(self.path)
        path, token = unquote(parts.path), self.headers.get("Authorization")
        server.asked.append((self.headers.get("Host", ""), path, token, self.headers.get("Range")))
        if path == "/api/whoami-v2":
            if token != f"Bearer {TOKEN}":
                return self._error(401, message="Invalid credentials in Authorization header")
            return self._json({"name": "küche", "type": "user", "auth": {"accessToken": {"displayName": "t"}}})
        if server.moods.get("api") and path.startswith("/api/"):
            return self._error(int(str(server.moods["api"].pop(0))))
        if path == "/api/models":
            words = parse_qs(parts.query).get("search", [""])[0].lower()
            return self._json([self._about(name) for name in server.repositories if words in name.lower()])
        if path.startswith("/cdn/"):
            return self._bytes(*path.removeprefix("/cdn/").rsplit("/", 1))
        steps = path.removeprefix("/api/models/").strip("/").split("/")
        name = "/".join(steps[:2])
        if name not in server.repositories:
            return self._error(401 if token is None else 404, "RepoNotFound", "Repository not found")
        if path.startswith("/api/models/"):
            return self._json(self._about(name))
        if name in server.gated and not (server.granted and token == f"Bearer {TOKEN}"):
            return self._error(401 if token is None else 403, "GatedRepo", "Access to model is restricted")
        file = "/".join(steps[4:])
        if file not in server.repositories[name]:
            return self._error(404, "EntryNotFound", "Entry not found")
        if is_large(file):
            other = f"http://localhost:{server.server_port}/cdn/{name}/{file}"
            return self._send(b"", 302, Location=other)
        return self._bytes(name, file)

    def _about(self, name: str) -> dict[str, object]:
        siblings = []
        for file, content in self.server.repositories[name].items():
            blob = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
            told: dict[str, object] = {"rfilename": file, "size": len(content), "blobId": blob}
            if is_large(file):
                sha256 = hashlib.sha256(content).hexdigest()
                told["lfs"] = {"sha256": sha256, "size": len(content), "pointerSize": 134}
            siblings.append(told)
        return {
            "id": name, "_id": "1", "sha": self.server.commit, "private": False, "disabled": False, "likes": 7,
            "downloads": 4242,
            "gated": "manual" if name in self.server.gated else False, "tags": ["license:apache-2.0"],
            "siblings": siblings, "safetensors": {"parameters": {"BF16": 1916640}, "total": 1916640},
            "lastModified": "2026-01-01T00:00:00.000Z", "createdAt": "2026-01-01T00:00:00.000Z",
        }  # fmt: skip

    def _bytes(self, name: str, file: str) -> None:
        content = self.server.repositories[name][file]
        moods = self.server.moods.get(file) or []
        mood = moods.pop(0) if moods else None
        if isinstance(mood, int):
            return self._error(mood)
        if callable(mood):
            mood()
        wanted = self.headers.get("Range")
        kind, count = (str(mood[0]), mood[1] if len(mood) > 1 else 0) if isinstance(mood, tuple) else ("", 0)
        first = 0
        if wanted and kind != "deaf":
            first = int(wanted.removeprefix("bytes=").split("-")[0])
        body = content[first:]
        if kind == "wrong":
            body = body[:count] + b"?" + body[count + 1 :]
        self.send_response(206 if first else 200)
        if first:
            self.send_header("Content-Range", f"bytes {first}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with suppress(OSError):  # who asked has gone
            if kind in ("cut", "stall"):
                self.wfile.write(body[:count])
                self.wfile.flush()
                if kind == "stall":
                    self._hang()
                self.close_connection = True
                return
            self.wfile.write(body)

    def _hang(self) -> None:
        """Say nothing until whoever asked has gone."""
        self.connection.settimeout(30)
        with suppress(OSError):
            self.connection.recv(1)


@contextmanager
def model_hub() -> Iterator[ModelHub]:
    """The Hub while the block runs."""
    server = ModelHub()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
