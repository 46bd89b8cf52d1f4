"""What can be opened around the pages: palette, sheet of keys, help, settings, about box, and what trains."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot
from PySide6.QtWidgets import QDialog

from studio.core.glossary.words import WORDS
from studio.gui.about import AboutDialog
from studio.gui.actions import Action, actions_in, actions_of, keys_in
from studio.gui.help.window import HelpWindow, words_on
from studio.gui.key_sheet import KeySheet
from studio.gui.language import tr, translated
from studio.gui.main_window import MainWindow
from studio.gui.palette import Palette
from studio.gui.preferences import Preferences
from studio.gui.settings_dialog import SettingsDialog
from studio.jobs.background import end_tasks
from studio.storage.machine import torch_knows_cuda

if TYPE_CHECKING:
    from studio.gui.pages.runtime import RuntimePage


def _asks(term: str) -> str:
    """A word of the field as it is asked about: also found by its English name in another language."""
    said = translated(term)
    return tr("What is “{term}”?", term=term if said == term else f"{said} · {term}")


class Around(QObject):
    """Opens them over the window, one of each at a time."""

    def __init__(self, window: MainWindow, preferences: Preferences, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._window, self._preferences = window, preferences
        self._runtime: RuntimePage | None = None
        window.start.runtime_requested.connect(self.show_runtime)
        window.header.palette_requested.connect(self.show_palette)
        self._help: HelpWindow | None = None  # made when it is first wanted
        window.header.help_requested.connect(self.show_help)
        window.header.keys_requested.connect(self.show_keys)
        window.header.settings_requested.connect(self.show_settings)
        window.header.about_requested.connect(self.show_about)

    def actions(self) -> list[Action]:
        """Everything that can be done in the window now: on the page first, then around it."""
        window = self._window
        page, menu = window.stack.currentWidget(), window.header.project_button.menu()
        found = actions_in(page, self._page_name()) if page is not None else []
        if window.side is not None and window.side.isVisible():
            found += actions_in(window.side, tr("Guide"))
        found += [
            one
            for one in actions_in(window.header, tr("Window"))
            if one.label not in (tr("Project"), tr("Find an action"))
        ]
        known = {(one.label, one.where) for one in found}
        if menu is not None:
            found += [one for one in actions_of(menu, tr("Project")) if (one.label, tr("Project")) not in known]
        found += [Action(_asks(term), tr("Help"), "", partial(self.show_word, term)) for term in WORDS]
        return found

    @Slot()
    def show_palette(self) -> None:
        """Offer every action by name."""
        if not self._is_open(Palette):
            palette = Palette(self.actions(), self._window)
            palette.chosen.connect(self._run)
            palette.open()

    @Slot()
    def show_keys(self) -> None:
        """List the keys of this page, and those of every page."""
        if not self._is_open(KeySheet):
            page = self._window.stack.currentWidget()
            here = keys_in(page) if page is not None else {}
            everywhere = {about: keys for about, keys in keys_in(self._window).items() if about not in self._of_pages()}
            KeySheet([(self._page_name(), here), (tr("Everywhere"), everywhere)], self._window).open()

    @Slot()
    def show_help(self) -> None:
        """Tell about the page that is shown, and the words on it."""
        page = self._window.stack.currentWidget()
        name = "index" if self._window.tabs.isHidden() else self._window.header.pages[self._window.tabs.currentIndex()]
        self._helping().show_page(name, words_on(page) if page is not None else None)

    def show_word(self, term: str) -> None:
        """Tell what a word means."""
        self._helping().show_word(term)

    def _helping(self) -> HelpWindow:
        if self._help is None:
            self._help = HelpWindow(self._window)
        return self._help

    @Slot()
    def show_settings(self) -> None:
        """Let the settings be changed."""
        if not self._is_open(SettingsDialog):
            dialog = SettingsDialog(self._preferences, self._window)
            dialog.runtime_requested.connect(self.show_runtime)
            dialog.open()

    @Slot()
    def show_runtime(self) -> None:
        """Show what trains, which the small packaged program sets up."""
        from studio.gui.pages.runtime import RuntimePage  # few programs ever need it

        if self._runtime is None:
            self._runtime = RuntimePage()
            self._runtime.left.connect(self._window.show_under)
            self._runtime.changed.connect(self._look_again)
        self._window.show_over(self._runtime)

    def close_down(self) -> None:
        """End what is under way."""
        end_tasks(self._window)

    @Slot()
    def show_about(self) -> None:
        """Tell versions and licences."""
        if not self._is_open(AboutDialog):
            AboutDialog(self._window).open()

    @Slot()
    def _look_again(self) -> None:
        torch_knows_cuda.cache_clear()
        self._window.start.machine.look_again()

    @Slot(object)
    def _run(self, action: Action) -> None:
        action.run()

    def _is_open(self, kind: type[QDialog]) -> bool:
        return any(dialog.isVisible() for dialog in self._window.findChildren(kind))

    def _page_name(self) -> str:
        tabs = self._window.tabs
        return tr("Start") if tabs.isHidden() else tabs.tabText(tabs.currentIndex())

    def _of_pages(self) -> set[str]:
        stack = self._window.stack
        pages = (stack.widget(index) for index in range(stack.count()))
        return {about for page in pages if page is not None for about in keys_in(page)}
