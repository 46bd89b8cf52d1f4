"""One pane of the chat: which model runs in it, what was said, how an answer went, and a closer look at it."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QAction, QGuiApplication, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QMenu, QSizePolicy, QStackedWidget, QToolButton, QVBoxLayout, QWidget

from studio.core.conversation import Voice
from studio.core.dialogue import Dialogue, Turn
from studio.gui import theme
from studio.gui.language import tr, translated
from studio.gui.pages.chat.composer import Composer
from studio.gui.pages.chat.context_meter import ContextMeter
from studio.gui.pages.chat.pane_text import PaneText
from studio.gui.pages.chat.reading_view import ReadingView
from studio.gui.pages.chat.readings import CloseReading
from studio.gui.pages.chat.speakers import Speaker, name_of, same
from studio.gui.pages.chat.turn_bar import COPY_MESSAGE, TurnBar
from studio.gui.widgets.elided_label import ElidedLabel

_ROOMY = 200  # pixels of width in which a name and the words of its buttons have room


class ChatPane(QWidget):
    """Keeps the dialogue with its model and shows it. All signals tell the pane's key first.

    voice_chosen(str, Voice): another model was chosen for this pane. close_requested(str): the pane should go.
    look_requested(str): the chosen turn's answer should be looked at token by token. turn_action(str, str): something
    of `turn_bar` should be done with the chosen turn. changed(str): what is shown is another branch now.
    judge_chosen(str): another reward model is to score the answer that is looked at.
    """

    voice_chosen = Signal(str, object)
    close_requested = Signal(str)
    look_requested = Signal(str)
    turn_action = Signal(str, str)
    changed = Signal(str)
    judge_chosen = Signal(str)

    def __init__(self, key: str, voice: Voice | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        # Panes of one width, whatever is written in them.
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.key, self.voice = key, voice
        self.dialogue = Dialogue()
        self._chosen: int | None = None  # the turn that the buttons are about; None for the last one
        self._idle = True
        self._hidden = ""  # stands for the model's name while it is a secret
        self._name = ""
        self.title = ElidedLabel(Qt.TextElideMode.ElideMiddle)
        theme.set_role(self.title, "heading")
        self.menu = QMenu(self)
        self.menu.triggered.connect(self._choose)
        self.change = QToolButton(popupMode=QToolButton.ToolButtonPopupMode.InstantPopup)
        self.change.setText(tr("Change"))
        self.change.setToolTip(tr("Choose the model of this pane"))
        self.change.setMenu(self.menu)
        self.close_button = QToolButton()
        self.close_button.setText("✕")
        self.close_button.setToolTip(tr("Close this pane"))
        self.close_button.setAccessibleName(tr("Close this pane"))
        self.close_button.clicked.connect(self._ask_to_close)
        for button in (self.change, self.close_button):
            theme.set_role(button, "quiet")
        self.text = PaneText()
        self.text.turn_chosen.connect(self._choose_turn)
        self.text.turn_stepped.connect(self._choose_other)
        self.reading = ReadingView()
        self.reading.judge_chosen.connect(self._take_judge)
        self.stack = QStackedWidget()
        self.stack.addWidget(self.text)
        self.stack.addWidget(self.reading)
        self.footer = ElidedLabel()
        theme.set_role(self.footer, "muted")
        self.meter = ContextMeter()
        self.bar = TurnBar()
        self.bar.step_requested.connect(self._step)
        self.bar.copy_requested.connect(self._copy)
        self.bar.look_requested.connect(self._look_or_return)
        self.bar.action_requested.connect(self._act)
        self.copy, self.look = self.bar.copy, self.bar.look
        self.composer = Composer(tr("Message to this model"))  # shown where each pane has its own
        self.composer.hide()
        head = QHBoxLayout()
        head.setSpacing(4)
        head.addWidget(self.title, 1)
        head.addWidget(self.change)
        head.addWidget(self.close_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addLayout(head)
        layout.addWidget(self.stack, 1)
        layout.addWidget(self.footer)
        layout.addWidget(self.meter)
        layout.addWidget(self.bar)
        layout.addWidget(self.composer)
        theme.watcher().theme_changed.connect(self.show_turns)
        self.set_model(name_of(voice) if voice else tr("No model"))
        self._tell()

    # -------------------------------------------------------------------------------------------------- the model

    def give_to(self, voice: Voice) -> None:
        """Another model is to answer here; the same one keeps the name that the worker told."""
        if self.voice is None or not same(self.voice, voice):
            self.set_model(name_of(voice))
        self.voice = voice

    def set_model(self, name: str) -> None:
        """Say what runs here, as the worker told."""
        self._name = name
        shown = self._hidden or name
        self.title.show_text(shown)
        self.text.setAccessibleName(tr("Conversation with {shown}", shown=shown))
        self.bar.name_after(shown)
        self.change.setAccessibleName(tr("Choose another model than {shown}", shown=shown))

    def set_hidden(self, name: str) -> None:
        """Show a name that tells nothing instead of the model's; an empty one shows it again."""
        self._hidden = name
        self.change.setVisible(not name)
        self.set_model(self._name)
        self.show_turns()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Qt: where there is little room the model's name has it; the button's arrow is enough."""
        super().resizeEvent(event)
        self.change.setText(tr("Change") if event.size().width() >= _ROOMY else "")

    @property
    def name(self) -> str:
        """What runs here."""
        return self._name

    def offer(self, speakers: Sequence[Speaker], *, alone: bool) -> None:
        """Fill the list of models to choose from. alone: this is the only pane, which can't be closed."""
        self.menu.clear()
        for speaker in speakers:
            action = self.menu.addAction(speaker.label.replace("&", "&&"))
            action.setCheckable(True)
            action.setChecked(self.voice is not None and same(self.voice, speaker.voice))
            action.setData(speaker.voice)
        self.close_button.setVisible(not alone)

    # ---------------------------------------------------------------------------------------------- the dialogue

    @property
    def turns(self) -> list[Turn]:
        """What is shown, the first turn first."""
        return self.dialogue.path

    @property
    def chosen(self) -> Turn | None:
        """The turn that the buttons are about."""
        path = self.turns
        found = next((turn for turn in path if turn.number == self._chosen), None)
        return found or (path[-1] if path else None)

    def take(self, dialogue: Dialogue) -> None:
        """Show another dialogue."""
        self.dialogue, self._chosen = dialogue, None
        self.stack.setCurrentWidget(self.text)
        self.meter.tell(0, 0, typed=False)
        self.show_turns()

    def forget(self) -> None:
        """Begin a new conversation."""
        self.take(Dialogue())

    def ask(self, prompt: str) -> None:
        """Add a message whose answer follows."""
        self.stack.setCurrentWidget(self.text)
        self._chosen = None
        turn = self.dialogue.say(prompt)
        self.text.add_message(turn)
        self._tell()
        self.text.to_end()

    def ask_again(self, turn: Turn, prompt: str | None = None) -> None:
        """A version of a turn beside it, with the same message or another, whose answer follows."""
        self.dialogue.again(turn, prompt)
        self._show_last()

    def go_on(self, turn: Turn) -> None:
        """A version of a turn beside it, whose answer is gone on with."""
        self.dialogue.go_on(turn)
        self._show_last()

    def rewrite(self, turn: Turn, answer: str) -> None:
        """A version of a turn beside it, with an answer written by hand."""
        self.dialogue.rewrite(turn, answer)
        self._show_last()
        self.changed.emit(self.key)

    def delete(self, turn: Turn) -> None:
        """Remove a turn and what follows it."""
        self.dialogue.delete(turn)
        self._show_last()
        self.changed.emit(self.key)

    def take_back(self) -> Turn | None:
        """Remove the last turn."""
        turn = self.turns[-1] if self.turns else None
        if turn is not None:
            self.dialogue.delete(turn)
        self._show_last()
        return turn

    def begin(self, model: str, prompt_tokens: int = 0) -> None:
        """An answer begins; `model` is what really writes it."""
        self._name = model
        if self.turns:
            turn = self.turns[-1]
            turn.model, turn.prompt_tokens = model, prompt_tokens
            self.text.begin_answer(self._as_shown(turn))
        self.set_model(model)
        self._tell()

    def add(self, text: str) -> None:
        """More of the answer."""
        if self.turns:
            self.turns[-1].answer += text
            self.text.grow(self.turns[-1].answer)

    def finish(self, ended: str, tokens: int = 0, seconds: float = 0.0) -> None:
        """The answer is complete, or as complete as it gets."""
        if self.turns and not self.turns[-1].ended:
            turn = self.turns[-1]
            turn.ended, turn.tokens, turn.seconds = ended, tokens, seconds
            self.text.finish_answer(turn)
        self._tell()

    def set_idle(self, idle: bool) -> None:
        """Whether no answer is being written or waited for."""
        self._idle = idle
        self._tell()

    def show_reading(self, reading: CloseReading) -> None:
        """Show the chosen turn's answer token by token."""
        self.reading.show_reading(reading)
        self.stack.setCurrentWidget(self.reading)
        self._tell()

    @Slot()
    def show_turns(self) -> None:
        """Write everything anew, in the colours of the theme."""
        self.text.show_turns([self._as_shown(turn) for turn in self.turns])
        self._tell()

    def _as_shown(self, turn: Turn) -> Turn:
        if not self._hidden or not turn.model:
            return turn
        return Turn(turn.prompt, turn.answer, self._hidden, ended=turn.ended, number=turn.number)

    def _show_last(self) -> None:
        self._chosen = None
        self.stack.setCurrentWidget(self.text)
        self.show_turns()

    def _tell(self) -> None:
        turn, path = self.chosen, self.turns
        self.footer.show_text(translated(turn.facts) if turn else "")
        siblings = self.dialogue.siblings(turn) if turn else []
        is_last = bool(turn and path[-1] is turn)
        self.bar.tell(turn, siblings, idle=self._idle, can_look=not self._hidden, is_last=is_last)
        self.look.setText(tr("Conversation") if self.stack.currentWidget() is self.reading else tr("Look closer"))
        self.text.mark(path.index(turn) if turn and not is_last else None)

    @Slot(int)
    def _choose_turn(self, place: int) -> None:
        if place < len(self.turns):
            self._chosen = self.turns[place].number
            self._tell()

    @Slot(int)
    def _choose_other(self, step: int) -> None:
        if self.chosen is not None:
            path = self.turns
            self._choose_turn(max(0, min(len(path) - 1, path.index(self.chosen) + step)))
            self.text.show_turn(path.index(self.chosen))

    @Slot(int)
    def _step(self, step: int) -> None:
        turn = self.chosen
        if turn is None or not self._idle:
            return
        siblings = self.dialogue.siblings(turn)
        other = siblings[max(0, min(len(siblings) - 1, siblings.index(turn) + step))]
        self.dialogue.choose(other)
        self._show_last()
        self._chosen = other.number
        self._tell()
        self.changed.emit(self.key)

    @Slot()
    def _copy(self) -> None:
        if self.chosen is not None:
            QGuiApplication.clipboard().setText(self.chosen.answer)
            self.footer.show_text(tr("The answer is on the clipboard."))

    @Slot(str)
    def _act(self, name: str) -> None:
        if name == COPY_MESSAGE and self.chosen is not None:
            QGuiApplication.clipboard().setText(self.chosen.prompt)
            self.footer.show_text(tr("The message is on the clipboard."))
            return
        self.turn_action.emit(self.key, name)

    @Slot()
    def _look_or_return(self) -> None:
        if self.stack.currentWidget() is self.reading:
            self.stack.setCurrentWidget(self.text)
            self._tell()
        else:
            self.look_requested.emit(self.key)

    @Slot()
    def _take_judge(self) -> None:
        self.judge_chosen.emit(self.key)

    @Slot()
    def _ask_to_close(self) -> None:
        self.close_requested.emit(self.key)

    @Slot(object)
    def _choose(self, action: object) -> None:
        voice = action.data() if isinstance(action, QAction) else None
        if isinstance(voice, Voice):
            self.voice_chosen.emit(self.key, voice)
