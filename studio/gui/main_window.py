"""The window's frame: project menu, tabs, theme, and a place for pages. It opens nothing itself; it asks by signals."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QByteArray, Qt, Signal, Slot
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QMenu,
    QStackedWidget,
    QTabBar,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from studio.core.fields import settings_of
from studio.core.settings import AppSettings
from studio.gui import theme
from studio.gui.pages.start import StartPage
from studio.gui.widgets.notice import Notice
from studio.gui.widgets.visible_text import plain_tip

_RECENT_IN_MENU = 5


class MainWindow(QWidget):
    """Signals: `new_requested()`; `open_requested(str folder)`; `close_requested()`, of the project;
    `page_requested(str key)`, a tab; `theme_chosen(str)`; `notify_chosen(bool)`; `file_dropped(object Path)`;
    `closing()`.
    """

    new_requested = Signal()
    open_requested = Signal(str)
    close_requested = Signal()
    page_requested = Signal(str)
    theme_chosen = Signal(str)
    notify_chosen = Signal(bool)
    file_dropped = Signal(object)
    closing = Signal()

    def __init__(self, tabs: dict[str, str], chosen_theme: str) -> None:
        """`tabs`: the key of each page and its name."""
        super().__init__()
        self.setAcceptDrops(True)
        self.setMinimumSize(720, 440)  # a common screen at 200 % leaves 960 x 540
        self.resize(1280, 840)
        self._tabs = list(tabs)
        self._recent: tuple[str, ...] = ()
        self.start = StartPage()
        self.start.new_requested.connect(self.new_requested)
        self.start.open_requested.connect(self.choose_project)
        self.start.recent_requested.connect(self.open_requested)
        self.notice = Notice()
        self.stack = QStackedWidget()
        self.stack.addWidget(self.start)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self._make_header(tabs, chosen_theme))
        margin = QVBoxLayout()
        margin.setContentsMargins(24, 0, 24, 0)
        margin.addWidget(self.notice)
        layout.addLayout(margin)
        layout.addWidget(self.stack, 1)
        QShortcut(QKeySequence.StandardKey.New, self).activated.connect(self.new_requested)
        QShortcut(QKeySequence.StandardKey.Open, self).activated.connect(self.choose_project)
        QShortcut(QKeySequence.StandardKey.Quit, self).activated.connect(self.close)
        self.show_start()

    def show_start(self) -> None:
        """No project is open."""
        self.setWindowTitle("Plumbline")
        self.project_button.setText("Project")
        self.close_action.setEnabled(False)
        self.tabs.hide()
        self.stack.setCurrentWidget(self.start)
        self.start.new_button.setFocus()

    def show_project(self, name: str) -> None:
        """A project of that name is open; its pages come by `add_page`."""
        self.notice.clear()
        self.setWindowTitle(f"{name} – Plumbline")
        # An ampersand is a letter here, not a key.
        self.project_button.setText(_shortened(name).replace("&", "&&"))
        self.project_button.setToolTip(plain_tip(name))
        self.close_action.setEnabled(True)
        self.tabs.show()

    def show_notify(self, wanted: bool, possible: bool) -> None:
        """Whether the end of a run is told outside the window, and whether this desktop has a place for that."""
        self.notify_action.setChecked(wanted and possible)
        self.notify_action.setEnabled(possible)
        if not possible:
            self.notify_action.setText("Notify when a run ends (this desktop has no place for notifications)")

    def show_recent(self, folders: tuple[str, ...]) -> None:
        """Offer these projects, newest first."""
        self._recent = folders
        self.start.show_recent(folders)

    def add_page(self, page: QWidget) -> None:
        """Take a page in."""
        self.stack.addWidget(page)

    def show_page(self, key: str, page: QWidget) -> None:
        """Show a page that was added, and its tab as chosen."""
        self.tabs.blockSignals(True)
        self.tabs.setCurrentIndex(self._tabs.index(key))
        self.tabs.blockSignals(False)
        self.stack.setCurrentWidget(page)

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
        folder = QFileDialog.getExistingDirectory(self, "Open a project (the folder that holds project.db)", start)
        if folder:
            self.open_requested.emit(folder)

    def _make_header(self, tabs: dict[str, str], chosen_theme: str) -> QWidget:
        header = QFrame()
        theme.set_role(header, "sidebar")
        self.project_button = QToolButton()
        self.project_button.setAccessibleName("Project")
        self.project_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.project_button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        theme.set_role(self.project_button, "quiet")
        self.project_button.setMenu(self._make_menu())
        self.tabs = QTabBar()
        self.tabs.setAccessibleName("Pages")
        self.tabs.setDrawBase(False)
        self.tabs.setExpanding(False)
        self.tabs.setUsesScrollButtons(False)
        # No lambdas: one that holds its window is a cycle, which may be collected in any thread.
        for number, (key, title) in enumerate(tabs.items(), start=1):
            self.tabs.addTab(title)
            self.tabs.setTabToolTip(number - 1, f"{title} (Ctrl+{number})")
            shortcut = QShortcut(QKeySequence(f"Ctrl+{number}"), self)
            shortcut.setObjectName(key)
            shortcut.activated.connect(self._ask_page)
        self.tabs.currentChanged.connect(self._tab_chosen)
        self.theme_choice = QComboBox()
        self.theme_choice.setAccessibleName("Theme")
        known = next(known for known in settings_of(AppSettings) if known.name == "theme")
        self.theme_choice.setToolTip(f"{known.label}. {known.about}")
        for value, label in (known.choices or {}).items():
            self.theme_choice.addItem(label, value)
        self.theme_choice.setCurrentIndex(self.theme_choice.findData(chosen_theme))
        self.theme_choice.activated.connect(self._theme_chosen)
        sides = QHBoxLayout(header)
        sides.setContentsMargins(16, 8, 16, 8)
        sides.addWidget(self.project_button, 1, Qt.AlignmentFlag.AlignLeft)
        sides.addWidget(self.tabs)
        sides.addWidget(self.theme_choice, 1, Qt.AlignmentFlag.AlignRight)
        return header

    def _make_menu(self) -> QMenu:
        menu = QMenu(self)
        keys = QKeySequence.StandardKey
        new = menu.addAction("New project…", QKeySequence(keys.New))
        new.triggered.connect(self.new_requested)
        known = menu.addAction("Open project…", QKeySequence(keys.Open))
        known.triggered.connect(self.choose_project)
        self.recent_menu = menu.addMenu("Recent projects")
        self.recent_menu.aboutToShow.connect(self._fill_recent)
        menu.aboutToShow.connect(self._enable_recent)
        menu.addSeparator()
        self.notify_action = menu.addAction("Notify when a run ends")
        self.notify_action.setCheckable(True)
        self.notify_action.toggled.connect(self.notify_chosen)
        menu.addSeparator()
        self.close_action = menu.addAction("Close project")
        self.close_action.triggered.connect(self.close_requested)
        leave = menu.addAction("Quit", QKeySequence(keys.Quit))
        leave.triggered.connect(self.close)
        for action in (new, known, leave):  # the window's own shortcuts do the work
            action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        return menu

    @Slot()
    def _enable_recent(self) -> None:
        self.recent_menu.setEnabled(bool(self._recent))

    @Slot()
    def _fill_recent(self) -> None:
        self.recent_menu.clear()
        for folder in self._recent[:_RECENT_IN_MENU]:
            action = self.recent_menu.addAction(folder.replace("&", "&&"))
            action.setData(folder)
            action.triggered.connect(self._open_recent)

    @Slot()
    def _open_recent(self) -> None:
        self.open_requested.emit(self.sender().data())  # pyright: ignore[reportAttributeAccessIssue]

    @Slot(int)
    def _tab_chosen(self, index: int) -> None:
        self.page_requested.emit(self._tabs[index])

    @Slot()
    def _ask_page(self) -> None:
        if not self.tabs.isHidden():
            self.page_requested.emit(self.sender().objectName())

    @Slot(int)
    def _theme_chosen(self, index: int) -> None:
        self.theme_chosen.emit(self.theme_choice.itemData(index))

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
        super().closeEvent(event)


def _shortened(name: str) -> str:
    return name if len(name) <= 32 else name[:30] + "…"
