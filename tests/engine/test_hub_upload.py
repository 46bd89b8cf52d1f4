"""A folder uploaded by the real worker through the real client, to a stand-in that speaks as the Hub does."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from studio.core.errors import StudioError
from studio.processes.asking import Asking

TOKEN = "hf_aTokenThatMayWrite"


class Hub(ThreadingHTTPServer):
    """`models`: files by name. `refuse`: a status for the next commit."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.models: dict[str, dict[str, bytes]] = {"me/full": {"config.json": b"{}"}}
        self.blobs: dict[str, bytes] = {}
        self.private: dict[str, Any] = {}
        self.refuse = 0

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Hub  # type: ignore[assignment]

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def _send(self, value: Any, code: int = 200) -> None:
        body = json.dumps(value).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def do_GET(self) -> None:
        name = self.path.removeprefix("/api/models/").split("?")[0]
        name = "/".join(name.split("/")[:2])
        if name not in self.server.models:
            return self._send({"error": "not found"}, 404)
        files = [{"rfilename": file} for file in self.server.models[name]]
        return self._send({"id": name, "_id": "1", "sha": "a" * 40, "siblings": files, "tags": []})

    def do_PUT(self) -> None:
        content = self._body()
        self.server.blobs[hashlib.sha256(content).hexdigest()] = content
        self._send({})

    def do_POST(self) -> None:
        hub, path, body = self.server, self.path.split("?")[0], self._body()
        if path.startswith("/api/") and self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self._send({"error": "no"}, 401)
        if path == "/api/repos/create":
            asked = json.loads(body)
            name = f"{asked.get('organization') or 'me'}/{asked['name']}"
            if name.startswith("others/"):
                return self._send({"error": "You don't have the rights"}, 403)
            if name in hub.models:
                return self._send({"error": "You already created this model repo"}, 409)
            hub.models[name], hub.private[name] = (
                {".gitattributes": b""},
                asked.get("private") or asked.get("visibility") == "private",
            )
            return self._send({"url": f"{hub.address}/{name}", "name": name})
        if path == "/api/validate-yaml":
            return self._send({"errors": [], "warnings": []})
        if path.endswith("/preupload/main"):
            files = json.loads(body)["files"]
            modes = [{"path": f["path"], "uploadMode": "lfs" if f["path"].endswith("safetensors") else "regular",
                      "shouldIgnore": False} for f in files]  # fmt: skip
            return self._send({"files": modes})
        if path.endswith("/info/lfs/objects/batch"):
            objects = [
                {**known, "actions": {"upload": {"href": f"{hub.address}/lfs/{known['oid']}", "header": {}}}}
                for known in json.loads(body)["objects"]
            ]
            return self._send({"transfer": "basic", "objects": objects})
        if path.endswith("/commit/main"):
            if hub.refuse:
                code, hub.refuse = hub.refuse, 0
                return self._send({"error": "trouble"}, code)
            name = "/".join(path.removeprefix("/api/models/").split("/")[:2])
            for line in body.splitlines():
                entry = json.loads(line)
                value = entry["value"]
                if entry["key"] == "file":
                    hub.models[name][value["path"]] = base64.b64decode(value["content"])
                elif entry["key"] == "lfsFile":
                    hub.models[name][value["path"]] = hub.blobs[value["oid"]]
            url = f"{hub.address}/{name}/commit/{'b' * 40}"
            return self._send({"success": True, "commitUrl": url, "commitOid": "b" * 40, "pullRequestUrl": None})
        return self._send({"error": path}, 404)


@pytest.fixture
def hub() -> Iterator[Hub]:
    server = Hub()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.mark.timeout(300)  # a busy machine takes its time to start a worker
def test_a_folder_becomes_a_model_or_nothing_does(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "Größtes Modell"
    (folder / "curves").mkdir(parents=True)
    files = {
        "README.md": b"---\nlicense: mit\n---\n# x",
        "model.safetensors": b"\x08" * 3000,
        "curves/1-1.svg": b"<svg/>",
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)
    token = tmp_path / "token"
    for name, value in (("HF_ENDPOINT", hub.address), ("HF_TOKEN_PATH", str(token)), ("HF_HUB_DOWNLOAD_TIMEOUT", "5")):
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    request = {"do": "upload", "name": "me/new-model", "folder": str(folder), "private": True, "use_token": True}
    with Asking("hub", tmp_path / "hub.log") as worker:
        with pytest.raises(StudioError, match="not signed in"):
            worker.ask(request, "uploaded")
        token.write_text(TOKEN)
        for name, said in (("me/full", "already, with 1 files"), ("others/x", "doesn't let your token write")):
            with pytest.raises(StudioError, match=said):
                worker.ask({**request, "name": name}, "uploaded")
        with pytest.raises(StudioError, match="nothing to upload"):
            worker.ask({**request, "folder": str(tmp_path / "nowhere")}, "uploaded")
        hub.refuse = 403
        with pytest.raises(StudioError, match="write to"):
            worker.ask(request, "uploaded")
        assert hub.models["me/new-model"] == {".gitattributes": b""}
        reply = worker.ask(request, "uploaded")  # what a failed try has left is filled
        assert reply["address"] == f"{hub.address}/me/new-model" and hub.private["me/new-model"]
        assert {name: hub.models["me/new-model"][name] for name in files} == files
        with pytest.raises(StudioError, match="already, with 3 files"):
            worker.ask(request, "uploaded")
    assert TOKEN not in (tmp_path / "hub.log").read_text(errors="replace")
