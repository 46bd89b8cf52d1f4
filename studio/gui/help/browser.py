"""Shows the program's own Markdown. Links lead to its other pages; an address of the web is asked about first.

It loads nothing but the pictures of `resources/help`, and takes no HTML.
"""

from __future__ import annotations

import re
from pathlib import Path

from PySide6.QtCore import QByteArray, Qt, QUrl, Signal, Slot
from PySide6.QtGui import QDesktopServices, QImage, QPainter, QTextBlockFormat, QTextCursor, QTextDocument
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QTextBrowser, QWidget

from studio.core.errors import StudioError
from studio.gui import theme
from studio.gui.language import spoken, tr
from studio.gui.widgets.ask import question
from studio.storage.resources import carried

_FEATURES = QTextDocument.MarkdownFeature.MarkdownDialectGitHub | QTextDocument.MarkdownFeature.MarkdownNoHTML


def page_file(name: str) -> Path:
    """A page or drawing of the help in the language of the window, or in English. Raises StudioError."""
    try:
        return carried("resources", "help", spoken(), name)
    except StudioError:
        return carried("resources", "help", name)


class HelpBrowser(QTextBrowser):
    """Signal: `page_requested(str name, str heading)`: a link to another page, and to a heading of it."""

    page_requested = Signal(str, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(tr("Help"))
        self.setOpenLinks(False)
        self.anchorClicked.connect(self._follow)
        self.document().setDocumentMargin(16)
        self._shown = ""
        theme.watcher().theme_changed.connect(self._show_again)

    def show_text(self, text: str, heading: str = "") -> None:
        """Show Markdown from its top, or from a heading on."""
        self._shown = text
        self.document().setMarkdown(text, _FEATURES)
        self._space()
        self.moveCursor(QTextCursor.MoveOperation.Start)
        if heading:
            self._go_to(heading)

    def loadResource(self, kind: int, name: QUrl | str) -> object:
        """Own drawings alone, in the colours of the theme."""
        file = QUrl(name).path()
        if kind != QTextDocument.ResourceType.ImageResource.value or not re.fullmatch(r"[a-z_]+\.svg", file):
            return None
        try:
            drawing = page_file(file).read_text(encoding="utf-8")
        except (StudioError, OSError):
            return None
        return _drawn(drawing, self.devicePixelRatioF())

    def _space(self) -> None:
        """Room between paragraphs, and more above headings; Markdown has none."""
        block = self.document().begin()
        while block.isValid():
            form = block.blockFormat()
            inside = block.textList() is not None or QTextCursor(block).currentTable() is not None
            form.setTopMargin(14 if form.headingLevel() > 1 else 0)
            form.setBottomMargin(2 if inside else 8)
            form.setLineHeight(118, QTextBlockFormat.LineHeightTypes.ProportionalHeight.value)
            QTextCursor(block).setBlockFormat(form)
            block = block.next()

    def _go_to(self, heading: str) -> None:
        wanted = _slug(heading)
        block = self.document().begin()
        while block.isValid():
            if block.blockFormat().headingLevel() and wanted in _slugs(block.text()):
                place = self.document().documentLayout().blockBoundingRect(block).top()
                self.verticalScrollBar().setValue(int(place))
                self.setTextCursor(QTextCursor(block))
                return
            block = block.next()

    @Slot()
    def _show_again(self) -> None:
        self.show_text(self._shown)

    @Slot(QUrl)
    def _follow(self, address: QUrl) -> None:
        if address.scheme() in ("http", "https"):
            self._address = address
            box = question(self, tr("Open this address in the browser?"), address.toDisplayString(), tr("Open it"))
            box.accepted.connect(self._open)
            box.open()
        elif not address.scheme():
            self.page_requested.emit(address.path(), address.fragment())

    @Slot()
    def _open(self) -> None:
        QDesktopServices.openUrl(self._address)


def _slugs(heading: str) -> list[str]:
    """A heading as links may name it: whole, or by its English part in a page of another language."""
    return [_slug(part) for part in (heading, *heading.split(" · "))]


def _slug(text: str) -> str:
    return re.sub(r"[^\w-]+", "-", text.strip().lower())


def _drawn(drawing: str, scale: float) -> QImage:
    """A drawing in light colours, as a picture in those of the theme."""
    look = theme.tokens()
    for name in ("surface", "outline", "text", "muted"):
        drawing = drawing.replace(getattr(theme.LIGHT, name), getattr(look, name))
    renderer = QSvgRenderer(QByteArray(drawing.encode()))
    picture = QImage(renderer.defaultSize() * scale, QImage.Format.Format_ARGB32_Premultiplied)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    renderer.render(painter)
    painter.end()
    picture.setDevicePixelRatio(scale)
    return picture
