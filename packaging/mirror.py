"""A mirror of torch's own index on this computer, for trying what a set-up does with a bad one: it has another file of
torch than it should, or none.
"""

from __future__ import annotations

import io
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType


class BadMirror:
    """Serves while it is entered. wheel: the name of the only file that it has, in which there is nothing; empty where
    it has none."""

    def __init__(self, wheel: str = "") -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _answering(wheel))

    @property
    def address(self) -> str:
        """What a person would enter."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/simple"

    def __enter__(self) -> BadMirror:
        threading.Thread(target=self._server.serve_forever, name="mirror", daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()


def _answering(wheel: str) -> type[BaseHTTPRequestHandler]:
    there: dict[str, tuple[str, bytes]] = {}
    if wheel:
        name, version, tags = wheel.removesuffix(".whl").split("-", 2)
        address = f"/{wheel.replace('+', '%2B')}"
        page = f'<!DOCTYPE html><html><body><a href="{address}">{wheel}</a></body></html>'
        there = {
            f"/simple/{name}/": ("text/html", page.encode()),
            address: ("application/octet-stream", _empty_wheel(name, version, tags)),
        }

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.wfile.write(self._head())

        def do_HEAD(self) -> None:
            self._head()

        def _head(self) -> bytes:
            kind, body = there.get(self.path, ("", b""))
            self.send_response(200 if kind else 404)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            return body

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    return Handler


def _empty_wheel(name: str, version: str, tags: str) -> bytes:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as wheel:
        inside = f"{name}-{version}.dist-info"
        wheel.writestr(f"{inside}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        wheel.writestr(f"{inside}/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: {tags}\n")
        wheel.writestr(f"{inside}/RECORD", "")
    return whole.getvalue()
