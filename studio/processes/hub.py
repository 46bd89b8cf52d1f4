"""The Hub worker asked question by question, for who waits for each answer. What is said is `core.hub`."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Any

from studio.core.errors import StudioError
from studio.core.hub import HubModel, Offer
from studio.processes.service import Service

Progress = Callable[[int, int], None]


class HubClient:
    """Asks a worker that runs. Every call raises StudioError with what the worker says went wrong."""

    def __init__(self, service: Service) -> None:
        self._service, self._replies = service, service.replies()

    def search(self, words: str, limit: int = 30) -> list[HubModel]:
        """Models by words, the most downloaded first."""
        reply = self._ask({"do": "search", "words": words, "limit": limit})
        return [HubModel.from_dict(model) for model in reply["models"]]

    def look(self, name: str, models: Path, *, use_token: bool) -> tuple[HubModel, Offer]:
        """What a model is, and what its download would bring."""
        reply = self._ask({"do": "model", "name": name, "models": str(models), "use_token": use_token})
        return HubModel.from_dict(reply["model"]), Offer.from_dict(reply["offer"])

    def get(
        self, name: str, revision: str, models: Path, progress: Progress, *, use_token: bool, newer: bool = False
    ) -> Path:
        """Download a model or a newer version of one, or go on with that. Its folder."""
        asked = {"name": name, "revision": revision, "models": str(models), "use_token": use_token, "newer": newer}
        return Path(self._ask({"do": "get", **asked}, progress)["folder"])

    def splits(self, name: str, config: str = "") -> tuple[list[str], str, list[tuple[str, int]]]:
        """A dataset's configurations, the one that was looked at, and its splits with their rows, 0 where not known."""
        reply = self._ask({"do": "look", "name": name, "config": config})
        return (
            list(reply["configs"]),
            str(reply["config"]),
            [(str(split), int(rows)) for split, rows in reply["splits"]],
        )

    def fetch(self, name: str, config: str, split: str, folder: Path, progress: Progress) -> Path:
        """A split's rows as a file in `folder`."""
        asked = {"do": "fetch", "name": name, "config": config, "split": split, "folder": str(folder)}
        return Path(self._ask(asked, progress)["file"])

    def _ask(self, request: dict[str, Any], progress: Progress | None = None) -> dict[str, Any]:
        self._service.send({"id": 1, **request})
        for reply in self._replies:
            match reply.get("reply"):
                case "ready":
                    continue
                case "progress":
                    if progress is not None:
                        progress(int(reply["rows"] if "rows" in reply else reply["done"]), int(reply["total"]))
                case "failed":
                    raise StudioError(reply["what"], reply["hint"], reply["details"])
                case _:
                    return reply
        raise self._service.ending() or StudioError("The Hub process ended.", "Try again.")


@contextlib.contextmanager
def hub_client(command: Sequence[str] | None = None) -> Generator[HubClient]:
    """A worker for the block. What was downloaded when it is left early is kept."""
    with tempfile.TemporaryDirectory(prefix="plumbline-", ignore_cleanup_errors=True) as folder:
        service = Service("hub", Path(folder) / "hub.log", command)
        try:
            yield HubClient(service)
        finally:
            service.close()
            service.ending()
