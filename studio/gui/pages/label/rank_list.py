"""A ranking in the making as a list: filled by digit keys in order, or put in order by dragging."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QDropEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QLabel, QListWidget, QListWidgetItem, QPushButton, QVBoxLayout, QWidget

from studio.gui import theme
from studio.gui.language import mark, tr
from studio.gui.pages.label.ways import RankPicker

_ABOUT = mark("Press digits from the best to the worst (= before a digit: as good as the last), or drag.")
_ROOM_FOR_WORDS = 280  # logical pixels of height


class _Order(QListWidget):
    """Signal: `dropped()` after an item was dragged to another place."""

    dropped = Signal()

    def dropEvent(self, event: QDropEvent) -> None:
        super().dropEvent(event)
        self.dropped.emit()


class RankList(QWidget):
    """Signals: `reordered(list places)`, the whole order as dragged; `finished()`, keep what is ranked."""

    reordered = Signal(list)
    finished = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setMinimumWidth(150)
        self.about = QLabel(tr(_ABOUT))
        self.about.setWordWrap(True)
        theme.set_role(self.about, "muted")
        self.list = _Order()
        self.list.setToolTip(tr(_ABOUT))
        self.list.setAccessibleName(tr("Ranking, the best first"))
        self.list.setDragDropMode(QAbstractItemView.DragDropMode.InternalMove)
        self.list.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.list.setMinimumHeight(80)
        self.list.dropped.connect(self._take_drag)
        self.done = QPushButton(tr("Keep  (⏎)"))
        self.done.setToolTip(tr("Keeps the ranking; those without a rank are the worst"))
        self.done.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        theme.set_role(self.done, "primary")
        self.done.clicked.connect(self.finished)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.about)
        layout.addWidget(self.list, 1)
        layout.addWidget(self.done)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """On a small screen the order itself is worth more than how it is made, which pointing at it tells too."""
        super().resizeEvent(event)
        self.about.setVisible(self.height() >= _ROOM_FOR_WORDS)

    def show_ranking(self, picker: RankPicker) -> None:
        """Show what is ranked, and beneath it what is not."""
        ranks = dict(picker.picked)
        places = [place for place, _ in picker.picked] + [p for p in range(picker.count) if p not in ranks]
        self.list.clear()
        for place in places:
            letter = chr(ord("A") + place)
            words = f"{ranks[place]}.  {letter}" if place in ranks else f"–   {letter}  ({place + 1})"
            item = QListWidgetItem(words)
            item.setData(Qt.ItemDataRole.UserRole, place)
            self.list.addItem(item)
        if picker.tie_next:
            self.list.addItem(tr("=  as good as the last one…"))
            self.list.item(self.list.count() - 1).setFlags(Qt.ItemFlag.NoItemFlags)
        self.done.setEnabled(bool(picker.picked))

    @Slot()
    def _take_drag(self) -> None:
        data = [self.list.item(row).data(Qt.ItemDataRole.UserRole) for row in range(self.list.count())]
        places = [place for place in data if place is not None]
        if sorted(places) == list(range(len(places))):
            self.reordered.emit(places)
