"""Serve a model to other programs of this computer: off until it is started here, with its address and its callers.

The model that is served stays served while others are looked at; it ends with the window.
"""

from __future__ import annotations

import secrets

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QCheckBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from studio.core.errors import StudioError
from studio.core.serving import LOOPBACK, PORT, check_address
from studio.gui import theme
from studio.gui.language import mark, tr
from studio.gui.pages.models.panel import Panel
from studio.gui.widgets.notice import Notice
from studio.jobs.service import WorkerService
from studio.storage.library import LibraryModel
from studio.storage.project import Project

_EVERYWHERE = "0.0.0.0"


class ServePanel(Panel):
    """Starts and stops the serving worker, and says what it says."""

    title = mark("Serve")

    def __init__(self, project: Project, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._project = project
        self._model: LibraryModel | None = None
        self._service: WorkerService | None = None
        self.notice = Notice()
        self.about = _text(
            tr(
                "Other programs on this computer can then talk to the model as they would to OpenAI's API: give them "
                "the address as base URL. Off until you start it; it ends with the window."
            )
        )
        self.port = QSpinBox()
        self.port.setRange(0, 65535)
        self.port.setValue(PORT)
        self.port.setSpecialValueText(tr("any that is free"))
        self.port.setAccessibleName(tr("Port"))
        self.port.setFixedWidth(160)
        self.port.lineEdit().setTextMargins(9, 0, 0, 0)  # Qt gives a styled spin box's text no padding
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
        self.state = _text("")
        self.address = QLineEdit(readOnly=True)
        self.address.setAccessibleName(tr("Address, the base URL for other programs"))
        self.copy = QPushButton(tr("Copy address"))
        self.counts = _text("")
        self._lay_out()
        self.others.toggled.connect(self._take_others)
        self.make.clicked.connect(self._make_token)
        self.start.clicked.connect(self._start)
        self.stop.clicked.connect(self.end)
        self.copy.clicked.connect(self._copy)
        self._offer()

    def _lay_out(self) -> None:
        token = QHBoxLayout()
        token.setSpacing(8)
        token.addWidget(self.token, 1)
        token.addWidget(self.make)
        rows = QFormLayout()
        rows.setHorizontalSpacing(24)
        rows.setVerticalSpacing(12)
        rows.addRow(tr("&Port"), self.port)
        rows.addRow("", self.others)
        named = QLabel(tr("&Token"))
        named.setBuddy(self.token)
        rows.addRow(named, token)
        buttons = QHBoxLayout()
        buttons.addWidget(self.start)
        buttons.addWidget(self.stop)
        buttons.addStretch()
        place = QHBoxLayout()
        place.addWidget(self.address, 1)
        place.addWidget(self.copy)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 8, 12, 0)
        layout.setSpacing(12)
        for part in (self.notice, self.about):
            layout.addWidget(part)
        layout.addLayout(rows)
        layout.addLayout(buttons)
        layout.addWidget(self.state)
        layout.addLayout(place)
        layout.addWidget(self.counts)
        layout.addStretch()

    def suits(self, model: LibraryModel) -> bool:
        """Every model that writes."""
        return model.writes and model.folder.is_dir()

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
        base = model.base if model.base is not None else model.folder
        self._service.send(
            {
                "do": "serve",
                "id": 1,
                "base": str(base),
                "adapter": str(model.folder) if model.base is not None else None,
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
        refused = tr(", {failed:,} of them refused", failed=failed) if failed else ""
        now = tr("; {busy} being answered", busy=busy) if busy else ""
        requests = tr("1 request") if done == 1 else tr("{done:,} requests", done=done)
        self.counts.setText(
            tr(
                "{requests}{refused}, {tokens:,} tokens written{now}",
                requests=requests,
                refused=refused,
                tokens=tokens,
                now=now,
            )
        )

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
        for part in (self.port, self.others, self.token, self.make):
            part.setEnabled(not serving)
        there = serving and bool(self.address.text())
        self.state.setVisible(serving)
        for part in (self.address, self.copy, self.counts):
            part.setVisible(there)


def _text(words: str) -> QLabel:
    label = QLabel(words)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    theme.set_role(label, "muted")
    return label
