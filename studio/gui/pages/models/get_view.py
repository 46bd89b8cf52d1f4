"""Get a model: from the catalogue, from a search of the Hugging Face Hub, or one that is on this computer already.

The catalogue is there without a network. Nothing goes over it before a button that names the host is pressed.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QModelIndex, Qt, Signal, Slot
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QPushButton,
    QSplitter,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from studio.core.errors import StudioError
from studio.core.forecast import Device
from studio.core.hub import HubModel, host_of, model_id
from studio.gui.language import tr
from studio.gui.pages.models.account_dialog import AccountDialog
from studio.gui.pages.models.candidates import CANDIDATE, Candidate, CandidateTable, of_catalogue, of_hub, with_needs
from studio.gui.pages.models.local_models import LocalModels
from studio.gui.pages.models.offer_view import OfferView
from studio.gui.widgets.notice import Notice
from studio.gui.widgets.plain_label import plain_label
from studio.jobs.background import BackgroundTask, end_tasks
from studio.jobs.hub import Hub
from studio.storage.catalogue import read_catalogue
from studio.storage.hub_places import endpoint, has_token
from studio.storage.machine import read_device
from studio.storage.project import Project


class GetView(QWidget):
    """`command` replaces the Hub worker's, for tests. Signal: `added(object Path)`: a model joined the project."""

    added = Signal(object)

    def __init__(self, project: Project, parent: QWidget | None = None, command: Sequence[str] | None = None) -> None:
        super().__init__(parent)
        self._project = project
        self._device: Device | None = None
        self._catalogue: list[Candidate] = []
        self.asking = Hub(project.logs / "hub.log", self, command)
        self.fetching = Hub(project.logs / "download.log", self, command)
        self.notice = Notice()
        self.words = QLineEdit()
        self.words.setPlaceholderText(tr("Words, or a model's name or address"))
        self.words.setAccessibleName(tr("Search the Hub"))
        self.words.setClearButtonEnabled(True)
        self.words.textChanged.connect(self._tell)
        self.words.returnPressed.connect(self._search)
        self.search = QPushButton()
        self.search.clicked.connect(self._search)
        self.back = QPushButton(tr("Catalogue"))
        self.back.setToolTip(tr("Shows the catalogue again"))
        self.back.clicked.connect(self._show_catalogue)
        self.account = QPushButton(tr("Account…"))
        self.account.setToolTip(tr("Your Hugging Face token, for gated and private models"))
        self.account.clicked.connect(self._ask_account)
        self.listed = plain_label("", "muted")
        self.model = CandidateTable(self)
        self.table = QTableView()
        self.table.setModel(self.model)
        self.table.setAccessibleName(tr("Models that could be got"))
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setShowGrid(False)
        self.table.setTabKeyNavigation(False)
        self.table.setMinimumHeight(120)
        self.table.verticalHeader().hide()
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setStretchLastSection(True)
        header.setMinimumSectionSize(56)
        header.setMaximumSectionSize(360)
        header.setHighlightSections(False)
        self.table.selectionModel().currentChanged.connect(self._take_current)
        self.offer = OfferView(project, self.asking, self.fetching)
        self.offer.learned.connect(self.model.replace_row)
        self.offer.downloaded.connect(self._take_download)
        self.local = LocalModels(project, self.notice)
        self.local.added.connect(self.added)
        self._lay_out()
        self.asking.models_found.connect(self._take_found)
        self.asking.failed.connect(self._take_failure)
        self.asking.busy_changed.connect(self._tell)
        self.asking.account_told.connect(self._take_account)
        self.offer.show_account(has_token())

    def _lay_out(self) -> None:
        title = plain_label(tr("Get a model"), "title")
        top = QHBoxLayout()
        top.addWidget(title, 1)
        top.addWidget(self.local)
        line = QHBoxLayout()
        line.addWidget(self.words, 1)
        for button in (self.search, self.back, self.account):
            line.addWidget(button)
        upper = QWidget()
        column = QVBoxLayout(upper)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.listed)
        column.addWidget(self.table, 1)
        splitter = QSplitter(Qt.Orientation.Vertical, childrenCollapsible=False)
        splitter.addWidget(upper)
        splitter.addWidget(self.offer)
        splitter.setStretchFactor(0, 1)
        splitter.setSizes([320, 280])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addLayout(top)
        layout.addWidget(self.notice)
        layout.addLayout(line)
        layout.addWidget(splitter, 1)

    def close_down(self) -> None:
        """End the workers; what was downloaded is kept."""
        self.asking.close()
        self.fetching.close()
        end_tasks(self)

    def showEvent(self, event: QShowEvent) -> None:
        """Know how much memory is free now."""
        BackgroundTask.begin(self, lambda _task: read_device(), self._take_device, self.notice.show_error)
        if not self._catalogue:
            try:
                self._catalogue = [of_catalogue(model) for model in read_catalogue()]
            except StudioError as error:
                self.notice.show_error(error)
            self._show_catalogue()
        self._tell()
        super().showEvent(event)

    def show_name(self, name: str) -> None:
        """Offer one model by its name, to be looked at on the Hub."""
        self.words.setText(name)
        self._search()

    @Slot()
    def _show_catalogue(self) -> None:
        self.words.clear()
        self._list(self._catalogue, tr("A catalogue of good small models. It needs no network; a download does."))

    @Slot()
    def _search(self) -> None:
        words = self.words.text().strip()
        if not words or self.asking.busy:
            return
        self.notice.clear()
        if "/" in words:  # a name or address: nothing has to be searched
            try:
                name = model_id(words)
            except StudioError as error:
                self.notice.show_error(error)
                return
            known = next((one for one in self._catalogue if one.name.lower() == name.lower()), Candidate(name, name))
            self._list(
                [known],
                tr("One model by its name. “Look at it” asks {host_of} what it is.", host_of=host_of(endpoint())),
            )
            return
        self.asking.search(words)

    @Slot(list)
    def _take_found(self, models: list[HubModel]) -> None:
        host, words = host_of(endpoint()), self.words.text().strip()
        if models:
            listed = tr(
                "{count} models that write text and have safetensors, most downloaded first ({host}).",
                count=len(models),
                host=host,
            )
        else:
            listed = tr(
                "{host} has no model for “{words}” that writes text and has safetensors. Try fewer words.",
                host=host,
                words=words,
            )
        self._list([of_hub(model) for model in models], listed)

    def _list(self, rows: list[Candidate], listed: str) -> None:
        self.listed.setText(listed)
        self.model.take([with_needs(row, self._device) for row in rows])
        if rows:
            self.table.setCurrentIndex(self.model.index(0, 0))
        else:
            self.offer.show_candidate(None, self._device)

    @Slot(object)
    def _take_device(self, device: Device) -> None:
        self._device = device
        current = self.table.currentIndex().row()
        self.model.take([with_needs(row, device) for row in self.model.rows()])
        if current >= 0:
            self.table.setCurrentIndex(self.model.index(current, 0))

    @Slot(QModelIndex, QModelIndex)
    def _take_current(self, index: QModelIndex, _previous: QModelIndex) -> None:
        if index.isValid():
            self.offer.show_candidate(index.data(CANDIDATE), self._device)

    @Slot(object, str)
    def _take_failure(self, error: StudioError, asked: str) -> None:
        if asked == "search":
            self.notice.show_error(error)

    @Slot()
    def _ask_account(self) -> None:
        AccountDialog(self.asking, self).open()

    @Slot(bool, str)
    def _take_account(self, signed_in: bool, _name: str) -> None:
        self.offer.show_account(signed_in)

    @Slot(object)
    def _take_download(self, folder: Path) -> None:
        self.local.add(folder)

    @Slot()
    def _tell(self) -> None:
        self.search.setText(tr("Search {host_of}", host_of=host_of(endpoint())))
        worded = bool(self.words.text().strip())
        self.search.setEnabled(worded and not self.asking.busy)
        self.search.setToolTip(
            tr("Asking the Hub…") if self.asking.busy else "" if worded else self.words.placeholderText()
        )
