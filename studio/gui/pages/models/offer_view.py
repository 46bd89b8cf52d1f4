"""The model that is chosen to be got: what it is and needs, what its download brings, and the download itself.

Looking at it and downloading it are two buttons, and each says to which host it goes.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QPlainTextEdit,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from studio.core.errors import StudioError
from studio.core.forecast import Device
from studio.core.hub import HubModel, Offer, host_of
from studio.gui import theme
from studio.gui.language import tr, translated, trn
from studio.gui.pages.models.candidates import Candidate, with_needs
from studio.gui.widgets.ask import question
from studio.gui.widgets.elided_label import ElidedLabel
from studio.gui.widgets.plain_label import plain_label
from studio.gui.widgets.visible_text import unsteered
from studio.jobs.background import BackgroundTask
from studio.jobs.hub import Hub
from studio.storage.disk import runs_on
from studio.storage.files import free_bytes, in_bytes
from studio.storage.hub_places import endpoint, models_home, place_of, read_download
from studio.storage.project import Project

_PARTS = 1000


class OfferView(QWidget):
    """Signals: `learned(object Candidate)`: more is known of what is shown; `downloaded(object Path)`."""

    learned = Signal(object)
    downloaded = Signal(object)

    def __init__(self, project: Project, asking: Hub, fetching: Hub, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._project, self._asking, self._fetching = project, asking, fetching
        self._candidate: Candidate | None = None
        self._offer: Offer | None = None
        self._device: Device | None = None
        self._downloading = ""
        self._signed_in = False
        self.title = ElidedLabel()
        theme.set_role(self.title, "heading")
        self.about, self.said = plain_label(), plain_label()
        self.facts, self.memory, self.place = (plain_label("", "muted") for _ in range(3))
        self.use_token = QCheckBox()
        self.look = QPushButton()
        self.look.clicked.connect(self._look)
        self.go = QPushButton()
        theme.set_role(self.go, "primary")
        self.go.clicked.connect(self._get)
        self.cancel = QPushButton(tr("Cancel"))
        self.cancel.clicked.connect(self._cancel)
        self.bar = QProgressBar()
        self.bar.setAccessibleName(tr("Progress of the download"))
        self.pace = plain_label("", "muted")
        self.readme = QPlainTextEdit(readOnly=True)
        self.readme.setAccessibleName(tr("What its author says"))
        self.readme.setTabChangesFocus(True)
        self.readme.setMinimumHeight(120)
        theme.set_role(self.readme, "mono")
        self._lay_out()
        asking.model_seen.connect(self._take_offer)
        asking.failed.connect(self._take_failure)
        asking.busy_changed.connect(self._tell)
        fetching.progressed.connect(self._show_progress)
        fetching.downloaded.connect(self._take_download)
        fetching.stopped.connect(self._take_stop)
        fetching.failed.connect(self._take_failed_download)
        self._tell()

    def _lay_out(self) -> None:
        buttons = QHBoxLayout()
        for button in (self.look, self.go, self.cancel):
            buttons.addWidget(button)
        buttons.addWidget(self.use_token)
        buttons.addStretch()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 8, 0, 0)
        layout.setSpacing(8)
        for part in (self.title, self.about, self.facts, self.memory, self.place):
            layout.addWidget(part)
        layout.addLayout(buttons)
        for part in (self.bar, self.pace, self.said):
            layout.addWidget(part)
        layout.addWidget(self.readme, 1)
        layout.addStretch()

    def show_candidate(self, candidate: Candidate | None, device: Device | None) -> None:
        """Be about another model, or about none."""
        self._device = device
        if candidate is None or self._candidate is None or candidate.name != self._candidate.name:
            self._offer = None
            self._say("")
        self._candidate = candidate
        self._tell()

    def show_account(self, signed_in: bool) -> None:
        """Whether there is a token that could be sent."""
        self._signed_in = signed_in
        self.use_token.setVisible(signed_in and self._candidate is not None)
        self.use_token.setChecked(self.use_token.isChecked() and signed_in)

    @Slot()
    def _look(self) -> None:
        if self._candidate is not None:
            self._say("")
            self._asking.look(self._candidate.name, models_home(), use_token=self.use_token.isChecked())

    @Slot()
    def _get(self) -> None:
        """Download it; where an earlier version is here, ask first, and say which runs that is about."""
        if self._offer is None or self._downloading:
            return
        if not self._offer.newer:
            self._download()
            return
        project, folder = self._project, Path(self._offer.there)

        def look(_task: BackgroundTask) -> list[str]:
            return runs_on(project, folder)

        BackgroundTask.begin(self, look, self._ask_newer, self._take_trouble)

    @Slot(object)
    def _ask_newer(self, runs: list[str]) -> None:
        if self._candidate is None or self._offer is None or not self._offer.newer:
            return
        text = tr("The version that is here goes to the trash, under Disk, from where it can be put back.")
        if runs:
            named = ", ".join(f"“{name}”" for name in runs[:3]) + (", …" if len(runs) > 3 else "")
            text += " " + trn(
                "A run of this project began with it: {named}. What it made belongs to the version that is here.",
                "{count} runs of this project began with it: {named}. What they made belongs to the version that is "
                "here.",
                len(runs),
                named=named,
            )
        title = tr("Take the newer version of “{name}”?", name=self._candidate.title)
        box = question(self, title, text, tr("Download it"))
        box.accepted.connect(self._download)
        box.open()

    @Slot()
    def _download(self) -> None:
        if self._candidate is None or self._offer is None or self._downloading:
            return
        self._say("")
        self._downloading = self._candidate.name
        self.bar.setRange(0, 0)
        self.pace.setText(tr("Starting…"))
        name, revision = self._candidate.name, self._offer.revision
        asked = {"use_token": self.use_token.isChecked(), "newer": self._offer.newer}
        self._fetching.get(name, revision, models_home(), **asked)
        self._tell()

    @Slot()
    def _cancel(self) -> None:
        self.pace.setText(tr("Stopping…"))
        self._fetching.stop()

    @Slot(object, object)
    def _take_offer(self, model: HubModel, offer: Offer) -> None:
        if self._candidate is None or model.name.lower() != self._candidate.name.lower():
            return
        self._offer = offer
        known = replace(
            self._candidate,
            name=model.name,
            parameters=self._candidate.parameters or model.parameters,
            licence=model.licence or self._candidate.licence,
            gated=model.gated,
            config=offer.config or self._candidate.config,
        )
        self._candidate = with_needs(known, self._device)
        self.learned.emit(self._candidate)
        if offer.newer:
            self._say(tr("{host} has a newer version than the one that is here.", host=host_of(endpoint())), "warning")
        elif offer.there:
            self._say(tr("The version that is here is the newest one."))
        if offer.trouble:
            self._say(translated(offer.trouble), "warning" if offer.usable else "error")
        self._tell()

    @Slot(object, str)
    def _take_failure(self, error: StudioError, asked: str) -> None:
        if asked == "model":
            self._say(translated(error.sentence), "error")

    @Slot(object, object, object, str)
    def _show_progress(self, done: int, total: int, speed: int, file: str) -> None:
        self.bar.setRange(0, _PARTS)
        self.bar.setValue(done * _PARTS // max(total, 1))
        facts = [tr("{done} of {total}", done=in_bytes(done), total=in_bytes(total))]
        if speed:
            facts.append(f"{in_bytes(speed)}/s")
        if speed and done < total:
            facts.append(tr("{in_time} left", in_time=_in_time((total - done) / speed)))
        elif done < total:
            facts.append(tr("waiting for the server"))
        self.pace.setText(
            tr("{downloading}: {facts} ({file})", downloading=self._downloading, facts=tr(", ").join(facts), file=file)
        )

    @Slot(object)
    def _take_download(self, folder: Path) -> None:
        name, self._downloading = self._downloading, ""
        self._say(tr("“{name}” is downloaded, and its checksums are right.", name=name), "muted")
        self._know(name, there=str(folder), newer=False)
        self._tell()
        self.downloaded.emit(folder)

    @Slot(object)
    def _take_stop(self, done: int) -> None:
        self._know(self._downloading, have=done)
        self._downloading = ""
        self._say(tr("Stopped. {done} are kept, and the download goes on from there.", done=in_bytes(done)), "muted")
        self._tell()

    def _know(self, name: str, **news: Any) -> None:
        """What happened to a download, when it is of the model that is shown."""
        if self._offer is not None and self._candidate is not None and self._candidate.name == name:
            self._offer = replace(self._offer, **news)

    @Slot(object)
    def _take_trouble(self, error: StudioError) -> None:
        self._say(translated(error.sentence), "error")

    @Slot(object, str)
    def _take_failed_download(self, error: StudioError, _asked: str) -> None:
        self._downloading = ""
        self._say(translated(error.sentence), "error")
        self._tell()

    @Slot()
    def _tell(self) -> None:
        """Bring all that is shown up to date."""
        candidate, offer, host = self._candidate, self._offer, host_of(endpoint())
        busy = bool(self._downloading)
        self.title.setVisible(candidate is not None)
        self.look.setText(tr("Look at it on {host}", host=host))
        self.look.setVisible(candidate is not None)
        self.look.setEnabled(not self._asking.busy)
        self.look.setToolTip(tr("Asking the Hub…") if self._asking.busy else "")
        self.use_token.setText(tr("Send my token to {host}", host=host))
        theme.set_role(self.look, "primary" if offer is None else "")
        self.go.setVisible(offer is not None and offer.usable and (offer.newer or not offer.there))
        self.go.setEnabled(not busy)
        self.go.setToolTip(tr("One download at a time: “{name}” is under way", name=self._downloading) if busy else "")
        self.cancel.setVisible(busy)
        self.bar.setVisible(busy)
        self.pace.setVisible(busy)
        self.readme.setVisible(offer is not None and bool(offer.readme))
        if candidate is None:
            for label in (self.about, self.facts, self.memory, self.place):
                label.clear()
            self.use_token.hide()
            return
        self.use_token.setVisible(self._signed_in)
        self.title.show_text(translated(candidate.title))
        self.about.setText(translated(candidate.about))
        self.about.setVisible(bool(candidate.about))
        self.facts.setText(f"{candidate.name}: {translated(candidate.facts)}" if candidate.facts else candidate.name)
        self.memory.setText(_memory(candidate))
        self.memory.setVisible(candidate.needs is not None)
        home = models_home()
        there = str(place_of(home, candidate.name)) if read_download(place_of(home, candidate.name)) else ""
        free = free_bytes(home)
        if there:
            self.place.setText(tr("It is here already: {there}", there=there))
        elif free is None:
            self.place.setText(tr("It goes to {home}, for all projects; see Settings.", home=home))
        else:
            self.place.setText(
                tr("It goes to {home} ({free} free), for all projects; see Settings.", home=home, free=in_bytes(free))
            )
        if offer is not None:
            missing = in_bytes(offer.size - offer.have)
            if offer.newer:
                self.go.setText(tr("Download the newer version ({missing})…", missing=missing))
            elif offer.have:
                self.go.setText(tr("Go on with the download ({missing})", missing=missing))
            else:
                self.go.setText(tr("Download {missing}", missing=missing))
            self.readme.setPlainText(unsteered(offer.readme))

    def _say(self, words: str, role: str = "muted") -> None:
        theme.set_role(self.said, role)
        self.said.setText(words)
        self.said.setVisible(bool(words))


def _memory(candidate: Candidate) -> str:
    needs = candidate.needs
    if needs is None:
        return ""
    return tr(
        "Memory: {chat} to talk to it, from {lora} to train an adapter (LoRA), from {qlora} over 4 bits (QLoRA); "
        "{free} can be used now ({where}).",
        chat=in_bytes(needs.chat),
        lora=in_bytes(needs.lora),
        qlora=in_bytes(needs.qlora),
        free=in_bytes(needs.free),
        where=translated(needs.where),
    )


def _in_time(seconds: float) -> str:
    """A rest of time in few words."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return tr("{round} min", round=round(seconds / 60)) if seconds < 5400 else f"{seconds / 3600:.1f} h"
