"""Voting on the answers that stand side by side, and on a new answer against the one before it. Votes are labels."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QLabel, QPushButton, QWidget

from studio.core.dialogue import Turn, messages_of
from studio.core.labelling import Candidate, Verdict
from studio.core.messages import messages_from
from studio.gui.language import tr
from studio.gui.pages.chat.pane import ChatPane
from studio.gui.pages.chat.panes_row import PanesRow
from studio.gui.widgets.flow_layout import FlowLayout
from studio.jobs.background import BackgroundTask, end_tasks, wait_for_tasks
from studio.storage.label_votes import keep_vote
from studio.storage.labels import LabelSet
from studio.storage.project import Project
from studio.storage.settings import labeller_name


class Votes(QWidget):
    """Shown when there is something to vote on. Signal: `failed(object StudioError)`.

    system: gives the system prompt that a pane's answers were asked with.
    """

    failed = Signal(object)

    def __init__(self, project: Project, panes: PanesRow, system: Callable[[str], str]) -> None:
        super().__init__()
        self._project, self._panes, self._system = project, panes, system
        self._earlier: dict[str, Turn] = {}  # by pane: the answer that was there before the last one
        self._shown: list[str] = []
        self._said = ""
        self.words = QLabel()
        self.words.setContentsMargins(0, 8, 0, 0)  # on the line of the buttons' words
        self.words.setToolTip(tr("Votes are labels: they stand under Label, to train on with the others"))
        self.buttons: list[QPushButton] = []
        shape = self.sizePolicy()
        shape.setHeightForWidth(True)
        self.setSizePolicy(shape)
        self._row = FlowLayout(self)
        self._row.addWidget(self.words)
        for number in range(9):
            shortcut = QShortcut(QKeySequence(f"Alt+{number + 1}"), panes)
            shortcut.setContext(Qt.ShortcutContext.WindowShortcut)
            shortcut.setWhatsThis(tr("Vote, as the buttons below the answers stand"))
            shortcut.setObjectName(str(number))
            shortcut.activated.connect(self._press)
        self.hide()

    def remember(self, pane: ChatPane, turn: Turn) -> None:
        """An answer is about to be written anew: the two can be compared then."""
        if turn.answer.strip():
            self._earlier[pane.key] = turn

    def forget(self) -> None:
        """A new conversation, or a new message."""
        self._earlier.clear()
        self._said = ""

    def refresh(self, *, idle: bool) -> None:
        """Offer what can be voted on now."""
        offers = self._offers() if idle else []
        names = [name for name, _, _ in offers]
        self.setVisible(bool(offers))
        self.words.setText(self._said or tr("Which is better?"))
        if names == self._shown:
            return
        self._shown = names
        for button in self.buttons:
            self._row.removeWidget(button)
            button.deleteLater()
        self.buttons = []
        for number, name in enumerate(names):
            button = QPushButton(tr("{name}  (Alt+{number})", name=name, number=number + 1))
            button.setObjectName(str(number))
            button.clicked.connect(self._press)
            self.buttons.append(button)
            self._row.addWidget(button)

    def close_down(self) -> None:
        """Let the last vote be kept."""
        end_tasks(self)

    def _offers(self) -> list[tuple[str, list[Turn], Verdict]]:
        """What a button says, the answers it is about, and what it finds."""
        panes = [pane for pane in self._panes if pane.turns and pane.turns[-1].ended and pane.turns[-1].answer.strip()]
        asked = {str(messages_of(pane.turns, self._system(pane.key))) for pane in panes}
        found: list[tuple[str, list[Turn], Verdict]] = []
        last = [pane.turns[-1] for pane in panes]
        # Panes go on with their own answers: after the first turn they often no longer answer the same.
        if len(panes) > 1 and len(panes) == len(self._panes) and len(asked) == 1 and _differ(last):
            for place in range(len(panes)):
                name = (
                    tr("Pane {place} is best", place=place + 1)
                    if len(panes) > 2
                    else (tr("Right is better") if place else tr("Left is better"))
                )
                ranks = tuple(1 if other == place else 2 for other in range(len(panes)))
                found.append((name, last, Verdict(ranks)))
            found.append((tr("Tie"), last, Verdict.tie(len(panes))))
            found.append((tr("All bad"), last, Verdict.tie(len(panes), bad=True)))
        for place, pane in enumerate(panes):
            before = self._earlier.get(pane.key)
            if before is not None and _differ([before, pane.turns[-1]]):
                where = (
                    "{what}"
                    if len(panes) == 1
                    else (tr("Right: {what}") if place else tr("Left: {what}"))
                    if len(panes) == 2
                    else tr("Pane {place}: {what}", place=place + 1, what="{what}")
                )
                both = [before, pane.turns[-1]]
                found.append((where.format(what=tr("new is better")), both, Verdict((2, 1))))
                found.append((where.format(what=tr("former was better")), both, Verdict((1, 2))))
        return found[:9]

    @Slot()
    def _press(self) -> None:
        number = int(self.sender().objectName())
        offers = self._offers() if self.isVisible() else []
        if number >= len(offers):
            return
        name, turns, verdict = offers[number]
        pane = next(pane for pane in self._panes if pane.turns and pane.turns[-1] in turns)
        prompt = messages_from(messages_of(pane.turns, self._system(pane.key)))
        answers = [Candidate(0, turn.answer, turn.model) for turn in turns]
        project = self._project
        wait_for_tasks(self)  # votes are kept one after the other
        self._said = tr("Kept: {name}.", name=name.lower())
        BackgroundTask.begin(
            self,
            lambda _: keep_vote(project, labeller_name(), prompt, answers, verdict),
            self._kept,
            self.failed,
        )

    @Slot(object)
    def _kept(self, _known: LabelSet) -> None:
        self.words.setText(self._said)


def _differ(turns: list[Turn]) -> bool:
    return len({turn.answer.strip() for turn in turns}) == len(turns)
