"""The settings, as a form made from their declaration. They are taken when saved, and all at once."""

from __future__ import annotations

import dataclasses

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QDialog, QHBoxLayout, QPushButton, QScrollArea, QVBoxLayout, QWidget

from studio.core.errors import StudioError
from studio.core.fields import settings_of
from studio.core.hub import endpoint_of
from studio.core.settings import SET_ELSEWHERE, AppSettings
from studio.core.updates import releases_at
from studio.gui import theme
from studio.gui.language import tr
from studio.gui.notify import can_notify
from studio.gui.preferences import Preferences
from studio.gui.updates import may_look
from studio.gui.widgets.form import SettingsForm
from studio.gui.widgets.notice import Notice
from studio.storage.runtimes import is_needed


class SettingsDialog(QDialog):
    """Call `open()`. Signal: `runtime_requested()`, to see to what trains."""

    runtime_requested = Signal()

    def __init__(self, preferences: Preferences, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Settings"))
        self.resize(640, 480)
        self._preferences = preferences
        self._values = preferences.values  # as they were saved last, or are to be
        self.notice = Notice()
        self.form = SettingsForm(AppSettings)
        self.form.leave_out(SET_ELSEWHERE)
        self.form.set_values(preferences.values)
        if not can_notify():
            row = self.form.rows["notify"]
            row.editor.setEnabled(False)
            row.about.setText(tr("This desktop has no place for notifications."))
        self.save = QPushButton(tr("Save"))
        self.save.setDefault(True)
        theme.set_role(self.save, "primary")
        self.save.clicked.connect(self._save)
        cancel = QPushButton(tr("Cancel"))
        cancel.setAutoDefault(False)
        cancel.clicked.connect(self.reject)
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(24, 20, 24, 8)
        column.addWidget(self.form)
        column.addStretch()
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setWidget(inside)
        buttons = QHBoxLayout()
        buttons.setContentsMargins(24, 8, 24, 20)
        self.runtime = QPushButton(tr("What trains…"))
        self.runtime.setToolTip(tr("Look at, repair, update or remove the torch that Plumbline set up"))
        self.runtime.setAutoDefault(False)
        self.runtime.setVisible(is_needed())
        self.runtime.clicked.connect(self._leave_for_runtime)
        buttons.addWidget(self.runtime)
        buttons.addStretch()
        buttons.addWidget(cancel)
        buttons.addWidget(self.save)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.notice)
        layout.addWidget(scroll, 1)
        layout.addLayout(buttons)

    @Slot()
    def _leave_for_runtime(self) -> None:
        self.reject()
        self.runtime_requested.emit()

    @Slot()
    def _save(self) -> None:
        try:
            values = self.form.values()
            endpoint_of(values.hub_mirror)
            if values.updates:
                values = dataclasses.replace(values, releases=releases_at(values.releases))
        except StudioError as error:
            self.notice.show_error(error)
            return
        now = self._preferences.values
        self._values = values
        if values.updates and (not now.updates or values.releases != now.releases):
            consent = may_look(self, values.releases)
            consent.accepted.connect(self._keep)
            consent.open()
        else:
            self._keep()

    @Slot()
    def _keep(self) -> None:
        values = self._values
        asked = [known.name for known in settings_of(AppSettings) if known.name not in SET_ELSEWHERE]
        self._preferences.change(**{name: value for name, value in dataclasses.asdict(values).items() if name in asked})
        self.accept()
