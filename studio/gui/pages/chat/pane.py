"""One side of the chat: what runs in it, what was said, and how the last answer went."""

from __future__ import annotations

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QColor, QFont, QGuiApplication, QResizeEvent, QTextBlockFormat, QTextCharFormat, QTextCursor
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSizePolicy, QTextEdit, QVBoxLayout, QWidget

from studio.gui import theme
from studio.gui.pages.chat.turns import Turn


class ChatPane(QWidget):
    """Keeps the turns of its side and shows them as plain text."""

    def __init__(self, name: str, hint: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        # Two panes of one width, whatever is written in them.
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.turns: list[Turn] = []
        self._name = name
        self.title = QLabel(name)
        self.title.setTextFormat(Qt.TextFormat.PlainText)
        theme.set_role(self.title, "heading")
        self.copy = QPushButton("Copy answer")
        self.copy.setAccessibleName(f"Copy the answer of {name}")
        theme.set_role(self.copy, "quiet")
        shape = self.copy.sizePolicy()
        shape.setRetainSizeWhenHidden(True)
        self.copy.setSizePolicy(shape)
        self.copy.clicked.connect(self._copy)
        self.text = QTextEdit(readOnly=True, acceptRichText=False, undoRedoEnabled=False)
        self.text.setTabChangesFocus(True)
        self.text.setPlaceholderText(hint)
        self.text.setAccessibleName(f"Conversation with {name}")
        self.text.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.footer = QLabel()
        theme.set_role(self.footer, "muted")
        foot = QHBoxLayout()
        foot.addWidget(self.footer, 1)
        foot.addWidget(self.copy)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(self.title)
        layout.addWidget(self.text, 1)
        layout.addLayout(foot)
        theme.watcher().theme_changed.connect(self.show_turns)
        self._tell()

    def set_model(self, name: str) -> None:
        """Say what runs here, as the worker told."""
        self._name = name
        self.title.setToolTip(name)
        self.title.setAccessibleName(name)
        self._fit_title()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_title()

    def _fit_title(self) -> None:
        room = self.width() - 4
        self.title.setText(self.title.fontMetrics().elidedText(self._name, Qt.TextElideMode.ElideMiddle, room))

    def forget(self) -> None:
        """Begin a new conversation."""
        self.turns.clear()
        self.show_turns()

    def ask(self, prompt: str) -> None:
        """Add a message whose answer follows."""
        self.turns.append(Turn(prompt))
        self._write_prompt(self.turns[-1])
        self._tell()
        self._to_end()

    def take_back(self) -> Turn | None:
        """Remove the last turn."""
        turn = self.turns.pop() if self.turns else None
        self.show_turns()
        return turn

    def begin(self, model: str) -> None:
        """An answer begins; `model` is what really writes it."""
        if self.turns:
            self.turns[-1].model = model
            self._write_header(model, theme.tokens().accent)
            self._write("")
        self.set_model(model)
        self._tell()

    def add(self, text: str) -> None:
        """More of the answer. A reader who scrolled up stays there."""
        if not self.turns:
            return
        bar = self.text.verticalScrollBar()
        at_end = bar.value() >= bar.maximum() - 4
        self.turns[-1].answer += text
        self._end().insertText(text)
        if at_end:
            self._to_end()

    def finish(self, ended: str, tokens: int = 0, seconds: float = 0.0) -> None:
        """The answer is complete, or as complete as it gets."""
        if self.turns and not self.turns[-1].ended:
            turn = self.turns[-1]
            turn.ended, turn.tokens, turn.seconds = ended, tokens, seconds
        self._tell()

    @Slot()
    def show_turns(self) -> None:
        """Write everything anew, in the colours of the theme."""
        self.text.clear()
        for turn in self.turns:
            self._write_prompt(turn)
            if turn.model:
                self._write_header(turn.model, theme.tokens().accent)
                self._write(turn.answer)
        self._tell()
        self._to_end()

    def _tell(self) -> None:
        last = self.turns[-1] if self.turns else None
        self.footer.setText(last.facts if last else "")
        self.copy.setVisible(bool(last and last.ended and last.answer))

    # ------------------------------------------------------------------------------------------------ the document

    def _write_prompt(self, turn: Turn) -> None:
        self._write_header("You", theme.tokens().muted)
        self._write(turn.prompt)

    def _write_header(self, word: str, colour: str) -> None:
        look = QTextCharFormat()
        look.setForeground(QColor(colour))
        look.setFontWeight(QFont.Weight.DemiBold)
        look.setProperty(QTextCharFormat.Property.FontPixelSize, theme.tokens().small)
        self._paragraph(0 if self.text.document().isEmpty() else 16).insertText(word, look)

    def _write(self, text: str) -> None:
        self._paragraph(4).insertText(text, QTextCharFormat())

    def _paragraph(self, above: int) -> QTextCursor:
        """A new paragraph at the end, with so many pixels above it."""
        shape = QTextBlockFormat()
        shape.setTopMargin(above)
        shape.setLineHeight(130, QTextBlockFormat.LineHeightTypes.ProportionalHeight.value)
        cursor = self._end()
        if self.text.document().isEmpty():
            cursor.setBlockFormat(shape)
        else:
            cursor.insertBlock(shape, QTextCharFormat())
        return cursor

    def _end(self) -> QTextCursor:
        cursor = QTextCursor(self.text.document())
        cursor.movePosition(QTextCursor.MoveOperation.End)
        return cursor

    def _to_end(self) -> None:
        bar = self.text.verticalScrollBar()
        bar.setValue(bar.maximum())

    @Slot()
    def _copy(self) -> None:
        if self.turns:
            QGuiApplication.clipboard().setText(self.turns[-1].answer)
            self.footer.setText("The answer is on the clipboard.")
