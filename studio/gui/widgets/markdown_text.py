"""Markdown as text in a document, made piece by piece: nothing in it is ever taken for HTML, and nothing is fetched.

Raw HTML stays visible as it was written, pictures become their description, links keep their address and do nothing by
themselves. Tables are set in a fixed-width font. `Growing` shows an answer while it is written: what stands is not made
again, only the last block is.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from markdown_it import MarkdownIt
from markdown_it.token import Token
from PySide6.QtGui import QColor, QFont, QTextBlockFormat, QTextCharFormat, QTextCursor, QTextDocument

from studio.gui import theme
from studio.gui.language import tr

_LINE = "\u2028"  # a new line in the same block
_STEP = 20  # pixels that a level of a list or a quotation is moved in
_LONG_BLOCK = 6_000  # characters of one block, beyond which it is shown as it is until it ends
_LONG_TEXT = 6_000  # characters that are made anew in a few milliseconds
_SAFE_LINKS = ("http://", "https://", "mailto:")


@cache
def _parser() -> MarkdownIt:
    made = MarkdownIt("commonmark", {"html": False, "linkify": False, "maxNesting": 20})
    return made.enable(["table", "strikethrough"])


def insert_markdown(cursor: QTextCursor, text: str) -> None:
    """Put Markdown at a cursor, a new block first."""
    _Writer(cursor).write(_parser().parse(text))


def last_block(text: str) -> int:
    """Where the last top-level block of a text begins: what is before it stays as it is, whatever follows."""
    starts = [token.map[0] for token in _parser().parse(text) if token.level == 0 and token.map and token.nesting >= 0]
    if not starts or not starts[-1]:
        return 0
    place = 0
    for _ in range(starts[-1]):
        place = text.index("\n", place) + 1
    return place


class Growing:
    """An answer at the end of a document while it is written."""

    def __init__(self, document: QTextDocument) -> None:
        self._document = document
        self._text = ""
        self._stands = 0  # characters of the text that are made for good
        self._begin = self._end = _end(document).position()  # where it begins, and where they end in the document
        self._raw = False  # the last block is too long to be made again each time

    def show(self, text: str) -> None:
        """Show the answer as it is now: it begins as before."""
        if self._raw and text.startswith(self._text) and "\n\n" not in text[len(self._text) :]:
            _end(self._document).insertText(text[len(self._text) :].replace("\n", _LINE))
            self._text = text
            return
        self._text = text
        tail = text[self._stands :]
        cursor = _end(self._document)
        cursor.beginEditBlock()
        cursor.setPosition(self._end)
        cursor.movePosition(QTextCursor.MoveOperation.End, QTextCursor.MoveMode.KeepAnchor)
        cursor.removeSelectedText()
        place = last_block(tail[: tail.rfind("\n") + 1])  # half a line can still become anything
        if place:
            insert_markdown(cursor, tail[:place])
            self._stands += place
            self._end = _end(self._document).position()
            tail = tail[place:]
        self._raw = len(tail) > _LONG_BLOCK
        if self._raw:
            cursor.insertBlock(_block(), QTextCharFormat())
            cursor.insertText(tail.replace("\n", _LINE))
        else:
            insert_markdown(cursor, tail)
        cursor.endEditBlock()

    def finish(self, text: str) -> None:
        """Show the whole answer, made in one piece where that is quick: what stands can mean something else then."""
        self._raw, self._text = False, ""
        if len(text) <= _LONG_TEXT:
            self._stands, self._end = 0, self._begin
        self.show(text)


class _Writer:
    def __init__(self, cursor: QTextCursor) -> None:
        self._cursor = cursor
        self._indent = 0
        self._quotes = 0
        self._lists: list[int | None] = []  # the number of the next item; None for bullets
        self._mark = ""  # stands before the next block
        self._first = True
        self._tight = False

    def write(self, tokens: Sequence[Token]) -> None:
        table: list[list[str]] | None = None
        heading = 0
        for token in tokens:
            match token.type:
                case "heading_open":
                    heading = int(token.tag[1:])
                case "heading_close":
                    heading = 0
                case "bullet_list_open" | "ordered_list_open":
                    start = int(token.attrGet("start") or 1)
                    self._lists.append(start if token.type[0] == "o" else None)
                    self._indent += 1
                case "bullet_list_close" | "ordered_list_close":
                    self._lists.pop()
                    self._indent -= 1
                case "list_item_open":
                    self._mark = self._next_mark()
                case "blockquote_open":
                    self._quotes += 1
                case "blockquote_close":
                    self._quotes -= 1
                case "table_open":
                    table = []
                case "tr_open" if table is not None:
                    table.append([])
                case "table_close" if table is not None:
                    self._code(_as_table(table))
                    table = None
                case "inline":
                    if table is not None:
                        table[-1].append(_plain(token.children or []))
                    else:
                        self._paragraph(token.children or [], heading, tight=token.level > 1 and bool(self._lists))
                case "fence" | "code_block":
                    self._code(token.content.rstrip("\n"))
                case "hr":
                    self._open(12)
                    self._cursor.insertText("―" * 12, _look(colour=theme.tokens().muted))
                case _:
                    pass

    def _next_mark(self) -> str:
        number = self._lists[-1]
        if number is None:
            return "•\u2002"
        self._lists[-1] = number + 1
        return f"{number}.\u2002"

    def _open(self, above: int) -> None:
        shape = _block(4 if self._first else above)
        shape.setLeftMargin((self._indent + self._quotes) * _STEP)
        self._cursor.insertBlock(shape, QTextCharFormat())
        self._first = False
        if self._mark:
            self._cursor.insertText(self._mark, _look(colour=theme.tokens().muted))
            self._mark = ""

    def _paragraph(self, children: Sequence[Token], heading: int, *, tight: bool) -> None:
        self._open(14 if heading else 4 if tight else 10)
        base = _look(colour=theme.tokens().muted) if self._quotes else QTextCharFormat()
        if heading:
            base.setFontWeight(QFont.Weight.Bold)
            base.setProperty(QTextCharFormat.Property.FontPixelSize, theme.tokens().font + max(0, 4 - heading) * 2)
        stack = [base]
        for child in children:
            now = stack[-1]
            match child.type:
                case "text" | "html_inline":
                    self._cursor.insertText(child.content, now)
                case "softbreak" | "hardbreak":
                    self._cursor.insertText(_LINE, now)
                case "code_inline":
                    self._cursor.insertText(child.content, _code_look(now))
                case "image":
                    self._cursor.insertText(
                        tr("[picture: {content}]", content=child.content or child.attrGet("src")), _faint(now)
                    )
                case "link_open":
                    stack.append(_link(now, str(child.attrGet("href") or "")))
                case "strong_open" | "em_open" | "s_open":
                    stack.append(_emphasis(now, child.type))
                case "strong_close" | "em_close" | "s_close" | "link_close" if len(stack) > 1:
                    stack.pop()
                case _:
                    pass

    def _code(self, text: str) -> None:
        self._open(10)
        shape = self._cursor.blockFormat()
        shape.setBackground(QColor(theme.tokens().raised))
        self._cursor.setBlockFormat(shape)
        self._cursor.insertText(text.replace("\n", _LINE), _code_look(QTextCharFormat()))


def _block(above: int = 4) -> QTextBlockFormat:
    shape = QTextBlockFormat()
    shape.setTopMargin(above)
    shape.setLineHeight(130, QTextBlockFormat.LineHeightTypes.ProportionalHeight.value)
    return shape


def _end(document: QTextDocument) -> QTextCursor:
    cursor = QTextCursor(document)
    cursor.movePosition(QTextCursor.MoveOperation.End)
    return cursor


def _look(*, colour: str) -> QTextCharFormat:
    look = QTextCharFormat()
    look.setForeground(QColor(colour))
    return look


def _faint(now: QTextCharFormat) -> QTextCharFormat:
    look = QTextCharFormat(now)
    look.setForeground(QColor(theme.tokens().muted))
    return look


def _code_look(now: QTextCharFormat) -> QTextCharFormat:
    look = QTextCharFormat(now)
    look.setFontFamilies(theme.mono_font().families())
    look.setFontFixedPitch(True)
    look.setBackground(QColor(theme.tokens().raised))
    return look


def _emphasis(now: QTextCharFormat, kind: str) -> QTextCharFormat:
    look = QTextCharFormat(now)
    if kind == "strong_open":
        look.setFontWeight(QFont.Weight.Bold)
    elif kind == "em_open":
        look.setFontItalic(True)
    else:
        look.setFontStrikeOut(True)
    return look


def _link(now: QTextCharFormat, address: str) -> QTextCharFormat:
    look = QTextCharFormat(now)
    if address.lower().startswith(_SAFE_LINKS):
        look.setAnchor(True)
        look.setAnchorHref(address)
        look.setForeground(QColor(theme.tokens().accent))
        look.setFontUnderline(True)
    return look


def _plain(children: Sequence[Token]) -> str:
    return "".join(child.content for child in children if child.type in ("text", "code_inline", "html_inline", "image"))


def _as_table(rows: Sequence[Sequence[str]]) -> str:
    columns = max((len(row) for row in rows), default=0)
    widths = [max((len(row[at]) for row in rows if at < len(row)), default=0) for at in range(columns)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False)).rstrip() for row in rows]
    if len(lines) > 1:
        lines.insert(1, "  ".join("─" * width for width in widths))
    return "\n".join(lines)
