"""One answer to be judged: a letter, its text in large plain letters, and what was said of it so far."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QFont, QFontDatabase
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QTextEdit,
    QVBoxLayout,
    QWidget,
)

from studio.gui import theme
from studio.gui.language import tr

_LETTERS = 16  # pixels: large enough to read hundreds of answers


def reading_field(name: str) -> QTextEdit:
    """A field for plain text in large letters (fill it with `setPlainText` alone); each paragraph runs its own way."""
    field = QTextEdit(readOnly=True, acceptRichText=False, undoRedoEnabled=False)  # unlike QPlainTextEdit, aligns RTL
    field.setAccessibleName(name)
    field.setTabChangesFocus(True)
    field.setTextInteractionFlags(
        Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
    )
    field.setFont(reading_font(fixed=False))
    return field


def reading_font(*, fixed: bool) -> QFont:
    """The font of what is read; `fixed` for code."""
    kind = QFontDatabase.SystemFont.FixedFont if fixed else QFontDatabase.SystemFont.GeneralFont
    font = QFontDatabase.systemFont(kind)
    font.setPixelSize(_LETTERS)
    return font


class AnswerPane(QFrame):
    """Signals: `edit_requested(int place)`: the user wants to improve this answer. place: where it stands on screen."""

    edit_requested = Signal(int)

    def __init__(self, place: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._place = place
        self.letter = chr(ord("A") + place)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Expanding)  # all panes are equally wide
        self.setMinimumHeight(110)
        theme.set_role(self, "choice")
        self.title = QLabel(self.letter)
        theme.set_role(self.title, "heading")
        self.state = QLabel()
        theme.set_role(self.state, "chip")
        self.edit = QPushButton()
        self.edit.setToolTip(
            tr("This one is the best, and I improve it: what I write is kept as better than all others")
        )
        theme.set_role(self.edit, "quiet")
        self.edit.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.edit.clicked.connect(self._ask_edit)
        self.text = reading_field(tr("Answer {letter}", letter=self.letter))
        head = QHBoxLayout()
        head.addWidget(self.title)
        head.addWidget(self.state)
        head.addStretch()
        head.addWidget(self.edit)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 6, 12, 12)
        layout.setSpacing(4)
        layout.addLayout(head)
        layout.addWidget(self.text, 1)
        self.say("")

    def show_answer(self, text: str, *, alone: bool) -> None:
        """Show another answer from its beginning. alone: there is no other beside it."""
        self.text.setPlainText(text)
        self.title.setVisible(not alone)
        self.text.setAccessibleName(tr("Answer") if alone else tr("Answer {letter}", letter=self.letter))
        self.edit.setText(tr("Improve  (⇧{place})", place=self._place + 1))

    def say(self, words: str, *, chosen: bool = False) -> None:
        """Say beside the letter what was found; `chosen` draws the frame of a winner."""
        self.state.setText(words)
        self.state.setVisible(bool(words))
        if self.property("chosen") is not chosen:
            self.setProperty("chosen", chosen)
            theme.set_role(self, "choice")

    def set_fixed(self, fixed: bool) -> None:
        """Letters of one width, for code."""
        self.text.setFont(reading_font(fixed=fixed))

    def scroll(self, pages: int) -> None:
        """Move on or back by most of what is visible."""
        bar = self.text.verticalScrollBar()
        bar.setValue(bar.value() + pages * max(1, bar.pageStep() - 1))

    @Slot()
    def _ask_edit(self) -> None:
        self.edit_requested.emit(self._place)
