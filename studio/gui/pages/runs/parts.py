"""The parts of a run under tabs: one is seen, and those that the run doesn't have are not offered."""

from __future__ import annotations

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QTabBar, QVBoxLayout, QWidget

from studio.gui.language import tr
from studio.gui.widgets.flow_layout import FlowLayout


class Parts(QWidget):
    """Tabs over pages, each known by its word. shown(word): another one is seen.

    It is no stack, which would make all as high as the highest. Beside the tabs, `row` has room for a page's controls;
    they go below where there is none.
    """

    shown = Signal(str)

    def __init__(self, pages: dict[str, QWidget], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._pages = pages
        self.tabs = QTabBar(drawBase=False, expanding=False, usesScrollButtons=False)
        self.tabs.setAccessibleName(tr("What to show of the run"))
        for word in pages:
            self.tabs.addTab(tr(word))
        above = QWidget()
        shape = above.sizePolicy()
        shape.setHeightForWidth(True)
        above.setSizePolicy(shape)
        self.row = FlowLayout(above)
        self.row.addWidget(self.tabs)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(12)
        layout.addWidget(above)
        for page in pages.values():
            layout.addWidget(page, 1)
        self._take(0)
        self.tabs.currentChanged.connect(self._take)

    def show_part(self, word: str) -> None:
        """Show the page of that word."""
        self.tabs.setCurrentIndex(self._place(word))

    def has(self, word: str) -> bool:
        """Whether it is offered."""
        return self.tabs.isTabVisible(self._place(word))

    def shows(self, word: str) -> bool:
        """Whether it is seen."""
        return self.tabs.currentIndex() == self._place(word)

    def offer(self, word: str, there: bool) -> None:
        """Let it be chosen, or not."""
        if there is self.has(word):
            return
        if not there and self.shows(word):
            self.tabs.setCurrentIndex(0)
        self.tabs.setTabVisible(self._place(word), there)
        self.tabs.updateGeometry()  # Qt forgets to
        self.tabs.setElideMode(self.tabs.elideMode())  # which lays the tabs out anew: else a hidden one leaves a hole

    def _place(self, word: str) -> int:
        return list(self._pages).index(word)

    @Slot(int)
    def _take(self, number: int) -> None:
        for place, page in enumerate(self._pages.values()):
            page.setVisible(place == number)
        self.shown.emit(self.tabs.tabText(number))
