"""The help window: its pages at the left, a search over all of them, and the text. It stays open beside one's work."""

from __future__ import annotations

from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QVBoxLayout,
    QWidget,
)

from studio.core.glossary.words import Word, words_in
from studio.gui import theme
from studio.gui.help.browser import HelpBrowser, page_file
from studio.gui.language import tr, translated

# In the order of reading. Pages of the tabs are called like them.
PAGES = (
    "index", "data", "label", "train", "runs", "chat", "models", "ppo", "words", "formats", "recipe", "run_folder",
    "privacy", "faq", "decisions",
)  # fmt: skip


class HelpWindow(QDialog):
    """Call `show_page`."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Help"))
        self.resize(960, 660)
        self._texts = {name: page_file(f"{name}.md").read_text(encoding="utf-8") for name in PAGES}
        self.search = QLineEdit()
        self.search.setAccessibleName(tr("Search the help"))
        self.search.setPlaceholderText(tr("Search the help"))
        self.search.setClearButtonEnabled(True)
        self.search.textChanged.connect(self._list_matching)
        self.list = QListWidget()
        self.list.setAccessibleName(tr("Pages of the help"))
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.currentItemChanged.connect(self._show_chosen)
        self.nothing = QLabel(tr("No page has these words."))
        self.nothing.setWordWrap(True)
        theme.set_role(self.nothing, "muted")
        self.browser = HelpBrowser()
        self.browser.page_requested.connect(self._follow)
        side = QWidget()
        left = QVBoxLayout(side)
        left.setContentsMargins(0, 0, 0, 0)
        left.addWidget(self.search)
        left.addWidget(self.nothing)
        left.addWidget(self.list, 1)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(12)
        side.setFixedWidth(250)
        layout.addWidget(side)
        layout.addWidget(self.browser, 1)
        self._list_matching("")

    def show_page(self, name: str, words: list[Word] | None = None) -> None:
        """Show a page, with the words that stand on the screen explained beneath; come to the front."""
        self.search.clear()
        self._choose(name)
        if words:
            said = "\n\n".join(
                tr("**{name}.** {told}", name=translated(word.term), told=translated(word.text)) for word in words
            )
            self.browser.show_text(
                tr("{texts}\n\n## Words that stand on this screen\n\n{said}\n", texts=self._texts[name], said=said)
            )
        self.show()
        self.activateWindow()

    def show_word(self, term: str) -> None:
        """Show what a word means."""
        self.search.clear()
        self._follow("words.md", term)
        self.show()
        self.activateWindow()

    def _choose(self, name: str) -> None:
        for row in range(self.list.count()):
            if self.list.item(row).data(Qt.ItemDataRole.UserRole) == name:
                self.list.setCurrentRow(row)

    @Slot(str)
    def _list_matching(self, typed: str) -> None:
        chosen = self.list.currentItem()
        before = chosen.data(Qt.ItemDataRole.UserRole) if chosen is not None else ""
        words = typed.lower().split()
        self.list.clear()
        for name, text in self._texts.items():
            if all(word in text.lower() for word in words):
                item = QListWidgetItem(text.partition("\n")[0].lstrip("# "))
                item.setData(Qt.ItemDataRole.UserRole, name)
                self.list.addItem(item)
        self.nothing.setVisible(not self.list.count())
        self._choose(before)
        if self.list.currentItem() is None:
            self.list.setCurrentRow(0)
        if typed.strip():
            self.browser.find(typed.strip())

    @Slot()
    def _show_chosen(self) -> None:
        item = self.list.currentItem()
        if item is not None:
            self.browser.show_text(self._texts[item.data(Qt.ItemDataRole.UserRole)])
            if self.search.text().strip():
                self.browser.find(self.search.text().strip())

    @Slot(str, str)
    def _follow(self, file: str, heading: str) -> None:
        name = file.removesuffix(".md")
        if name in self._texts:
            self._choose(name)
            self.browser.show_text(self._texts[name], heading)


def words_on(screen: QWidget) -> list[Word]:
    """The words of the field that stand on a part of the screen now."""
    labels = [label.text() for label in screen.findChildren(QLabel) if label.isVisible()]
    return words_in(" . ".join(labels), translated)
