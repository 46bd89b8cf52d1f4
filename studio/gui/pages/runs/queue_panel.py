"""The queue under the list of runs: what comes next, put in order by dragging or by key, held and let go on.

Seen only while something waits. Alt+Up and Alt+Down move a run, Delete takes it out; it stays among the runs.
"""

from __future__ import annotations

from datetime import datetime

from PySide6.QtCore import QEvent, QObject, QSize, Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from studio.core.queue import when_words
from studio.gui import theme
from studio.gui.language import tr, translated
from studio.jobs.queue import ASKED
from studio.jobs.runs import ProjectRuns

_RUN = Qt.ItemDataRole.UserRole
_ROWS = 5  # in sight at most


class QueuePanel(QWidget):
    """Signal: `run_chosen(run_id)`, to be shown."""

    run_chosen = Signal(str)

    def __init__(self, runs: ProjectRuns, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._runs, self._queue = runs, runs.queue
        self.heading, self.about = QLabel(), QLabel()
        theme.set_role(self.heading, "heading")
        theme.set_role(self.about, "muted")
        for label in (self.heading, self.about):
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setWordWrap(True)
        self.hold = QPushButton()
        self.hold.clicked.connect(self._hold)
        self.list = QListWidget()
        self.list.setAccessibleName(tr("Queue, the next run first"))
        self.list.setAccessibleDescription(tr("Alt+Up and Alt+Down move a run, Delete takes it out of the queue"))
        self.list.setToolTip(tr("Drag to reorder, or Alt+Up and Alt+Down; Delete takes a run out of the queue"))
        self.list.setDragDropMode(QAbstractItemView.DragDropMode.InternalMove)
        self.list.setDefaultDropAction(Qt.DropAction.MoveAction)
        self.list.model().rowsMoved.connect(self._dropped)
        self.list.itemActivated.connect(self._open)
        self.list.installEventFilter(self)
        top = QHBoxLayout()
        top.addWidget(self.heading, 1)
        top.addWidget(self.hold)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 8, 0, 0)
        layout.addLayout(top)
        layout.addWidget(self.list)
        layout.addWidget(self.about)
        self._queue.changed.connect(self.show_queue)
        runs.list_changed.connect(self.show_queue)
        self.show_queue()

    @Slot()
    def show_queue(self) -> None:
        """Show the queue as it stands; the chosen row stays with its run."""
        queue, now = self._queue.queue, datetime.now()
        names = {record.id: record.name for record in self._runs.records()}
        self.setVisible(bool(queue.waiting))
        current = self.list.currentItem()
        chosen = current.data(_RUN) if current else None
        self.list.clear()
        for entry in queue.waiting:
            later = f", {translated(when_words(entry.not_before, now))}" if entry.not_before > now.timestamp() else ""
            item = QListWidgetItem(f"{names.get(entry.run, entry.run)}{later}")
            item.setData(_RUN, entry.run)
            item.setSizeHint(QSize(0, self.list.fontMetrics().height() + 12))
            self.list.addItem(item)
            if entry.run == chosen:
                self.list.setCurrentItem(item)
        rows = min(max(len(queue.waiting), 1), _ROWS)
        self.list.setFixedHeight(rows * (self.list.fontMetrics().height() + 12) + 8)
        self.heading.setText(tr("Queue ({count:,})", count=len(queue.waiting)))
        self.hold.setText(tr("Go on") if queue.held else tr("Hold"))
        self.hold.setAccessibleName(tr("Let the queue go on") if queue.held else tr("Hold the queue"))
        held = tr("On hold: {held}", held=translated(queue.held))
        self.about.setText(
            held if queue.held else tr("One after another, while this window or “plumbline queue run” is open.")
        )

    def move_run(self, run_id: str, by: int) -> None:
        """Move a run up (negative) or down."""
        place = self._queue.queue.place_of(run_id)
        if place is not None:
            self._queue.move(run_id, max(0, place + by))

    @Slot()
    def _hold(self) -> None:
        if self._queue.queue.held:
            self._queue.go_on()
        else:
            self._queue.hold(ASKED)

    @Slot()
    def _dropped(self) -> None:
        """A row was dragged: put the run that isn't where the queue has it to where it is seen."""
        seen = [self.list.item(row).data(_RUN) for row in range(self.list.count())]
        known = [entry.run for entry in self._queue.queue.waiting]
        moved = [run for run in known if [r for r in seen if r != run] == [r for r in known if r != run]]
        if seen != known and moved:
            self._queue.move(moved[0], seen.index(moved[0]))

    @Slot(QListWidgetItem)
    def _open(self, item: QListWidgetItem) -> None:
        self.run_chosen.emit(item.data(_RUN))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """The keys of the list."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress and self.list.currentItem():
            run_id = self.list.currentItem().data(_RUN)
            alt = bool(event.modifiers() & Qt.KeyboardModifier.AltModifier)
            match event.key():
                case Qt.Key.Key_Up if alt:
                    self.move_run(run_id, -1)
                case Qt.Key.Key_Down if alt:
                    self.move_run(run_id, 1)
                case Qt.Key.Key_Delete | Qt.Key.Key_Backspace:
                    self._queue.remove(run_id)
                case _:
                    return False
            return True
        return False
