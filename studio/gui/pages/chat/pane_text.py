"""What was said in a pane, as one text: messages as they were typed, answers as Markdown, one turn marked.

Nothing is fetched to show it, and a link is asked about before it is opened. Text that streams in is shown a few times
a second, however fast it comes.
"""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Sequence

from PySide6.QtCore import Qt, QTimer, QUrl, Signal, Slot
from PySide6.QtGui import (
    QColor,
    QDesktopServices,
    QFont,
    QKeyEvent,
    QMouseEvent,
    QResizeEvent,
    QTextBlockFormat,
    QTextCharFormat,
    QTextCursor,
)
from PySide6.QtWidgets import QTextBrowser, QTextEdit, QWidget

from studio.core.dialogue import Turn
from studio.gui import theme
from studio.gui.language import tr
from studio.gui.widgets.ask import question
from studio.gui.widgets.markdown_text import Growing

_EVERY = 60  # ms between two showings of an answer that streams; longer when showing takes long
_SHARE = 8  # times as long as a showing took passes until the next
_MOST = 8_000  # characters of a message that are shown


class PaneText(QTextBrowser):
    """turn_chosen(int): the reader pointed at a turn, told by its place among those that are shown. turn_stepped(int):
    Alt+Up (-1) or Alt+Down (+1) was pressed, for the turn before or after."""

    turn_chosen = Signal(int)
    turn_stepped = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAcceptRichText(False)
        self.setUndoRedoEnabled(False)
        self.setOpenLinks(False)
        self.setTabChangesFocus(True)
        self.setPlaceholderText(tr("What this model answers appears here."))
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse
            | Qt.TextInteractionFlag.TextSelectableByKeyboard
            | Qt.TextInteractionFlag.LinksAccessibleByMouse
            | Qt.TextInteractionFlag.LinksAccessibleByKeyboard
        )
        self.anchorClicked.connect(self._ask_about)
        self._starts: list[int] = []  # where each turn begins in the text
        self._address = QUrl()
        self._growing: Growing | None = None
        self._shown = self._wanted = ""
        self._showing = QTimer(self, singleShot=True)
        self._showing.timeout.connect(self._show_more)
        self._follows = True  # the end stays in sight, until the reader scrolls up
        bar = self.verticalScrollBar()
        bar.valueChanged.connect(self._take_place)
        bar.rangeChanged.connect(self._take_range)

    def loadResource(self, kind: int, name: QUrl | str) -> object:
        """Qt: what a document asks for. Nothing is ever loaded."""
        return None

    # ---------------------------------------------------------------------------------------------- what is shown

    def show_turns(self, turns: Sequence[Turn]) -> None:
        """Write everything anew, in the colours of the theme."""
        self._showing.stop()
        self._growing = None
        self.clear()
        self._starts = []
        for turn in turns:
            self.add_message(turn)
            if turn.model:
                self.begin_answer(turn)
                self.finish_answer(turn)
        self.to_end()

    def show_answer(self, turn: Turn) -> None:
        """Show an answer alone, without a name."""
        self.show_turns([])
        if turn.answer:
            Growing(self.document()).finish(turn.answer)
            QTextCursor(self.document()).deleteChar()  # the empty line before its first block
        self._follow_again(False)
        self.verticalScrollBar().setValue(0)

    def add_message(self, turn: Turn) -> None:
        """A turn's message at the end."""
        self._starts.append(self._end().position())
        self._header(tr("You"), theme.tokens().muted)
        text = turn.prompt
        if len(text) > _MOST:
            text = tr("{text}… ({count:,} characters more)", text=text[:_MOST], count=len(turn.prompt) - _MOST)
        self._paragraph(4).insertText(text.replace("\n", "\u2028"), QTextCharFormat())

    def begin_answer(self, turn: Turn) -> None:
        """An answer begins."""
        self._header(turn.model, theme.tokens().accent)
        self._growing = Growing(self.document())
        self._shown = self._wanted = ""
        if turn.answer:
            self.grow(turn.answer)

    def grow(self, answer: str) -> None:
        """Show more of the answer that is being written, soon."""
        self._wanted = answer
        if not self._showing.isActive():
            self._show_more()

    def finish_answer(self, turn: Turn) -> None:
        """The answer is complete."""
        self._showing.stop()
        if self._growing is not None:
            follows = self._follows
            self._growing.finish(turn.answer)
            self._growing = None
            self._follow_again(follows)

    def mark(self, place: int | None) -> None:
        """Mark a turn, by its place."""
        found: list[QTextEdit.ExtraSelection] = []
        if place is not None and 1 < len(self._starts) > place:
            selection = QTextEdit.ExtraSelection()
            selection.format.setBackground(QColor(theme.tokens().accent_soft))
            selection.format.setProperty(QTextCharFormat.Property.FullWidthSelection, True)
            selection.cursor = QTextCursor(self.document())
            selection.cursor.setPosition(min(self._starts[place] + (place > 0), self._end().position()))
            found.append(selection)  # its first line is mark enough
        self.setExtraSelections(found)

    def show_turn(self, place: int) -> None:
        """Scroll so that a turn is seen."""
        cursor = QTextCursor(self.document())
        cursor.setPosition(min(self._starts[place] + (place > 0), self._end().position()))
        self.setTextCursor(cursor)
        self.ensureCursorVisible()

    def to_end(self) -> None:
        """Scroll to the end, and stay there while more comes."""
        self._follow_again(True)

    @Slot()
    def _show_more(self) -> None:
        if self._growing is None or self._wanted == self._shown:
            return
        began = time.perf_counter()
        follows = self._follows
        self._growing.show(self._wanted)
        self._shown = self._wanted
        self._follow_again(follows)
        took = (time.perf_counter() - began) * 1000
        self._showing.start(max(_EVERY, int(took * _SHARE)))

    def _follow_again(self, follows: bool) -> None:
        """After a change of the text or its width, of which Qt moves the bar too: keep to the end, or to the place."""
        self._follows = follows
        if follows:
            bar = self.verticalScrollBar()
            bar.setValue(bar.maximum())

    @Slot(int)
    def _take_place(self, value: int) -> None:
        self._follows = value >= self.verticalScrollBar().maximum() - 4

    @Slot(int, int)
    def _take_range(self, _low: int, high: int) -> None:
        if self._follows:
            self.verticalScrollBar().setValue(high)

    def _header(self, word: str, colour: str) -> None:
        look = QTextCharFormat()
        look.setForeground(QColor(colour))
        look.setFontWeight(QFont.Weight.DemiBold)
        look.setProperty(QTextCharFormat.Property.FontPixelSize, theme.tokens().small)
        self._paragraph(0 if self.document().isEmpty() else 16).insertText(word, look)

    def _paragraph(self, above: int) -> QTextCursor:
        """A new paragraph at the end, with so many pixels above it."""
        shape = QTextBlockFormat()
        shape.setTopMargin(above)
        shape.setLineHeight(130, QTextBlockFormat.LineHeightTypes.ProportionalHeight.value)
        cursor = self._end()
        if self.document().isEmpty():
            cursor.setBlockFormat(shape)
        else:
            cursor.insertBlock(shape, QTextCharFormat())
        return cursor

    def _end(self) -> QTextCursor:
        cursor = QTextCursor(self.document())
        cursor.movePosition(QTextCursor.MoveOperation.End)
        return cursor

    def resizeEvent(self, event: QResizeEvent) -> None:
        follows = self._follows
        super().resizeEvent(event)
        self._follow_again(follows)

    # ----------------------------------------------------------------------------------------------- what is clicked

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}.get(Qt.Key(event.key()))
        if step is not None and event.modifiers() & Qt.KeyboardModifier.AltModifier:
            self.turn_stepped.emit(step)
        else:
            super().keyPressEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        super().mouseReleaseEvent(event)
        if not self.textCursor().hasSelection():
            place = bisect_right(self._starts, self.cursorForPosition(event.position().toPoint()).position()) - 1
            if place >= 0:
                self.turn_chosen.emit(place)

    @Slot(QUrl)
    def _ask_about(self, address: QUrl) -> None:
        shown = address.toString()
        told = tr("{shown}\n\nIt opens in your browser, which goes to the network.", shown=shown)
        box = question(self, tr("Open this link?"), told, tr("Open"))
        box.setObjectName("link")
        self._address = address
        box.accepted.connect(self._open)
        box.open()

    @Slot()
    def _open(self) -> None:
        QDesktopServices.openUrl(self._address)
