"""Asks before a folder is uploaded: under which name, for whom to see, and what is sent where."""

from __future__ import annotations

import re
from pathlib import Path

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QCheckBox, QDialog, QDialogButtonBox, QLineEdit, QVBoxLayout, QWidget

from studio.core.errors import StudioError
from studio.core.hub import host_of, model_id
from studio.gui import theme
from studio.gui.language import tr, translated
from studio.gui.pages.models.panel import form_rows
from studio.gui.widgets.plain_label import plain_label
from studio.storage.files import in_bytes
from studio.storage.hub_places import endpoint, token_file


class UploadDialog(QDialog):
    """Signal: `agreed(str, bool)`: the model's name on the Hub, and whether it is private."""

    agreed = Signal(str, bool)

    def __init__(self, folder: Path, size: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Upload to the Hub"))
        host = host_of(endpoint())
        self.name = QLineEdit()
        self.name.setAccessibleName(tr("Name on the Hub"))
        self.name.setPlaceholderText(f"your-name/{_hub_name(folder.name)}")
        self.private = QCheckBox(tr("Private: only you can see it"))
        self.private.setChecked(True)
        about = plain_label(
            tr(
                "All files in “{folder}” ({size}) are sent to {host}, with your token, and become a new model of "
                "yours there. Look into the folder first: its README names your datasets and settings. Ask yourself "
                "whether the base model's licence, and the people whose words are in your data, allow it.",
                folder=folder,
                size=in_bytes(size),
                host=host,
            )
        )
        self.problem = plain_label("", "muted")
        self.buttons = QDialogButtonBox()
        self.buttons.addButton(tr("Cancel"), QDialogButtonBox.ButtonRole.RejectRole)
        self.upload = self.buttons.addButton(tr("Upload to {host}", host=host), QDialogButtonBox.ButtonRole.AcceptRole)
        theme.set_role(self.upload, "primary")
        self.buttons.accepted.connect(self._agree)
        self.buttons.rejected.connect(self.reject)
        self.name.textChanged.connect(self._offer)
        rows = form_rows((tr("&Name"), self.name), ("", self.private))
        layout = QVBoxLayout(self)
        layout.setSpacing(12)
        layout.addWidget(about)
        layout.addLayout(rows)
        layout.addWidget(self.problem)
        layout.addWidget(self.buttons)
        self.setMinimumWidth(480)
        self._offer()

    @Slot()
    def _offer(self) -> None:
        problem = self._problem()
        self.problem.setText(problem)
        self.problem.setVisible(bool(problem))
        self.upload.setEnabled(not problem)

    def _problem(self) -> str:
        if not token_file().is_file():
            return tr("An upload needs a token of the kind “Write”: sign in first, under “Get a model…”.")
        try:
            name = model_id(self.name.text())
        except StudioError as error:
            return translated(error.what) if self.name.text().strip() else tr("Type a name, as owner/name.")
        return "" if "/" in name else tr("Write your own name and a / before it, as owner/name.")

    @Slot()
    def _agree(self) -> None:
        self.agreed.emit(model_id(self.name.text()), self.private.isChecked())
        self.accept()


def _hub_name(name: str) -> str:
    """A folder's name as the Hub takes names: letters without marks, digits, - and ."""
    return re.sub(r"[^A-Za-z0-9.]+", "-", name).strip("-.") or "my-model"
