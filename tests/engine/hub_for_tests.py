"""A Hub of two small datasets on loopback: the requests of the real client, answered as the real Hub answers them."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

COMMIT = "0" * 39 + "1"


def lines(count: int, word: str) -> bytes:
    return b"".join(json.dumps({"instruction": f"{word} {k}", "output": "a"}).encode() + b"\n" for k in range(count))


CONFIGS = b"""---
configs:
- config_name: small
  data_files:
  - split: train
    path: small.jsonl
- config_name: large
  data_files:
  - split: train
    path: large.jsonl
---
"""
REPOSITORIES = {
    "o/plain": {"README.md": b"# plain", "data/train.jsonl": lines(1000, "q"), "data/test.jsonl": lines(3, "t")},
    "o/several": {"README.md": CONFIGS, "small.jsonl": lines(2, "s"), "large.jsonl": lines(5, "l")},
    "o/bare": {"README.md": b"nothing here"},
    "o/endless": {"README.md": b"", "train.jsonl": lines(400_000, "e")},
}


class _Hub(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def _send(self, body: bytes, code: int = 200, **headers: str) -> None:
        self.server.asked.append((self.command, self.path, self.headers.get("Authorization")))  # type: ignore[attr-defined]
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            try:
                self.wfile.write(body)
            except OSError:  # who asked has gone
                self.close_connection = True

    def _json(self, value: object) -> None:
        self._send(json.dumps(value).encode(), Content_Type="application/json")

    def _missing(self, what: str, code: str) -> None:
        self._send(json.dumps({"error": what}).encode(), 404, X_Error_Code=code, X_Error_Message=what)

    def do_GET(self) -> None:
        path = unquote(self.path.split("?")[0]).strip("/").split("/")
        start = 2 if path[0] == "api" else 1
        name, rest = "/".join(path[start : start + 2]), path[start + 2 :]
        files = REPOSITORIES.get(name)
        if files is None:
            return self._missing("Repository not found", "RepoNotFound")
        if rest[:1] == ["tree"]:
            return self._tree(files, "/".join(rest[2:]))
        if rest[:1] == ["resolve"]:
            return self._file(files, "/".join(rest[2:]))
        return self._json(
            {
                "id": name, "_id": "1", "sha": COMMIT, "private": False, "gated": False, "disabled": False, "likes": 0,
                "downloads": 0, "tags": [], "siblings": [{"rfilename": file} for file in files],
                "lastModified": "2026-01-01T00:00:00.000Z", "createdAt": "2026-01-01T00:00:00.000Z",
            }
        )  # fmt: skip

    do_HEAD = do_GET  # noqa: N815

    def _tree(self, files: dict[str, bytes], below: str) -> None:
        prefix, deep, found = f"{below}/" if below else "", "recursive=true" in self.path.lower(), {}
        for file, content in files.items():
            if not file.startswith(prefix):
                continue
            folder, slash, _ = file[len(prefix) :].partition("/")
            if slash:
                found[prefix + folder] = {"type": "directory", "oid": "1" * 40, "size": 0, "path": prefix + folder}
            if deep or not slash:
                oid = hashlib.sha1(content).hexdigest()
                found[file] = {"type": "file", "oid": oid, "size": len(content), "path": file}
        if below and not found:
            return self._missing("Entry not found", "EntryNotFound")
        return self._json(list(found.values()))

    def _file(self, files: dict[str, bytes], file: str) -> None:
        content = files.get(file)
        if content is None:
            return self._missing("Entry not found", "EntryNotFound")
        headers = {"ETag": f'"{hashlib.sha1(content).hexdigest()}"', "X_Repo_Commit": COMMIT, "Accept_Ranges": "bytes"}
        wanted = self.headers.get("Range")
        if wanted and self.command == "GET":
            first, last = wanted.removeprefix("bytes=").split("-")
            start, end = int(first), min(int(last) if last else len(content), len(content) - 1)
            part = f"bytes {start}-{end}/{len(content)}"
            return self._send(content[start : end + 1], 206, Content_Range=part, **headers)
        return self._send(content, **headers)


@contextmanager
def hub() -> Iterator[ThreadingHTTPServer]:
    """The Hub while the block runs; its `asked` lists (method, path, Authorization) of what it was asked."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Hub)
    server.asked = []  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
