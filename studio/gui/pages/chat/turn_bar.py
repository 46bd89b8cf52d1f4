"""What can be done with one turn of a pane: go to another version of it, copy, look closer, edit, go on, delete."""

from __future__ import annotations

from PySide6.QtCore import Signal, Slot
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QHBoxLayout, QLabel, QMenu, QPushButton, QSizePolicy, QToolButton, QWidget

from studio.core.dialogue import Turn
from studio.gui import theme
from studio.gui.language import mark, tr
from studio.gui.widgets.flow_layout import FlowLayout

EDIT, REWRITE, AGAIN, GO_ON, COPY_MESSAGE, TO_DATA, DELETE = (
    "edit", "rewrite", "again", "go on", "copy message", "to data", "delete",
)  # fmt: skip
_ACTIONS = {
    AGAIN: (mark("Answer again"), mark("Another answer beside this one, with the next seed")),
    GO_ON: (mark("Continue the answer"), mark("The model goes on where the answer ends")),
    EDIT: (mark("Edit the message…"), mark("Ask something else here; what was said stays on its own branch")),
    REWRITE: (mark("Edit the answer…"), mark("Put other words into the model's mouth; the old answer stays beside it")),
    COPY_MESSAGE: (mark("Copy the message"), ""),
    TO_DATA: (mark("Send to Data as an example"), mark("This pane's conversation, for the dataset “Chat examples”")),
    DELETE: (mark("Delete this turn"), mark("And what follows it")),
}


class TurnBar(QWidget):
    """Buttons for the chosen turn. step_requested(int): to the version before (-1) or after (+1). copy_requested().
    look_requested(). action_requested(str): one of the names above."""

    step_requested = Signal(int)
    copy_requested = Signal()
    look_requested = Signal()
    action_requested = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.before = self._arrow("‹", tr("The version before"), -1)
        self.after = self._arrow("›", tr("The next version"), 1)
        self.version = QLabel()
        theme.set_role(self.version, "muted")
        self.copy = QPushButton(tr("Copy"))
        self.copy.setToolTip(tr("Copy the answer"))
        self.copy.clicked.connect(self.copy_requested)
        self.look = QPushButton(tr("Look closer"))
        self.look.setToolTip(tr("The answer token by token: how likely each was, and what training changed"))
        self.look.clicked.connect(self.look_requested)
        self.more = QToolButton(popupMode=QToolButton.ToolButtonPopupMode.InstantPopup)
        self.more.setText(tr("More"))
        self.more.setToolTip(tr("What can be done with this turn"))
        self.menu = QMenu(self)
        self.menu.setToolTipsVisible(True)
        self.menu.triggered.connect(self._act)
        self.actions_by_name: dict[str, QAction] = {}
        for name, (label, about) in _ACTIONS.items():
            action = self.menu.addAction(tr(label))
            action.setData(name)
            action.setToolTip(tr(about))
            self.actions_by_name[name] = action
        self.more.setMenu(self.menu)
        versions = QHBoxLayout()
        versions.setSpacing(0)
        versions.setContentsMargins(0, 0, 0, 0)
        self.versions = QWidget()
        self.versions.setLayout(versions)
        for widget in (self.before, self.version, self.after):
            versions.addWidget(widget)
        row = FlowLayout(self, spacing=2)
        for widget in (self.versions, self.copy, self.look, self.more):
            row.addWidget(widget)
        for button in (self.copy, self.look, self.more):
            theme.set_role(button, "quiet")
        shape = self.sizePolicy()
        shape.setHeightForWidth(True)
        shape.setRetainSizeWhenHidden(True)
        shape.setVerticalPolicy(QSizePolicy.Policy.Minimum)
        self.setSizePolicy(shape)

    def tell(self, turn: Turn | None, siblings: list[Turn], *, idle: bool, can_look: bool, is_last: bool) -> None:
        """Offer what can be done with a turn now. idle: no answer is being written or waited for."""
        self.setVisible(turn is not None)
        if turn is None:
            return
        place = siblings.index(turn)
        self.version.setText(f"{place + 1}/{len(siblings)}")
        self.version.setAccessibleName(tr("Version {place} of {count}", place=place + 1, count=len(siblings)))
        self.versions.setVisible(len(siblings) > 1)
        self.before.setEnabled(idle and place > 0)
        self.after.setEnabled(idle and place + 1 < len(siblings))
        done = bool(turn.ended and turn.answer)
        self.copy.setVisible(done)
        self.look.setVisible(done and can_look)
        possible = {GO_ON: done and is_last, REWRITE: done, TO_DATA: done}
        for name, action in self.actions_by_name.items():
            action.setEnabled((idle or name == COPY_MESSAGE) and possible.get(name, True))

    def name_after(self, model: str) -> None:
        """Say whose turns these are, for screen readers."""
        self.copy.setAccessibleName(tr("Copy the answer of {model}", model=model))
        self.look.setAccessibleName(tr("Look closer at the answer of {model}", model=model))
        self.more.setAccessibleName(tr("More that can be done with the turn of {model}", model=model))

    def _arrow(self, text: str, about: str, step: int) -> QToolButton:
        button = QToolButton()
        button.setText(text)
        button.setToolTip(about)
        button.setAccessibleName(about)
        button.setProperty("step", step)
        theme.set_role(button, "quiet")
        button.clicked.connect(self._step)
        return button

    @Slot()
    def _step(self) -> None:
        self.step_requested.emit(int(self.sender().property("step")))

    @Slot(QAction)
    def _act(self, action: QAction) -> None:
        self.action_requested.emit(str(action.data()))
