"""The row at the top of the Chat page: who is talked to, whether they are in memory, and what can be done."""

from __future__ import annotations

from PySide6.QtWidgets import QComboBox, QLabel, QPushButton, QWidget

from studio.gui import theme
from studio.gui.language import tr, translated
from studio.gui.pages.chat.worker import ChatWorker, Loaded, Phase
from studio.gui.widgets.flow_layout import FlowLayout


class TopBar(QWidget):
    """Its parts in the order in which they stand; they go on in a second row where there is no room."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        shape = self.sizePolicy()
        shape.setHeightForWidth(True)
        self.setSizePolicy(shape)
        self.choice = QComboBox()
        self.choice.setAccessibleName(tr("Run to talk to"))
        self.choice.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.choice.setMinimumContentsLength(20)
        self.memory = QPushButton()
        self.conversations = _switch(tr("Conversations"), tr("What was said before"))
        self.settings = _switch(tr("Settings"), tr("The system prompt, and how the next token is chosen"))
        self.more = _quiet(tr("Add a pane"), tr("One more model, up to four"))
        self.blind = _quiet(tr("Blind test"), tr("Judge answers without knowing whose they are"))
        self.batch = _quiet(tr("Batch"), tr("A set of prompts through all panes"))
        self.fresh = _quiet(tr("New conversation"), tr("Leaves what was said in all panes; it is kept"))
        self.again = _quiet(tr("Answer again"), tr("Asks the last message again, with the next seed"))
        self.state = QLabel()
        self.state.setMinimumHeight(self.memory.sizeHint().height())  # in the middle of the row, as the buttons' words
        theme.set_role(self.state, "muted")
        row = FlowLayout(self)
        for widget in (
            self.choice, self.memory, self.conversations, self.settings, self.more, self.blind, self.batch, self.fresh,
            self.again, self.state,
        ):  # fmt: skip
            row.addWidget(widget)

    def tell(self, worker: ChatWorker, *, died: bool, idle: bool, used: bool, full: bool) -> None:
        """Say what the worker does, and offer what can be done. idle: nothing is asked; used: something was said; full:
        no further pane has room."""
        phase, model = worker.phase, worker.model
        words = {
            Phase.CLOSED: tr("Not in memory; the first message loads it."),
            Phase.STARTING: tr("Starting…"),
            Phase.LOADING: tr("Loading {what}…", what=translated(worker.what)),
            Phase.ANSWERING: tr("Answering…"),
            Phase.READY: tr("Ready {model}", model=_where(model)) if model else tr("Nothing is loaded."),
        }
        self.state.setText(words[phase])
        self.memory.setText(tr("Unload") if phase is not Phase.CLOSED else tr("Start again") if died else tr("Load"))
        self.memory.setToolTip(tr("Gives the model's memory back") if phase is not Phase.CLOSED else "")
        self.again.setVisible(used and idle)
        self.fresh.setVisible(used)
        self.more.setVisible(not full)
        self.blind.setEnabled(idle)
        self.batch.setEnabled(idle)


def _where(model: Loaded) -> str:
    parts = [tr("on the processor") if model.device == "processor" else tr("on {device}", device=model.device)]
    parts.append(model.precision.split(" (")[0])
    parts.append(tr("context {context:,} tokens", context=model.context) if model.context else "")
    return "  ·  ".join(part for part in parts if part)


def _quiet(text: str, about: str) -> QPushButton:
    button = QPushButton(text)
    button.setToolTip(about)
    theme.set_role(button, "quiet")
    return button


def _switch(text: str, about: str) -> QPushButton:
    button = QPushButton(text)
    button.setCheckable(True)
    button.setToolTip(about)
    return button
