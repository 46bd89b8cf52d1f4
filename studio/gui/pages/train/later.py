"""Starting later: a button with a menu, and the dialog for a moment of one's own."""

from __future__ import annotations

from datetime import datetime, timedelta

from PySide6.QtCore import QDateTime, Qt, Signal, Slot
from PySide6.QtWidgets import QDateTimeEdit, QDialog, QDialogButtonBox, QLabel, QMenu, QPushButton, QVBoxLayout, QWidget

from studio.core.queue import TONIGHT, time_from
from studio.gui import theme
from studio.gui.language import mark, tr

_HOW = mark(
    "The run starts then, or when what runs at that time has ended. A window with this project must be open, or "
    "“plumbline queue run”, and the computer awake."
)


class LaterButton(QPushButton):
    """Signals: `later_requested(seconds)`, a moment since the epoch, 0 for “after what runs now”; `now_requested()`."""

    later_requested = Signal(float)
    now_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(tr("Start later"), parent)
        theme.set_role(self, "quiet")
        menu = QMenu(self)
        self.now = menu.addAction(tr("Start now, beside what runs"))
        self.now.triggered.connect(self.now_requested)
        self.queue = menu.addAction(tr("Add to the queue"), self._ask_queue)
        self.tonight = menu.addAction(tr("Tonight at {tonight}", tonight=TONIGHT), self._ask_tonight)
        self.at = menu.addAction(tr("At a time…"), self._ask_time)
        self.setMenu(menu)
        self.show_busy(False)

    def show_busy(self, busy: bool) -> None:
        """Offer what the start button beside doesn't: while something runs, that one adds to the queue."""
        self.now.setVisible(busy)
        self.queue.setVisible(not busy)

    @Slot()
    def _ask_queue(self) -> None:
        self.later_requested.emit(0.0)

    @Slot()
    def _ask_tonight(self) -> None:
        self.later_requested.emit(time_from(TONIGHT, datetime.now()))

    @Slot()
    def _ask_time(self) -> None:
        dialog = TimeDialog(self)
        dialog.chosen.connect(self.later_requested)
        dialog.open()


class TimeDialog(QDialog):
    """Signal: `chosen(seconds)`, a moment since the epoch. Call `open`."""

    chosen = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Start at a time"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        soon = datetime.now() + timedelta(hours=1)
        self.time = QDateTimeEdit(QDateTime(soon.year, soon.month, soon.day, soon.hour, soon.minute, 0))
        self.time.setAccessibleName(tr("When to start"))
        self.time.setDisplayFormat("yyyy-MM-dd HH:mm")  # read alike in every language
        self.time.setCalendarPopup(True)
        self.time.setMinimumDateTime(QDateTime.currentDateTime())
        how = QLabel(tr(_HOW))
        how.setWordWrap(True)
        theme.set_role(how, "muted")
        buttons = QDialogButtonBox()
        buttons.addButton(tr("Cancel"), QDialogButtonBox.ButtonRole.RejectRole)
        start = buttons.addButton(tr("Start then"), QDialogButtonBox.ButtonRole.AcceptRole)
        theme.set_role(start, "primary")
        buttons.accepted.connect(self._take)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 24, 24, 24)
        layout.setSpacing(12)
        layout.addWidget(self.time)
        layout.addWidget(how)
        layout.addWidget(buttons)
        start.setDefault(True)  # once it is in the dialog: before that, the dialog doesn't know of it

    @Slot()
    def _take(self) -> None:
        self.chosen.emit(float(self.time.dateTime().toSecsSinceEpoch()))
        self.accept()
