"""The top of the window: the project's menu, the tabs, and the few buttons that are always there."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QKeySequence, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QMenu, QTabBar, QToolButton, QWidget

from studio.gui import icons, theme
from studio.gui.language import tr
from studio.gui.widgets.visible_text import plain_tip

_RECENT_IN_MENU = 5
_TIGHT = 900  # logical pixels, below which the tabs need all the room there is


class Header(QFrame):
    """Signals: `new_requested()`, `choose_requested()`: of a project to open, `open_requested(str folder)`,
    `close_requested()`, `quit_requested()`, `page_requested(str key)`, `palette_requested()`, `help_requested()`,
    `settings_requested()`, `about_requested()`, `keys_requested()`, `guide_toggled(bool)`.
    """

    new_requested = Signal()
    choose_requested = Signal()
    open_requested = Signal(str)
    close_requested = Signal()
    quit_requested = Signal()
    page_requested = Signal(str)
    palette_requested = Signal()
    help_requested = Signal()
    settings_requested = Signal()
    about_requested = Signal()
    keys_requested = Signal()
    guide_toggled = Signal(bool)

    def __init__(self, tabs: dict[str, str], parent: QWidget | None = None) -> None:
        """`tabs`: the key of each page and its name."""
        super().__init__(parent)
        theme.set_role(self, "sidebar")
        self.pages = list(tabs)  # their keys, as the tabs stand
        self._recent: tuple[str, ...] = ()
        self.project_button = QToolButton()
        self.project_button.setAccessibleName(tr("Project"))
        self.project_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.project_button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        theme.set_role(self.project_button, "quiet")
        self.project_button.setMenu(self._make_menu())
        self.tabs = QTabBar()
        self.tabs.setAccessibleName(tr("Pages"))
        self.tabs.setDrawBase(False)
        self.tabs.setExpanding(False)
        self.tabs.setUsesScrollButtons(False)
        for number, title in enumerate(tabs.values()):
            self.tabs.addTab(title)
            self.tabs.setTabToolTip(number, tr("{title} (Ctrl+{number})", title=title, number=number + 1))
        self.tabs.currentChanged.connect(self._tab_chosen)
        self.guide = self._tool("graduation-cap", tr("Guide"), tr("Shows or hides the guide"))
        self.guide.setCheckable(True)
        self.guide.toggled.connect(self.guide_toggled)
        self.search = self._tool(
            "search", tr("Find an action"), tr("Everything that can be done here, by name (Ctrl+K)")
        )
        self.search.clicked.connect(self.palette_requested)
        self.help = self._tool("circle-question-mark", tr("Help"), tr("Help, and what the words mean (F1)"))
        self.help.clicked.connect(self.help_requested)
        self.settings = self._tool("settings", tr("Settings"), tr("Settings (Ctrl+,)"))
        self.settings.clicked.connect(self.settings_requested)
        sides = QHBoxLayout(self)
        sides.setContentsMargins(16, 8, 16, 8)
        sides.setSpacing(2)
        sides.addWidget(self.project_button, 1, Qt.AlignmentFlag.AlignLeft)
        sides.addWidget(self.tabs)
        sides.addStretch(1)
        for button in (self.guide, self.search, self.help, self.settings):
            sides.addWidget(button)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """On a small screen the tabs stand closer."""
        super().resizeEvent(event)
        role = "tight" if self.width() < _TIGHT else ""
        if self.tabs.property("role") != role:
            theme.set_role(self.tabs, role)

    def show_start(self) -> None:
        """No project is open."""
        self.project_button.setText(tr("Project"))
        self.guide.hide()
        self.close_action.setEnabled(False)
        self.tabs.hide()

    def show_project(self, name: str) -> None:
        """A project of that name is open."""
        # An ampersand is a letter here, not a key.
        self.project_button.setText(_shortened(name).replace("&", "&&"))
        self.project_button.setToolTip(plain_tip(name))
        self.close_action.setEnabled(True)
        self.tabs.show()

    def show_page(self, key: str) -> None:
        """Show a tab as chosen."""
        self.tabs.blockSignals(True)
        self.tabs.setCurrentIndex(self.pages.index(key))
        self.tabs.blockSignals(False)

    def show_guide(self, shown: bool, *, possible: bool) -> None:
        """Whether there is a guide, and whether it is shown."""
        self.guide.blockSignals(True)
        self.guide.setChecked(shown)
        self.guide.blockSignals(False)
        self.guide.setVisible(possible)

    def show_recent(self, folders: tuple[str, ...]) -> None:
        """Offer these projects, newest first."""
        self._recent = folders

    @staticmethod
    def _tool(drawing: str, name: str, about: str) -> QToolButton:
        button = QToolButton()
        icons.put(button, drawing)
        button.setAccessibleName(name)
        button.setToolTip(about)
        button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        theme.set_role(button, "quiet")
        return button

    def _make_menu(self) -> QMenu:
        menu = QMenu(self)
        keys = QKeySequence.StandardKey
        new = menu.addAction(tr("New project…"), QKeySequence(keys.New))
        new.triggered.connect(self.new_requested)
        known = menu.addAction(tr("Open project…"), QKeySequence(keys.Open))
        known.triggered.connect(self.choose_requested)
        self.recent_menu = menu.addMenu(tr("Recent projects"))
        self.recent_menu.aboutToShow.connect(self._fill_recent)
        menu.aboutToShow.connect(self._enable_recent)
        self.close_action = menu.addAction(tr("Close project"))
        self.close_action.triggered.connect(self.close_requested)
        menu.addSeparator()
        settings = menu.addAction(tr("Settings…"), QKeySequence("Ctrl+,"))
        settings.triggered.connect(self.settings_requested)
        helping = menu.addAction(tr("Help"), QKeySequence("F1"))
        helping.triggered.connect(self.help_requested)
        shortcuts = menu.addAction(tr("Keyboard shortcuts"), QKeySequence("Ctrl+/"))
        shortcuts.triggered.connect(self.keys_requested)
        about = menu.addAction(tr("About Plumbline"))
        about.triggered.connect(self.about_requested)
        menu.addSeparator()
        leave = menu.addAction(tr("Quit"), QKeySequence(keys.Quit))
        leave.triggered.connect(self.quit_requested)
        for action in (new, known, settings, helping, shortcuts, leave):  # the window's own shortcuts do the work
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
        self.page_requested.emit(self.pages[index])


def _shortened(name: str) -> str:
    return name if len(name) <= 32 else name[:30] + "…"
