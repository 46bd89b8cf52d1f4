"""The Hub worker as signals: one question at a time, started when the first is asked, so nothing touches the network
before somebody wants that. What is said is `core.hub`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal, Slot

from studio.core.errors import StudioError
from studio.core.hub import HubModel, Offer
from studio.jobs.service import WorkerService
from studio.storage.hub_places import endpoint


class Hub(QObject):
    """Asks the Hub. A new question takes the place of one that isn't answered yet.

    models_found(list of HubModel). model_seen(HubModel, Offer). progressed(done, total, speed, file): bytes.
    downloaded(Path). stopped(done). account_told(signed_in, name). busy_changed(bool).
    failed(StudioError, what was asked: “search”, “model”, “get”, “account”, “sign in”, “sign out”).
    """

    models_found = Signal(list)
    model_seen = Signal(object, object)
    progressed = Signal(object, object, object, str)
    downloaded = Signal(object)
    stopped = Signal(object)
    account_told = Signal(bool, str)
    failed = Signal(object, str)
    busy_changed = Signal(bool)

    def __init__(self, log: Path, parent: QObject | None = None, command: Sequence[str] | None = None) -> None:
        super().__init__(parent)
        self._log, self._command = log, command
        self._service: WorkerService | None = None
        self._endpoint = ""
        self._number, self._asked = 0, ""
        self.busy = False

    def search(self, words: str) -> None:
        """Find models; `models_found` follows."""
        self._ask({"do": "search", "words": words, "limit": 30})

    def look(self, name: str, models: Path, *, use_token: bool) -> None:
        """See what a model is and what its download would bring; `model_seen` follows."""
        self._ask({"do": "model", "name": name, "models": str(models), "use_token": use_token})

    def get(self, name: str, revision: str, models: Path, *, use_token: bool, newer: bool = False) -> None:
        """Download a model, or a newer version of one; `downloaded` or `stopped` follows."""
        asked = {"name": name, "revision": revision, "models": str(models), "use_token": use_token, "newer": newer}
        self._ask({"do": "get", **asked})

    def stop(self) -> None:
        """End what is under way; a download keeps what it has."""
        if self._service is not None and self.busy:
            self._service.send({"do": "stop"})

    def ask_account(self) -> None:
        """Whether a token is kept here; `account_told` follows. Nothing is sent."""
        self._ask({"do": "account"})

    def sign_in(self, token: str) -> None:
        """Check and keep a token."""
        self._ask({"do": "sign in", "token": token})

    def sign_out(self) -> None:
        """Forget the token."""
        self._ask({"do": "sign out"})

    def close(self) -> None:
        """End the worker and wait for its thread."""
        service, self._service = self._service, None
        if service is not None:
            service.close()
            service.wait()
            service.deleteLater()
        self._set_busy(False)

    def _ask(self, request: dict[str, Any]) -> None:
        if self._service is not None and self._endpoint != endpoint():
            self.close()  # the settings name another mirror
        try:
            if self._service is None:
                self._endpoint = endpoint()
                service = WorkerService("hub", self._log, self, self._command)
                service.reply_arrived.connect(self._take)
                service.ended.connect(self._take_end)
                service.start()
                self._service = service
        except StudioError as error:
            self.failed.emit(error, str(request["do"]))
            return
        self.stop()
        self._number += 1
        self._asked = str(request["do"])
        self._set_busy(True)
        self._service.send({"id": self._number, **request})

    @Slot(dict)
    def _take(self, reply: dict[str, Any]) -> None:
        if reply.get("id") != self._number or self.sender() is not self._service:
            return
        if reply["reply"] == "progress":
            self.progressed.emit(reply["done"], reply["total"], reply["speed"], reply["file"])
            return
        self._set_busy(False)
        match reply["reply"]:
            case "models":
                self.models_found.emit([HubModel.from_dict(model) for model in reply["models"]])
            case "model":
                self.model_seen.emit(HubModel.from_dict(reply["model"]), Offer.from_dict(reply["offer"]))
            case "got":
                self.downloaded.emit(Path(reply["folder"]))
            case "stopped":
                self.stopped.emit(reply["done"])
            case "account":
                self.account_told.emit(reply["signed_in"], reply["name"])
            case "failed":
                error = StudioError(reply["what"], reply["hint"], reply["details"])
                self.failed.emit(error, self._asked)
            case _:
                pass

    @Slot(object)
    def _take_end(self, error: StudioError | None) -> None:
        if self.sender() is not self._service:
            return
        self._service = None
        self._set_busy(False)
        if error is not None:
            self.failed.emit(error, self._asked)

    def _set_busy(self, busy: bool) -> None:
        if busy != self.busy:
            self.busy = busy
            self.busy_changed.emit(busy)
