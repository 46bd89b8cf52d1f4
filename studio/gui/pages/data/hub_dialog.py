"""A dataset of the Hugging Face Hub by its name: looked up when asked to, then fetched as a file to be imported.

Nothing touches the network before a button that says so is pressed. The worker's side is `engine.hub`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import QEvent, Qt, QTemporaryDir, Signal, Slot
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from studio.core.errors import StudioError
from studio.core.hub import dataset_name, host_of
from studio.gui import theme
from studio.gui.language import tr, translated
from studio.jobs.service import WorkerService
from studio.storage.hub_places import endpoint
from studio.storage.project import Project

_PARTS = 1000


class HubDialog(QDialog):
    """Signal: `fetched(object Path, str name)`: the rows are in a file, which is gone when the dialog's owner is."""

    fetched = Signal(object, str)

    def __init__(self, project: Project, parent: QWidget | None = None, command: list[str] | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("From the Hugging Face Hub"))
        self._project, self._command = project, command
        self._folder = QTemporaryDir()
        self._service: WorkerService | None = None
        self._number = 0
        self._looked_up = ""
        self.about = QLabel(
            tr(
                "“Look up” and “Download” go to {host_of} over the network. The dataset's name is all that is sent; "
                "no program of the dataset is run.",
                host_of=host_of(endpoint()),
            )
        )
        self.said = QLabel()
        for label in (self.about, self.said):
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setWordWrap(True)
        self.name = QLineEdit()
        self.name.setPlaceholderText(tr("owner/name, or the address of its page"))
        self.name.setAccessibleName(tr("Dataset"))
        self.name.textEdited.connect(self._forget)
        self.look = QPushButton(tr("Look up"))
        self.look.clicked.connect(self._look)
        self.config, self.split = QComboBox(), QComboBox()
        self.config.setAccessibleName(tr("Configuration"))
        self.split.setAccessibleName(tr("Split"))
        self.config.activated.connect(self._look)
        line = QHBoxLayout()
        line.addWidget(self.name, 1)
        line.addWidget(self.look)
        self.rows = QFormLayout()
        self.rows.addRow(tr("Dataset"), line)
        self.rows.addRow(tr("Configuration"), self.config)
        self.rows.addRow(tr("Split"), self.split)
        self.bar = QProgressBar()
        self.bar.setAccessibleName(tr("Progress of the download"))
        self.cancel = QPushButton(tr("Cancel"))
        self.cancel.clicked.connect(self.reject)
        self.go = QPushButton(tr("Download"))
        self.go.clicked.connect(self._fetch)
        theme.set_role(self.go, "primary")
        self.look.setDefault(True)
        buttons = QHBoxLayout()
        buttons.addStretch()
        buttons.addWidget(self.cancel)
        buttons.addWidget(self.go)
        layout = QVBoxLayout(self)
        layout.setSpacing(12)
        for part in (self.about, self.rows, self.said, self.bar, buttons):
            if isinstance(part, QWidget):
                layout.addWidget(part)
            else:
                layout.addLayout(part)
        self.bar.hide()
        self.resize(560, 0)
        self._forget()

    def event(self, event: QEvent) -> bool:
        """Qt: as tall as its sentences need; Qt's own height for a dialog is that of labels of one line."""
        taken = super().event(event)
        if event.type() in (QEvent.Type.LayoutRequest, QEvent.Type.Show):
            layout = self.layout()
            needed = layout.totalHeightForWidth(self.width()) if layout is not None else 0
            if self.height() < needed:
                self.resize(self.width(), needed)
        return taken

    def close_down(self) -> None:
        """End the worker and wait for its thread."""
        service, self._service = self._service, None
        if service is not None:
            service.close()
            service.wait()
            service.deleteLater()

    def done(self, result: int) -> None:
        """However it is left, nothing is fetched any more."""
        self.close_down()
        self.bar.hide()
        self._set_busy(False)
        super().done(result)

    @Slot()
    def _forget(self) -> None:
        """Another name was typed: what is known is of the old one."""
        self._looked_up = ""
        self.said.hide()
        self.config.clear()
        for box in (self.config, self.split):
            self.rows.setRowVisible(box, False)
        self.go.setEnabled(False)

    @Slot()
    def _look(self) -> None:
        self._ask({"do": "look", "config": self.config.currentText()}, tr("Asking the Hub…"))

    @Slot()
    def _fetch(self) -> None:
        request = {
            "do": "fetch",
            "config": self.config.currentText(),
            "split": self.split.currentData(),
            "folder": self._folder.path(),
        }
        self._ask(request, tr("Downloading…"))

    def _ask(self, request: dict[str, Any], doing: str) -> None:
        try:
            name = dataset_name(self.name.text())
            if self._service is None:
                service = WorkerService("hub", self._project.logs / "hub.log", self, self._command)
                service.reply_arrived.connect(self._take)
                service.ended.connect(self._ended)
                service.start()
                self._service = service
        except StudioError as error:
            self._say(translated(error.sentence), "error")
            return
        self._number += 1
        self._looked_up = name
        self._say(doing, "muted")
        self._set_busy(True)
        self.bar.setRange(0, 0)
        self.bar.show()
        self._service.send({**request, "id": self._number, "name": name})

    @Slot(dict)
    def _take(self, reply: dict[str, Any]) -> None:
        if reply.get("id") != self._number or self.sender() is not self._service:
            return
        match reply["reply"]:
            case "found":
                self._show_found(reply)
            case "progress":
                rows, total = int(reply["rows"]), int(reply["total"])
                self.bar.setRange(0, _PARTS if total else 0)
                self.bar.setValue(rows * _PARTS // total if total else 0)
                said = (
                    tr("{rows:,} rows of {total:,} downloaded…", rows=rows, total=total)
                    if total
                    else tr("{rows:,} rows downloaded…", rows=rows)
                )
                self._say(said, "muted")
                return
            case "fetched":
                self.fetched.emit(Path(reply["file"]), self._looked_up.split("/")[-1])
                self.accept()
            case "failed":
                self._say(translated(f"{reply['what']} {reply['hint']}".strip()), "error")
            case _:
                return
        self.bar.hide()
        self._set_busy(False)

    def _show_found(self, reply: dict[str, Any]) -> None:
        self.config.clear()
        self.config.addItems(reply["configs"])
        self.config.setCurrentText(reply["config"])
        self.split.clear()
        for split, rows in reply["splits"]:
            self.split.addItem(tr("{split} ({rows:,} rows)", split=split, rows=rows) if rows else split, split)
        self.rows.setRowVisible(self.config, self.config.count() > 1)
        self.rows.setRowVisible(self.split, True)
        self.said.hide()

    @Slot(object)
    def _ended(self, error: StudioError | None) -> None:
        if self.sender() is not self._service:
            return  # of one that was closed
        self._service = None
        if error is not None and self.isVisible():
            self._say(translated(error.sentence), "error")
            self.bar.hide()
            self._set_busy(False)

    def _set_busy(self, busy: bool) -> None:
        for part in (self.name, self.look, self.config, self.split):
            part.setEnabled(not busy)
        self.go.setEnabled(not busy and self.split.count() > 0)

    def _say(self, words: str, role: str) -> None:
        theme.set_role(self.said, role)
        self.said.setText(words)
        self.said.show()
