"""The chat worker as a benchmark asks it: requests out, replies in, each with the time at which it came."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from studio.core.conversation import Voice
from studio.processes.launch import start_worker, worker_command


class Talk:
    """A worker with voices loaded. Use as a context: it ends with it."""

    def __init__(self, voices: dict[str, Voice]) -> None:
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - the worker writes it as long as it lives
        self._process: subprocess.Popen[bytes] = start_worker(worker_command("chat"), log=self._log, talks=True)
        self.send(do="load", voices={name: voice.as_dict() for name, voice in voices.items()})
        self.loaded = self.until("loaded")

    def __enter__(self) -> Talk:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10)
        self._log.close()

    def send(self, **values: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(values).encode() + b"\n")
        self._process.stdin.flush()

    def until(self, kind: str) -> dict[str, Any]:
        """The next reply of a kind; a failure ends the benchmark."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            reply = json.loads(line)
            if reply["reply"] == "failed":
                sys.exit(f"failed: {reply}")
            if reply["reply"] == kind:
                return reply
        sys.exit(f"the worker ended: {Path(self._log.name)}")

    def ask(self, panes: dict[str, list[dict[str, str]]], **sampling: Any) -> tuple[dict[str, Any], list[float]]:
        """Have panes, which are called as their voices, answer. Returns the replies that ended them with their texts,
        and the seconds from the question to the first text, to the last, and to the last end."""
        asked = {pane: {"voice": pane, "messages": said, "sampling": sampling} for pane, said in panes.items()}
        began = time.perf_counter()
        self.send(do="answer", id=1, panes=asked)
        first = last = 0.0
        ended: dict[str, Any] = {}
        texts = dict.fromkeys(panes, "")
        assert self._process.stdout is not None
        while len(ended) < len(panes):
            reply = json.loads(self._process.stdout.readline())
            now = time.perf_counter() - began
            if reply["reply"] == "text":
                first, last = first or (now if reply["text"].strip() else 0.0), now
                texts[reply["pane"]] += reply["text"]
            elif reply["reply"] == "done":
                ended[reply["pane"]] = {**reply, "text": texts[reply["pane"]]}
            elif reply["reply"] == "failed":
                sys.exit(f"failed: {reply}")
        return ended, [first, last, time.perf_counter() - began]
