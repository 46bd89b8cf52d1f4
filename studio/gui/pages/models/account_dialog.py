"""The user's Hugging Face token: given once and kept by huggingface_hub on this computer, or forgotten."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLineEdit, QPushButton, QVBoxLayout, QWidget

from studio.core.errors import StudioError
from studio.core.hub import host_of
from studio.gui import theme
from studio.gui.language import tr, translated
from studio.gui.widgets.ask import question
from studio.gui.widgets.plain_label import plain_label
from studio.jobs.hub import Hub
from studio.storage.hub_places import endpoint, token_file

_WIDTH = 560


class AccountDialog(QDialog):
    """Call `open`. Signal: `told(bool signed_in)` whenever that is known."""

    told = Signal(bool)

    def __init__(self, hub: Hub, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Hugging Face account"))
        self._hub = hub
        host = host_of(endpoint())
        about = plain_label(
            tr(
                "You need no account for most models. Gated ones and your own private ones ask for an access token: "
                "in your settings on {host}, under Access Tokens, make one of the kind “Read”, and paste it here. "
                "Plumbline sends it to {host} to check it, and huggingface_hub keeps it on this computer, in "
                "{token_file}, where its other programs find it too. It is sent with a model only when you tick that.",
                host=host,
                token_file=token_file(),
            ),
            "muted",
        )
        self.state, self.said = plain_label(tr("Looking…")), plain_label()
        self.said.setMinimumHeight(3 * self.said.fontMetrics().lineSpacing())  # room for what may go wrong
        self.said.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.token = QLineEdit()
        self.token.setEchoMode(QLineEdit.EchoMode.Password)
        self.token.setPlaceholderText("hf_…")
        self.token.setAccessibleName(tr("Access token"))
        self.token.textChanged.connect(self._tell)
        self.sign_in = QPushButton(tr("Sign in"))
        self.sign_in.setDefault(True)
        theme.set_role(self.sign_in, "primary")
        self.sign_in.clicked.connect(self._sign_in)
        self.sign_out = QPushButton(tr("Forget the token"))
        self.sign_out.setAutoDefault(False)
        theme.set_role(self.sign_out, "danger")
        self.sign_out.clicked.connect(self._ask_sign_out)
        self.sign_out.hide()
        close = QPushButton(tr("Close"))
        close.setAutoDefault(False)
        close.clicked.connect(self.accept)
        row = QHBoxLayout()
        row.addWidget(self.sign_out)
        row.addStretch()
        row.addWidget(close)
        row.addWidget(self.sign_in)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 20, 24, 20)
        layout.setSpacing(12)
        for part in (about, self.state, self.token, self.said):
            layout.addWidget(part)
        layout.addLayout(row)
        self.setMinimumSize(_WIDTH, layout.totalHeightForWidth(_WIDTH) + 8)
        hub.account_told.connect(self._take)
        hub.failed.connect(self._take_failure)
        hub.busy_changed.connect(self._tell)
        hub.ask_account()
        self._tell()
        self.token.setFocus()

    @Slot()
    def _sign_in(self) -> None:
        self.said.clear()
        self._hub.sign_in(self.token.text())

    @Slot()
    def _ask_sign_out(self) -> None:
        text = tr("Other programs of this computer that use it have to sign in again, too.")
        box = question(self, tr("Forget the token?"), text, tr("Forget it"))
        box.accepted.connect(self._hub.sign_out)
        box.open()

    @Slot(bool, str)
    def _take(self, signed_in: bool, name: str) -> None:
        self.token.clear()
        self.said.clear()
        self.state.setText(
            tr("Signed in as {name}.", name=name)
            if name
            else tr("A token is kept on this computer.")
            if signed_in
            else tr("Not signed in.")
        )
        self.sign_out.setVisible(signed_in)
        self.told.emit(signed_in)

    @Slot(object, str)
    def _take_failure(self, error: StudioError, asked: str) -> None:
        if asked not in ("account", "sign in", "sign out"):
            return
        theme.set_role(self.said, "error")
        self.said.setText(translated(error.sentence))

    @Slot()
    def _tell(self) -> None:
        self.sign_in.setEnabled(bool(self.token.text().strip()) and not self._hub.busy)
        self.sign_out.setEnabled(not self._hub.busy)
