"""One example as tokens: trained ones tinted and underlined, special ones as chips, line ends as ↵. Plain text.

Neighbouring tokens differ in tint, so that each is seen as a box of its own; pointing at one names its id.
"""

from __future__ import annotations

from bisect import bisect_right

from PySide6.QtCore import QEvent, Slot
from PySide6.QtGui import QColor, QFont, QHelpEvent, QTextBlockFormat, QTextCharFormat, QTextCursor
from PySide6.QtWidgets import QTextEdit, QToolTip, QWidget

from studio.core.preview import Token, TokenPreview
from studio.gui import theme
from studio.gui.language import tr
from studio.gui.widgets.visible_text import visible


class TokenView(QTextEdit):
    """Shows a TokenPreview."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setReadOnly(True)
        self.setAcceptRichText(False)
        self.setUndoRedoEnabled(False)
        self.setTabChangesFocus(True)
        self.setAccessibleName(tr("Tokens of the example"))
        self._preview: TokenPreview | None = None
        self._starts: list[int] = []
        theme.watcher().theme_changed.connect(self._repaint)

    def show_preview(self, preview: TokenPreview | None) -> None:
        """Show another preview, or nothing."""
        self._preview = preview
        self._starts = []
        self.clear()
        if preview is None:
            return
        cursor = QTextCursor(self.document())
        cursor.beginEditBlock()
        spaced = QTextBlockFormat()
        spaced.setLineHeight(135, QTextBlockFormat.LineHeightTypes.ProportionalHeight.value)
        cursor.setBlockFormat(spaced)
        for number, token in enumerate(preview.tokens):
            self._starts.append(cursor.position())
            cursor.insertText(_label(token), _look_of(token, number % 2 == 1))
        cursor.endEditBlock()
        self.moveCursor(QTextCursor.MoveOperation.Start)

    def token_at(self, position: int) -> Token | None:
        """The token that covers a position of the shown text."""
        number = bisect_right(self._starts, position) - 1
        return self._preview.tokens[number] if self._preview and number >= 0 else None

    def viewportEvent(self, event: QEvent) -> bool:
        """Name the token under the pointer."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            token = self.token_at(self.cursorForPosition(event.pos()).position())
            if token is not None:
                part = tr("trained") if token.trained else tr("read, not trained")
                QToolTip.showText(event.globalPos(), tr("Token {id}: {part}", id=token.id, part=part), self)
                return True
        return super().viewportEvent(event)

    @Slot()
    def _repaint(self) -> None:
        self.show_preview(self._preview)


def _label(token: Token) -> str:
    # Hair spaces give a chip its sides.
    return (
        f"\u200a{visible(token.text) or tr('token {number}', number=token.id)}\u200a"
        if token.special
        else visible(token.text)
    )


def _look_of(token: Token, odd: bool) -> QTextCharFormat:
    look, shown = theme.tokens(), QTextCharFormat()
    shown.setForeground(QColor(look.text))
    if token.trained:
        shown.setBackground(_tint(look.trained, odd))
        shown.setUnderlineStyle(QTextCharFormat.UnderlineStyle.SingleUnderline)
        shown.setUnderlineColor(QColor(look.trained_line))
    elif not token.special:
        shown.setBackground(_tint(look.surface, odd))
    if token.special:
        if not token.trained:
            shown.setBackground(QColor(look.special))
        shown.setFontWeight(QFont.Weight.Bold)
        shown.setFontFixedPitch(True)
        shown.setFontFamilies(theme.mono_font().families())
    return shown


def _tint(colour: str, odd: bool) -> QColor:
    """Every second token a shade apart."""
    tint = QColor(colour)
    if not odd:
        return tint
    return tint.lighter(125) if theme.tokens().dark else tint.darker(106)
