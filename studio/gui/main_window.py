"""The window's frame: header, notice, and a place for pages, with room at the side. It opens nothing, it asks."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QByteArray, Qt, Signal, Slot
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QKeyEvent, QKeySequence, QResizeEvent
from PySide6.QtWidgets import QFileDialog, QSplitter, QStackedWidget, QVBoxLayout, QWidget

from studio.gui.header import Header
from studio.gui.language import tr
from studio.gui.pages.start import StartPage
from studio.gui.preferences import Preferences
from studio.gui.widgets.focus import focus_inside
from studio.gui.widgets.keys import bind
from studio.gui.widgets.notice import Notice

_SIDE = 320  # logical pixels of what stands beside the pages
_WIDE = 1160  # from here on there is room for it at the side; below, it stands under the pages


class MainWindow(QWidget):
    """Signals: `open_requested(str folder)`; `file_dropped(object Path)`; `closing()`. What is asked for at the top or
    on the start page are signals of `header` and `start`; keys ask in the header's name.
    """

    open_requested = Signal(str)
    file_dropped = Signal(object)
    closing = Signal()

    def __init__(self, tabs: dict[str, str], preferences: Preferences) -> None:
        """`tabs`: the key of each page and its name."""
        super().__init__()
        self.setAcceptDrops(True)
        self.setMinimumSize(720, 440)  # a common screen at 200 % leaves 960 x 540
        self.resize(1280, 840)
        self._recent: tuple[str, ...] = ()
        self.side: QWidget | None = None  # what can stand beside the pages
        self._under: QWidget | None = None  # what a page covers that belongs to no tab
        self.header = Header(tabs)
        self.tabs = self.header.tabs
        self.start = StartPage(preferences)
        self.start.open_requested.connect(self.choose_project)
        self.start.recent_requested.connect(self.open_requested)
        self.notice = Notice()
        self.start.failed.connect(self.notice.show_error)
        self.news = Notice()  # of new versions; what is said on a page does not end it
        self.stack = QStackedWidget()
        self.stack.addWidget(self.start)
        self.split = QSplitter()
        self.split.setChildrenCollapsible(False)
        self.split.addWidget(self.stack)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.header)
        margin = QVBoxLayout()
        margin.setContentsMargins(24, 0, 24, 0)
        margin.addWidget(self.notice)
        margin.addWidget(self.news)
        layout.addLayout(margin)
        layout.addWidget(self.split, 1)
        self.header.choose_requested.connect(self.choose_project)
        self.header.open_requested.connect(self.open_requested)
        self.header.quit_requested.connect(self.close)
        self._bind_keys(tabs)
        self.show_start()

    def _bind_keys(self, tabs: dict[str, str]) -> None:
        bind(self, QKeySequence.StandardKey.New, tr("New project"), self.header.new_requested)
        bind(self, QKeySequence.StandardKey.Open, tr("Open a project"), self.choose_project)
        bind(self, QKeySequence.StandardKey.Quit, tr("Quit"), self.close)
        bind(self, "Ctrl+K", tr("Find an action by name"), self.header.palette_requested)
        bind(self, "Ctrl+,", tr("Settings"), self.header.settings_requested)
        bind(self, "Ctrl+/", tr("This list of keys"), self.header.keys_requested)
        bind(self, "F6", tr("To the guide, and back to the page"), self._change_side)
        # No lambdas: one that holds its window is a cycle, which may be collected in any thread.
        for number, (key, title) in enumerate(tabs.items(), start=1):
            bind(self, f"Ctrl+{number}", tr("To {title}", title=title), self._ask_page).setObjectName(key)

    def show_start(self) -> None:
        """No project is open."""
        self.setWindowTitle("Plumbline")
        self._under = None
        self.header.show_start()
        self.stack.setCurrentWidget(self.start)
        self.start.take_focus()

    def show_project(self, name: str) -> None:
        """A project of that name is open; its pages come by `add_page`."""
        self.notice.clear()
        self.setWindowTitle(tr("{name} – Plumbline", name=name))
        self.header.show_project(name)

    def show_recent(self, folders: tuple[str, ...]) -> None:
        """Offer these projects, newest first."""
        self._recent = folders
        self.header.show_recent(folders)
        self.start.show_recent(folders)

    def add_page(self, page: QWidget) -> None:
        """Take a page in."""
        self.stack.addWidget(page)

    def show_page(self, key: str, page: QWidget) -> None:
        """Show a page that was added, and its tab as chosen."""
        self.header.show_page(key)
        self.stack.setCurrentWidget(page)

    def set_side(self, side: QWidget) -> None:
        """What can stand beside the pages."""
        self.side = side
        self.split.addWidget(side)
        self.split.setStretchFactor(0, 1)
        side.hide()

    def show_side(self, shown: bool, *, possible: bool) -> None:
        """Show or hide what stands beside the pages; `possible`: whether its button is offered."""
        self.header.show_guide(shown, possible=possible)
        if self.side is not None and self.side.isHidden() == shown:
            self.side.setVisible(shown)
            self._arrange()

    def show_over(self, page: QWidget) -> None:
        """Show a page that belongs to no tab; `show_under` goes back."""
        if self.stack.indexOf(page) < 0:
            self.stack.addWidget(page)
        if self.stack.currentWidget() is not page:
            self._under = self.stack.currentWidget()
        self.stack.setCurrentWidget(page)

    @Slot()
    def show_under(self) -> None:
        """Show again what was there before."""
        if self._under is not None and self.stack.indexOf(self._under) >= 0:
            self.stack.setCurrentWidget(self._under)
        else:
            self.stack.setCurrentWidget(self.start)

    def geometry_text(self) -> str:
        """Where the window is, to be kept in the settings."""
        return bytes(self.saveGeometry().toBase64().data()).decode("ascii")

    def restore(self, geometry: str) -> None:
        """Go where the window was; Qt moves it back onto a screen that exists."""
        if geometry:
            self.restoreGeometry(QByteArray.fromBase64(geometry.encode("ascii", "ignore")))

    @Slot()
    def choose_project(self) -> None:
        """Ask which project to open."""
        start = str(Path(self._recent[0]).parent) if self._recent else str(Path.home())
        folder = QFileDialog.getExistingDirectory(self, tr("Open a project (the folder that holds project.db)"), start)
        if folder:
            self.open_requested.emit(folder)

    @property
    def is_narrow(self) -> bool:
        """Whether the side stands below the pages."""
        return self.width() < _WIDE

    def _arrange(self) -> None:
        """The side at the right where there is room, else below."""
        way = Qt.Orientation.Vertical if self.is_narrow else Qt.Orientation.Horizontal
        if way is Qt.Orientation.Horizontal:
            sizes = [self.width() - _SIDE, _SIDE]
        else:
            sizes = [self.height() * 2 // 3, self.height() // 3]
        if self.split.orientation() is not way or 0 in self.split.sizes():
            self.split.setOrientation(way)
            self.split.setSizes(sizes)

    @Slot()
    def _ask_page(self) -> None:
        if not self.tabs.isHidden():
            self.header.page_requested.emit(self.sender().objectName())

    @Slot()
    def _change_side(self) -> None:
        """Give the focus to the side, or back to the page."""
        side, page = self.side, self.stack.currentWidget()
        if side is None or page is None or side.isHidden():
            return
        focused = self.focusWidget()
        inside = focused is not None and side.isAncestorOf(focused)
        focus_inside(page if inside else side)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """F1 and ? where nothing else wants them: a form's own help comes first, and whoever types, types."""
        if event.key() == Qt.Key.Key_F1:
            self.header.help_requested.emit()
        elif event.text() == "?":
            self.header.keys_requested.emit()
        else:
            super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self.side is not None and not self.side.isHidden():
            self._arrange()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take what may be a project or a dataset."""
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Open the project, or pass the file on."""
        for url in event.mimeData().urls():
            if url.isLocalFile():
                event.acceptProposedAction()
                self.file_dropped.emit(Path(url.toLocalFile()))
                return

    def closeEvent(self, event: QCloseEvent) -> None:
        """Let everything end that belongs to the window; training goes on."""
        self.closing.emit()
        self.start.close_down()
        super().closeEvent(event)
