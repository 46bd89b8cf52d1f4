"""What is said of a run above its plots: how it ended, as a note or, when it failed, a card; or its place in the queue.

An ending is said once: a note that was dismissed stays away.
"""

from __future__ import annotations

from datetime import datetime

from studio.core.errors import StudioError
from studio.core.runs import Outcome, RunState
from studio.gui.language import paragraph, translated
from studio.gui.pages.runs.failure_card import FailureCard
from studio.gui.widgets.notice import Notice
from studio.jobs.queue import ProjectQueue
from studio.jobs.runs import RunRecord


class Ending:
    """A notice and a card for whoever shows the run to put in place; `tell` brings them up to date."""

    def __init__(self, queue: ProjectQueue) -> None:
        self._queue = queue
        self.notice, self.card = Notice(), FailureCard()
        if (layout := self.notice.layout()) is not None:  # among others, not at the top of a page
            layout.setContentsMargins(0, 0, 0, 0)
        self._told: Outcome | None = None
        self._queued = ""

    def forget(self) -> None:
        """Another run is shown."""
        self._told, self._queued = None, ""
        self._clear()

    def tell(self, record: RunRecord) -> None:
        """Say what has not been said yet."""
        queued = translated(self._queue.queue.sentence_for(record.id, datetime.now())) if record.queued else ""
        if queued != self._queued:
            self._told, self._queued = None, queued
            self.notice.clear()
        if queued and record.outcome is not None:
            if self._told is None:
                self._told = record.outcome
                self.notice.show_note(queued)
        elif record.broken:
            if self._told is None:
                self._told = Outcome(RunState.FAILED, record.broken)
                self.notice.show_error(StudioError(record.broken))
        elif record.outcome is None:
            if self._told is not None:
                self._told = None
                self._clear()
        elif record.outcome is not self._told:
            self._told = record.outcome
            self._clear()
            if record.state in (RunState.FAILED, RunState.INTERRUPTED):
                self.card.show_outcome(record.outcome)
            else:
                self.notice.show_note(paragraph(*map(translated, (record.outcome.sentence, record.outcome.hint))))

    def say(self, told: object, action: str = "") -> None:
        """An error, or a note as text; `action` is what a button beside it does."""
        if isinstance(told, BaseException):
            self.notice.show_error(told)
        else:
            self.notice.show_note(str(told), action)

    def _clear(self) -> None:
        self.notice.clear()
        self.card.hide()
