"""One pane of the chat: which model runs in it, what was said, how the last answer went, and a closer look at it."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import (
    QAction,
    QColor,
    QFont,
    QGuiApplication,
    QTextBlockFormat,
    QTextCharFormat,
    QTextCursor,
)
from PySide6.QtWidgets import (
    QHBoxLayout,
    QMenu,
    QPushButton,
    QSizePolicy,
    QStackedWidget,
    QTextEdit,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from studio.core.conversation import Voice
from studio.gui import theme
from studio.gui.pages.chat.reading_view import CloseReading, ReadingView
from studio.gui.pages.chat.speakers import Speaker, same
from studio.gui.pages.chat.turns import Turn
from studio.gui.widgets.elided_label import ElidedLabel


class ChatPane(QWidget):
    """Keeps the turns of its model and shows them as plain text.

    voice_chosen(str, Voice): another model was chosen for this pane. close_requested(str): the pane should go.
    look_requested(str): its last answer should be looked at token by token. All tell the pane's key.
    """

    voice_chosen = Signal(str, object)
    close_requested = Signal(str)
    look_requested = Signal(str)

    def __init__(self, key: str, voice: Voice | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        # Panes of one width, whatever is written in them.
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.key, self.voice = key, voice
        self.turns: list[Turn] = []
        self.title = ElidedLabel(Qt.TextElideMode.ElideMiddle)
        theme.set_role(self.title, "heading")
        self.menu = QMenu(self)
        self.menu.triggered.connect(self._choose)
        self.change = QToolButton(popupMode=QToolButton.ToolButtonPopupMode.InstantPopup)
        self.change.setText("Change")
        self.change.setToolTip("Choose the model of this pane")
        self.change.setMenu(self.menu)
        self.close_button = QToolButton()
        self.close_button.setText("✕")
        self.close_button.setToolTip("Close this pane")
        self.close_button.setAccessibleName("Close this pane")
        self.close_button.clicked.connect(self._ask_to_close)
        for button in (self.change, self.close_button):
            theme.set_role(button, "quiet")
        self.copy = _quiet("Copy", self._copy)
        self.copy.setToolTip("Copy the last answer")
        self.look = _quiet("Look closer", self._look_or_return)
        self.look.setToolTip("The answer token by token: how likely each was, and what training changed")
        self.text = QTextEdit(readOnly=True, acceptRichText=False, undoRedoEnabled=False)
        self.text.setTabChangesFocus(True)
        self.text.setPlaceholderText("What this model answers appears here.")
        self.text.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.reading = ReadingView()
        self.stack = QStackedWidget()
        self.stack.addWidget(self.text)
        self.stack.addWidget(self.reading)
        self.footer = ElidedLabel()
        theme.set_role(self.footer, "muted")
        head = QHBoxLayout()
        head.setSpacing(4)
        head.addWidget(self.title, 1)
        head.addWidget(self.change)
        head.addWidget(self.close_button)
        foot = QHBoxLayout()
        foot.setSpacing(0)
        foot.addWidget(self.footer, 1)
        foot.addWidget(self.look)
        foot.addWidget(self.copy)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addLayout(head)
        layout.addWidget(self.stack, 1)
        layout.addLayout(foot)
        theme.watcher().theme_changed.connect(self.show_turns)
        self.set_model(voice.base.name if voice else "No model")
        self._tell()

    def set_model(self, name: str) -> None:
        """Say what runs here, as the worker told."""
        self.title.show_text(name)
        self.text.setAccessibleName(f"Conversation with {name}")
        self.copy.setAccessibleName(f"Copy the answer of {name}")
        self.look.setAccessibleName(f"Look closer at the answer of {name}")
        self.change.setAccessibleName(f"Choose another model than {name}")

    @property
    def name(self) -> str:
        """What runs here."""
        return self.title.whole

    def offer(self, speakers: Sequence[Speaker], *, alone: bool) -> None:
        """Fill the list of models to choose from. alone: this is the only pane, which can't be closed."""
        self.menu.clear()
        for speaker in speakers:
            action = self.menu.addAction(speaker.label.replace("&", "&&"))
            action.setCheckable(True)
            action.setChecked(self.voice is not None and same(self.voice, speaker.voice))
            action.setData(speaker.voice)
        self.close_button.setVisible(not alone)

    def show_reading(self, reading: CloseReading) -> None:
        """Show the last answer token by token."""
        self.reading.show_reading(reading)
        self.stack.setCurrentWidget(self.reading)
        self._tell()

    def forget(self) -> None:
        """Begin a new conversation."""
        self.stack.setCurrentWidget(self.text)
        self.turns.clear()
        self.show_turns()

    def ask(self, prompt: str) -> None:
        """Add a message whose answer follows."""
        self.stack.setCurrentWidget(self.text)
        self.turns.append(Turn(prompt))
        self._write_prompt(self.turns[-1])
        self._tell()
        self._to_end()

    def take_back(self) -> Turn | None:
        """Remove the last turn."""
        self.stack.setCurrentWidget(self.text)
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
        self.footer.show_text(last.facts if last else "")
        done = bool(last and last.ended and last.answer)
        self.copy.setVisible(done)
        self.look.setVisible(done)
        self.look.setText("Conversation" if self.stack.currentWidget() is self.reading else "Look closer")

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
            self.footer.show_text("The answer is on the clipboard.")

    @Slot()
    def _look_or_return(self) -> None:
        if self.stack.currentWidget() is self.reading:
            self.stack.setCurrentWidget(self.text)
            self._tell()
        else:
            self.look_requested.emit(self.key)

    @Slot()
    def _ask_to_close(self) -> None:
        self.close_requested.emit(self.key)

    @Slot(object)
    def _choose(self, action: object) -> None:
        voice = action.data() if isinstance(action, QAction) else None
        if isinstance(voice, Voice):
            self.voice_chosen.emit(self.key, voice)


def _quiet(text: str, action: object) -> QPushButton:
    """A button that keeps its place while it is hidden."""
    button = QPushButton(text)
    theme.set_role(button, "quiet")
    shape = button.sizePolicy()
    shape.setRetainSizeWhenHidden(True)
    button.setSizePolicy(shape)
    button.clicked.connect(action)
    return button
