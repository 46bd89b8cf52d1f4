"""The look for a new version at the start of the window: off unless a person turned it on and agreed to the host.

It tells of a newer version or of what went wrong; the release's page is opened by a click alone.
"""

from __future__ import annotations

from queue import Empty, SimpleQueue
from threading import Thread

from PySide6.QtCore import QObject, QTimer, QUrl, Signal, Slot
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QMessageBox, QWidget

from studio import __version__
from studio.core.errors import StudioError
from studio.core.updates import Release, host_in, is_newer
from studio.gui import theme
from studio.gui.language import tr
from studio.gui.preferences import Preferences
from studio.gui.widgets.ask import question
from studio.gui.widgets.notice import Notice

_LOOK_EVERY = 200  # ms between looks at whether there is an answer


class Updates(QObject):
    """Tells in a notice of its own. Call `look` once the window is shown. Signal: `looked()`, there was an answer."""

    looked = Signal()

    def __init__(self, preferences: Preferences, notice: Notice, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._preferences, self._notice = preferences, notice
        self._page = ""
        self._answers: SimpleQueue[Release | Exception] = SimpleQueue()
        self._timer = QTimer(self, interval=_LOOK_EVERY)
        self._timer.timeout.connect(self._take_answer)
        notice.action_requested.connect(self._open_page)

    def look(self) -> None:
        """Ask, if that is turned on; nothing goes over the network otherwise."""
        values = self._preferences.values
        if values.updates and not self._timer.isActive():
            # Not a thread of Qt's: those are waited for, and a window must close while a host doesn't answer.
            Thread(target=_ask, args=(values.releases, self._answers), daemon=True, name="updates").start()
            self._timer.start()

    @Slot()
    def _take_answer(self) -> None:
        try:
            answer = self._answers.get_nowait()
        except Empty:
            return
        self._timer.stop()
        if isinstance(answer, Exception):
            self._notice.show_error(answer)
        elif is_newer(answer.version, __version__):
            self._page = answer.page
            said = tr("Plumbline {version} is out; this is {own}.", version=answer.version, own=__version__)
            self._notice.show_note(said, tr("Open its page on {host}", host=host_in(answer.page)))
        self.looked.emit()

    @Slot()
    def _open_page(self) -> None:
        if self._page:
            QDesktopServices.openUrl(QUrl(self._page))


def may_look(parent: QWidget, address: str) -> QMessageBox:
    """Asks before the first look: it names the host, and all that is sent. It emits `accepted`; call `open()`."""
    box = question(
        parent,
        tr("Ask {host} for new versions?", host=host_in(address)),
        tr(
            "Each time it starts, Plumbline will ask {address} which version is the newest. What is sent is that "
            "address and the name Plumbline; as with every web page, the host sees your network address. Nothing about "
            "you, this computer or your projects is sent, and nothing is downloaded.",
            address=address,
        ),
        tr("Ask at every start"),
        tr("Leave it off"),
    )
    for button in box.buttons():
        if box.buttonRole(button) is QMessageBox.ButtonRole.AcceptRole:
            theme.set_role(button, "")  # nothing is lost by it
    return box


def _ask(address: str, answers: SimpleQueue[Release | Exception]) -> None:
    try:
        # Imported here: whoever never asks never loads what talks to a network.
        from studio.processes.updates import newest_release

        answers.put(newest_release(address))
    except (StudioError, ImportError) as error:
        answers.put(error)
