"""Serve a model to other programs of this computer: off until it is started here, with its address and its callers.

The model that is served stays served while others are looked at; it ends with the window.
"""

from __future__ import annotations

import secrets

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QCheckBox, QLineEdit, QPushButton, QWidget

from studio.core.errors import StudioError
from studio.core.serving import LOOPBACK, PORT, check_address
from studio.gui import theme
from studio.gui.language import mark, tr
from studio.gui.pages.models.panel import Panel, form_rows, row_of
from studio.gui.widgets.number_box import NumberBox
from studio.gui.widgets.plain_label import plain_label
from studio.jobs.service import WorkerService
from studio.storage.library import LibraryModel
from studio.storage.project import Project

_EVERYWHERE = "0.0.0.0"


class ServePanel(Panel):
    """Starts and stops the serving worker, and says what it says."""

    title = mark("Serve")

    def __init__(self, project: Project, parent: QWidget | None = None) -> None:
        super().__init__(project, parent)
        self._service: WorkerService | None = None
        self.about = plain_label(
            tr(
                "Other programs on this computer can then talk to the model as they would to OpenAI's API: give them "
                "the address as base URL. Off until you start it; it ends with the window."
            ),
            "muted",
        )
        self.port = NumberBox()
        self.port.setRange(0, 65535)
        self.port.setValue(PORT)
        self.port.setSpecialValueText(tr("any that is free"))
        self.port.setAccessibleName(tr("Port"))
        self.port.setFixedWidth(160)
        self.port.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.others = QCheckBox(tr("Other computers of the network may use it, too"))
        self.token = QLineEdit()
        self.token.setAccessibleName(tr("Token that callers must show"))
        self.token.setPlaceholderText(tr("none"))
        self.make = QPushButton(tr("Make one"))
        self.make.setAccessibleName(tr("Make a token"))
        self.start = QPushButton(tr("Start serving"))
        theme.set_role(self.start, "primary")
        self.stop = QPushButton(tr("Stop serving"))
        theme.set_role(self.stop, "danger")
        self.state = plain_label("", "muted")
        self.address = QLineEdit(readOnly=True)
        self.address.setAccessibleName(tr("Address, the base URL for other programs"))
        self.copy = QPushButton(tr("Copy address"))
        self.counts = plain_label("", "muted")
        self._lay_out()
        self.others.toggled.connect(self._take_others)
        self.make.clicked.connect(self._make_token)
        self.start.clicked.connect(self._start)
        self.stop.clicked.connect(self.end)
        self.copy.clicked.connect(self._copy)
        self._offer()

    def _lay_out(self) -> None:
        token = row_of(self.token, self.make, stretched=0)
        self.place(
            self.about,
            form_rows((tr("&Port"), self.port), ("", self.others), (tr("&Token"), token)),
            row_of(self.start, self.stop),
            self.state,
            row_of(self.address, self.copy, stretched=0),
            self.counts,
        )
        self.column.addStretch()

    def show_model(self, model: LibraryModel) -> None:
        """The model that would be served next."""
        self._model = model
        self._offer()

    def close_down(self) -> None:
        """End serving."""
        service = self._service
        if service is not None:
            self.end()
            service.wait()

    @Slot()
    def end(self) -> None:
        """Stop serving; answers that are being written end."""
        if self._service is not None:
            self.state.setText(tr("Stopping…"))
            self.stop.setEnabled(False)
            self.stop.setToolTip(tr("Stopping…"))
            self._service.close()

    @Slot()
    def _start(self) -> None:
        model = self._model
        if model is None or self._service is not None:
            return
        host = _EVERYWHERE if self.others.isChecked() else LOOPBACK
        token = self.token.text().strip()
        self.notice.clear()
        try:
            check_address(host, self.port.value(), token)
            self._service = WorkerService("serve", self._project.logs / "serve.log", self)
        except StudioError as error:
            self.notice.show_error(error)
            return
        self._service.reply_arrived.connect(self._take)
        self._service.ended.connect(self._ended)
        self._service.finished.connect(self._service.deleteLater)
        self._service.start()
        base, adapter = model.parts
        self._service.send(
            {
                "do": "serve",
                "id": 1,
                "base": str(base),
                "adapter": str(adapter) if adapter is not None else None,
                "template": "model",
                "host": host,
                "port": self.port.value(),
                "token": token,
            }
        )
        self.state.setText(tr("Loading {name}…", name=model.name))
        self._offer()

    @Slot(dict)
    def _take(self, reply: dict[str, object]) -> None:
        match reply:
            case {"reply": "serving", "address": address, "model": name}:
                self.state.setText(tr("Serving {name}", name=name))
                self.address.setText(str(address))
                self._count(0, 0, 0, 0)
                self._offer()
            case {
                "reply": "served",
                "requests": int(done),
                "failed": int(failed),
                "tokens": int(tokens),
                "busy": int(busy),
            }:
                self._count(done, failed, tokens, busy)
            case {"reply": "failed"}:
                words = (str(reply.get(name, "")) for name in ("what", "hint", "details"))
                self.notice.show_error(StudioError(*words))
                self.end()
            case _:
                pass

    def _count(self, done: int, failed: int, tokens: int, busy: int) -> None:
        facts = [tr("1 request") if done == 1 else tr("{done:,} requests", done=done)]
        if failed:
            facts.append(tr("{failed:,} of them refused", failed=failed))
        facts.append(tr("{tokens:,} tokens written", tokens=tokens))
        if busy:
            facts.append(tr("{busy} being answered", busy=busy))
        self.counts.setText(tr(", ").join(facts))

    @Slot(object)
    def _ended(self, error: object) -> None:
        self._service = None
        self.state.setText("")
        self.address.clear()
        if isinstance(error, StudioError):
            self.notice.show_error(error)
        self._offer()

    @Slot(bool)
    def _take_others(self, on: bool) -> None:
        if on and not self.token.text().strip():
            self._make_token()

    @Slot()
    def _make_token(self) -> None:
        self.token.setText(secrets.token_urlsafe(24))

    @Slot()
    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.address.text())

    def _offer(self) -> None:
        serving = self._service is not None
        self.start.setVisible(not serving)
        self.stop.setVisible(serving)
        self.stop.setEnabled(serving)
        self.stop.setToolTip("")
        for part in (self.port, self.others, self.token, self.make):
            part.setEnabled(not serving)
            part.setToolTip(tr("Stop serving to change this.") if serving else "")
        there = serving and bool(self.address.text())
        self.state.setVisible(serving)
        for part in (self.address, self.copy, self.counts):
            part.setVisible(there)
