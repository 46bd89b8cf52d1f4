"""The serving worker: loads a model, opens the door, and tells the window how many came through it."""

from __future__ import annotations

import threading
from dataclasses import asdict
from pathlib import Path
from typing import Any

from studio.core.errors import StudioError
from studio.core.serving import check_address
from studio.engine.pipe import Pipe, Request


def serve() -> int:
    """Work until standard input closes."""
    pipe = Pipe()
    return pipe.serve(Desk(pipe).handle)


class Desk:
    """Opens one door; another request shuts it and opens the next."""

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe
        self._door: Any = None

    def handle(self, request: Request) -> None:
        """Do what a request asks. Raises StudioError."""
        match request.values:
            case {"do": "serve", "id": wanted, "base": str(base), "host": str(host), "port": int(port)}:
                self._open(wanted, Path(base), host, port, request.values)
            case _:
                raise StudioError(f"The serving process doesn't know the request {request.values.get('do')!r}.")

    def _open(self, wanted: Any, base: Path, host: str, port: int, values: dict[str, Any]) -> None:
        from studio.engine.serving.answers import Model
        from studio.engine.serving.http import Counts, Door

        token, adapter = str(values.get("token") or ""), values.get("adapter")
        check_address(host, port, token)
        if self._door is not None:
            self._door.shutdown()
            self._door.server_close()
            self._door = None

        def tell(what: str) -> None:
            self._pipe.reply("progress", id=wanted, done=0, total=0, what=what)

        def count(counts: Counts) -> None:
            self._pipe.reply("served", **asdict(counts))

        model = Model(base, Path(adapter) if adapter else None, str(values.get("template") or "model"), tell)
        try:
            self._door = door = Door(host, port, token, model, count)
        except (OSError, OverflowError) as error:
            raise StudioError(
                f"Nothing can listen at {host}, port {port}: another program has it, or only an administrator may.",
                "Choose another port, or 0 for any that is free.",
                str(error),
            ) from error
        threading.Thread(target=door.serve_forever, name="door", daemon=True).start()
        place = f"[{host}]" if ":" in host else host
        self._pipe.reply("serving", id=wanted, address=f"http://{place}:{door.server_port}/v1", model=model.name)
