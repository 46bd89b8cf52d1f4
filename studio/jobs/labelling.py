"""A labeller's desk: one thread that keeps what is said of an item and then shows the next one.

The thread owns the connection, so that a slow disk never holds up the window, and nothing is shown before what was said
of the item before it is safe on the disk.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, replace
from queue import SimpleQueue

from PySide6.QtCore import QObject, QThread, Signal

from studio.core.errors import StudioError
from studio.core.labelling import Item, Mark, Status, shown_order
from studio.storage.label_log import Counts, LabelSession, mark_of, queue_of, suggestions_for
from studio.storage.labels import LabelSet, item_of
from studio.storage.project import Project, database_trouble


@dataclass(frozen=True, slots=True)
class View:
    """What the screen shows. item: None when the queue is at its end. order: places of the candidates as shown.

    suggestions: what machine judges say, by name. place: of the item in its queue, from 0, which holds `length` items.
    serial: of the request that it answers, so that an answer to an earlier one is known as such.
    """

    item: Item | None
    mark: Mark
    order: tuple[int, ...]
    suggestions: tuple[tuple[str, Mark], ...]
    counts: Counts
    place: int
    length: int
    can_undo: bool
    can_redo: bool
    serial: int


class LabelDesk(QThread):
    """Takes requests in order; each returns its serial number. Connect the signals to @Slot methods, then `start`.

    shown(object View): after every request. failed(object StudioError): a request that changed nothing; the item stays.
    """

    shown = Signal(object)
    failed = Signal(object)

    def __init__(
        self,
        project: Project,
        known: LabelSet,
        labeller: str,
        show: str = "todo",
        order: str = "given",
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._project, self._known, self._labeller = project, known, labeller
        self._show, self._order = show, order
        self._requests: SimpleQueue[tuple[int, Callable[[], None]] | None] = SimpleQueue()
        self._ids: list[int] = []
        self._place = 0
        self._asked = self._serial = 0  # requests so far; the one that is worked on

    # ------------------------------------------------------------------------------------------- what others ask for

    def judge(self, item: int, mark: Mark, action: str) -> int:
        """Keep what is said of an item; when that settles it, the next one is shown."""
        return self._put(lambda: self._judge(item, mark, action))

    def undo(self) -> int:
        """Take the last word back and show what it was about."""
        return self._put(lambda: self._return_to(self._session.undo()))

    def redo(self) -> int:
        """Say again what was taken back, and show what it is about."""
        return self._put(lambda: self._return_to(self._session.redo()))

    def step(self, by: int) -> int:
        """Show the next or the former item of the queue, judging nothing."""
        return self._put(lambda: self._step(by))

    def show_item(self, item: int) -> int:
        """Show an item out of its order; the queue goes on from there."""
        return self._put(lambda: self._return_to(item))

    def choose_queue(self, show: str, order: str) -> int:
        """Go through other items, or in another order."""
        return self._put(lambda: self._choose(show, order))

    def refresh(self) -> int:
        """Know what came in: new items, or suggestions for the one that is shown."""
        return self._put(self._refresh)

    def _put(self, request: Callable[[], None]) -> int:
        self._asked += 1
        self._requests.put((self._asked, request))
        return self._asked

    def close(self) -> None:
        """End the thread after the requests before."""
        self._requests.put(None)

    # ------------------------------------------------------------------------------------------- in the thread

    def run(self) -> None:
        """The thread's body."""
        try:
            with self._project.connect() as connection:
                self._connection = connection
                self._session = LabelSession(connection, self._known, self._labeller)
                self._choose(self._show, self._order)
                while (request := self._requests.get()) is not None:
                    self._serial, work = request
                    try:
                        work()
                    except (sqlite3.Error, StudioError) as error:
                        self._fail(error)
        except StudioError as error:
            self.failed.emit(error)

    def _fail(self, error: sqlite3.Error | StudioError) -> None:
        told = error if isinstance(error, StudioError) else database_trouble(error, self._project.folder)
        self.failed.emit(told)
        with contextlib.suppress(sqlite3.Error, StudioError):
            self._tell()

    def _judge(self, item: int, mark: Mark, action: str) -> None:
        was = mark_of(self._connection, item, self._session.labeller).status(self._known.plan)
        self._session.write(item, mark, action)
        status = mark.status(self._known.plan)
        # A flag or a comment on what was settled before is no reason to leave it.
        if status is not Status.TODO and (status is not was or action != "noted"):
            self._step(1)
        else:
            self._tell()

    def _return_to(self, item: int | None) -> None:
        if item is not None:
            if item not in self._ids[max(0, self._place - 1) : self._place + 2]:
                if item in self._ids:
                    self._place = self._ids.index(item)
                else:
                    self._ids.insert(self._place, item)
            else:
                self._place = self._ids.index(item, max(0, self._place - 1))
        self._tell()

    def _step(self, by: int) -> None:
        self._place = max(0, min(len(self._ids), self._place + by))
        if self._place == len(self._ids):
            self._take_new()
        self._tell()

    def _choose(self, show: str, order: str) -> None:
        self._show, self._order, self._place = show, order, 0
        self._ids = queue_of(self._connection, self._known, self._session.labeller, show, order)
        self._tell()

    def _refresh(self) -> None:
        self._take_new()
        self._session.take_new()
        self._tell()

    def _take_new(self) -> None:
        last = max(self._ids, default=0)
        self._ids += queue_of(
            self._connection, self._known, self._session.labeller, self._show, self._order, after=last
        )

    def _tell(self) -> None:
        session = self._session
        counts, undo, redo = session.counts, session.can_undo, session.can_redo
        rest = View(None, Mark(), (), (), counts, self._place, len(self._ids), undo, redo, self._serial)
        if self._place >= len(self._ids):
            self.shown.emit(rest)
            return
        item = item_of(self._connection, self._ids[self._place])
        mark = mark_of(self._connection, item.id, session.labeller)
        order = mark.shown or shown_order(self._known.plan.seed, item.id, session.labeller, len(item.candidates))
        suggestions = tuple(suggestions_for(self._connection, item.id, item.repeat_of))
        self.shown.emit(replace(rest, item=item, mark=mark, order=order, suggestions=suggestions))
