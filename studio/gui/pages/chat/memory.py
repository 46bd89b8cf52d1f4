"""Which models are in memory: those of the panes, loaded when they are first needed, again after the panes changed, and
let go when the user or training wants the memory. Which models are in the panes is `page`'s."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QObject, Signal, Slot

from studio.core.conversation import Voice
from studio.core.errors import StudioError
from studio.gui.language import mark
from studio.gui.pages.chat.panes_row import PanesRow
from studio.gui.pages.chat.sharing import Sharing
from studio.gui.pages.chat.worker import ChatWorker, Phase


class Memory(QObject):
    """begun(): what was said of former loads no longer holds. failed(StudioError). given_up(str): answers that are
    waited for won't come, and why: in English, since it is kept with them."""

    begun = Signal()
    failed = Signal(object)
    given_up = Signal(str)

    def __init__(self, worker: ChatWorker, panes: PanesRow, sharing: Sharing) -> None:
        super().__init__(worker)
        self._worker, self._panes, self._sharing = worker, panes, sharing
        self._loaded: Mapping[str, Voice] = {}  # what the worker was last told to load
        self.died = False  # the worker did, since it was last told to load
        worker.failed.connect(self._take_failure)
        worker.died.connect(self._take_death)
        sharing.unload_requested.connect(self.unload)
        sharing.load_requested.connect(self.load)

    def have(self) -> bool:
        """Whether the models of all panes are in memory; if not, they are loaded now."""
        self.begun.emit()
        if self._worker.phase is Phase.READY and self._is_right():
            return True
        if self._worker.phase in (Phase.CLOSED, Phase.READY):
            self.load()
        return False

    @Slot()
    def load(self) -> None:
        """Have the models of all panes loaded."""
        self.begun.emit()
        voices = self._panes.voices()
        if not self._sharing.may_load():
            self.given_up.emit(mark("not loaded"))
            return
        try:
            if not voices:
                raise StudioError("There is no tuned model to talk to.", "Train one, or choose another run.")
            self._worker.load(voices, on_processor=self._sharing.on_processor)
        except StudioError as error:
            self._take_failure(error)
            return
        self._loaded, self.died = dict(voices), False

    def load_missing(self) -> None:
        """Load unless all is there already."""
        if self._worker.phase is Phase.CLOSED or not self._is_right():
            self.load()

    def follow(self) -> None:
        """After a change of panes: load what is missing, if models are in memory at all."""
        if self._worker.phase is not Phase.CLOSED and not self._is_right():
            self._worker.stop()
            self.load()

    @Slot()
    def unload(self) -> None:
        """Give the memory back."""
        self.given_up.emit("unloaded")
        self._worker.close()
        self._loaded = {}

    def _is_right(self) -> bool:
        return dict(self._loaded) == dict(self._panes.voices())

    @Slot(object)
    def _take_failure(self, error: StudioError) -> None:
        if self._worker.model is None:
            self._loaded = {}
        self.failed.emit(error)
        self.given_up.emit("failed")

    @Slot(object)
    def _take_death(self, error: StudioError) -> None:
        self._loaded, self.died = {}, True
        self.failed.emit(error)
        self.given_up.emit(mark("the model process ended"))
