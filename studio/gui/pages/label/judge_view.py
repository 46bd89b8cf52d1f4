"""The judging screen: a prompt, its candidates and a key for each verdict. What is said goes to `jobs.labelling`.

A key counts for the item that is on screen: while it is being kept no other key is taken.
"""

from __future__ import annotations

import time
from dataclasses import replace

from PySide6.QtCore import Qt, QTimer, Signal, Slot
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QWidget

from studio.core.errors import StudioError
from studio.core.labelling import LISTWISE, PAIRWISE, Item, Mark, Verdict
from studio.gui.language import tr
from studio.gui.pages.label.answer_pane import reading_font
from studio.gui.pages.label.edit_dialog import EditDialog
from studio.gui.pages.label.judge_keys import JudgeKeys
from studio.gui.pages.label.judge_screen import JudgeScreen
from studio.gui.pages.label.pace import LabelPace
from studio.gui.pages.label.ways import Choice, RankPicker, choices_of, question_of, said_in
from studio.jobs.labelling import LabelDesk, View
from studio.storage.labels import LabelSet
from studio.storage.project import Project

_SOON = 200  # ms


class JudgeView(JudgeScreen):
    """Judges the items of one set. Signals: `judged()`, something was kept; `labeller_named(str)`;
    `guidelines_toggled(bool)`.
    """

    judged = Signal()
    labeller_named = Signal(str)
    guidelines_toggled = Signal(bool)

    def __init__(self, project: Project, labeller: str, parent: QWidget | None = None) -> None:
        super().__init__(labeller, parent)
        self._project = project
        self._known: LabelSet | None = None
        self._desk: LabelDesk | None = None
        self._view: View | None = None
        self._waits_for = 0  # the request whose answer is to be shown; until then no key is taken
        self._busy = False
        self._picker = RankPicker(0)
        self._choices: list[Choice] = []
        self._since = 0.0
        self._shown_set = ""
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.timeout.connect(self._look)
        self.pace = LabelPace()
        self.bar.queue_chosen.connect(self._choose_queue)
        self.bar.labeller_named.connect(self._take_labeller)
        self.suggestion.clicked.connect(self._take_suggestion)
        self.answers.edit_requested.connect(self._edit)
        self.ranking.reordered.connect(self._take_order)
        self.ranking.finished.connect(self._finish_ranking)
        self.verdicts.chosen.connect(self._choose)
        self.verdicts.asked.connect(self._act)
        self.notes.noted.connect(self._note)
        self.notes.left.connect(self._back_to_keys)
        keys = JudgeKeys(self, self.verdicts)
        keys.digit_pressed.connect(self._press_digit)
        keys.key_pressed.connect(self._press)
        keys.edit_asked.connect(self._edit)
        keys.entered.connect(self._enter)
        keys.tie_asked.connect(self._tie_next)
        keys.asked.connect(self._act)

    # --------------------------------------------------------------------------------------------- what others ask for

    def open_set(self, known: LabelSet | None) -> None:
        """Judge the items of another set, or of none."""
        if known == self._known and self._desk is not None:
            self._desk.refresh()
            return
        self._leave()
        if known is not None and self._known is not None and known.id != self._known.id:
            self.bar.reset()
        self._known = known
        if known is not None:
            self._open()

    @Slot()
    def refresh(self) -> None:
        """Know what came in, soon: a worker brings many things one by one."""
        if not self._soon.isActive():
            self._soon.start(_SOON)

    @Slot()
    def _look(self) -> None:
        if self._desk is not None:
            self._desk.refresh()

    def show_item(self, item: int) -> None:
        """Show one item out of its order."""
        if self._desk is not None:
            self._wait_for(self._desk.show_item(item))

    def close_down(self) -> None:
        """Let everything that was said be kept, and end the threads."""
        self._soon.stop()
        self._leave()
        for desk in self.findChildren(LabelDesk):
            desk.wait()

    # --------------------------------------------------------------------------------------------------------- the desk

    def _open(self) -> None:
        assert self._known is not None
        show, order = self.bar.queue()
        desk = LabelDesk(self._project, self._known, self.bar.labeller(), show, order, self)
        desk.shown.connect(self._take)
        desk.failed.connect(self._take_failure)
        desk.finished.connect(desk.deleteLater)
        self._desk, self._busy, self._waits_for = desk, True, 0
        desk.start()

    def _wait_for(self, serial: int) -> None:
        self._busy, self._waits_for = True, serial

    def _leave(self) -> None:
        desk, self._desk = self._desk, None
        self._view = None
        if desk is not None:
            desk.close()

    @Slot(object)
    def _take(self, view: View) -> None:
        if self.sender() is not self._desk or self._known is None or view.serial < self._waits_for:
            return  # of a desk that was left, or from before the last key
        before = self._view.item.id if self._view and self._view.item else None
        self._view, self._busy = view, False
        self.bar.show_counts(view.counts, self.pace.words(view.counts.todo))
        self.verdicts.show_undo(view.can_undo, view.can_redo)
        if view.item is None:
            self.say_empty(self.bar.queue()[0], view.counts)
        else:
            if view.item.id != before or self._shown_set != self._known.id:
                self._show_item(view.item, view)
                self._shown_set = self._known.id
            self._tell(view.item, view)
        self.stack.setCurrentIndex(1 if view.item is None else 0)

    @Slot(object)
    def _take_failure(self, error: StudioError) -> None:
        if self.sender() is self._desk:
            self.notice.show_error(error)

    # ------------------------------------------------------------------------------------------------------ the screen

    def _show_item(self, item: Item, view: View) -> None:
        """Show another item from its beginning."""
        assert self._known is not None
        plan, count = self._known.plan, len(item.candidates)
        self.show_prompt(item.prompt)
        self.answers.show_answers([item.candidates[place].text for place in view.order])
        self._choices = choices_of(plan, view.order)
        self.verdicts.show_choices(self._choices)
        self._picker = RankPicker(count)
        self.ranking.setVisible(plan.way == LISTWISE)
        self.notes.show_mark(view.mark)
        self.fit_notes()
        self._since = time.monotonic()

    def _tell(self, item: Item, view: View) -> None:
        """Say what was found so far, and what is asked next."""
        assert self._known is not None
        plan, mark, order = self._known.plan, view.mark, view.order
        asked = mark.next_criterion(plan) or plan.criterion_names[0]
        self.question.setText(question_of(plan, asked))
        self.bar.show_item(view.place, view.length, said_in(plan, mark, order), flagged=mark.flagged)
        self.verdicts.show_mark(flagged=mark.flagged)
        known = mark.verdicts.get(asked)
        for place, pane in enumerate(self.answers.panes[: len(item.candidates)]):
            best = known is not None and bool(known.ranks) and known.ranks[order[place]] == 1 and not known.is_tie
            pane.say("", chosen=best)
        if plan.way == LISTWISE and known is not None and not self._picker.picked:
            ranked = sorted(range(len(order)), key=lambda place: known.ranks[order[place]])
            self._picker.picked = [(place, known.ranks[order[place]]) for place in ranked]
        self._show_ranking()
        self.show_suggestion(plan, view, asked)

    def _show_ranking(self) -> None:
        if self._known is not None and self._known.plan.way == LISTWISE:
            self.show_ranking(self._picker)

    # ------------------------------------------------------------------------------------------------------- verdicts

    @property
    def takes_keys(self) -> bool:
        """Whether a key would count for what is on screen now."""
        return self._ready() is not None

    def _ready(self) -> View | None:
        """What is on screen, when a key may count for it."""
        return self._view if self._view and self._view.item and self._desk and not self._busy else None

    def _keep(self, mark: Mark, action: str) -> None:
        view = self._ready()
        if view is None or view.item is None or self._desk is None or self._known is None:
            return
        seconds = time.monotonic() - self._since
        settles = mark.next_criterion(self._known.plan) is None
        if action not in ("noted", "flagged"):
            mark = replace(mark, shown=view.order, seconds=round(seconds, 2))
            if settles:
                self.pace.add(seconds)
        self._picker = RankPicker(self._picker.count)
        self._wait_for(self._desk.judge(view.item.id, mark, action))
        self.judged.emit()

    def _judge(self, verdict: Verdict, action: str, *, edited: str = "", suggested: str = "") -> None:
        view = self._ready()
        if view is None or self._known is None:
            return
        plan, mark = self._known.plan, self.notes.noted_in(view.mark)
        criterion = mark.next_criterion(plan)
        if criterion is None:  # judged before: the new verdict begins anew
            mark, criterion = replace(mark, verdicts={}, suggested=""), plan.criterion_names[0]
        mark = mark.judged(criterion, verdict)
        # One taken suggestion among several criteria is enough to mark the whole.
        self._keep(replace(mark, edited=edited or mark.edited, suggested=suggested or mark.suggested), action)

    @Slot(int)
    def _choose(self, number: int) -> None:
        choice = self._choices[number]
        self._judge(choice.verdict, choice.label)

    @Slot()
    def _take_suggestion(self) -> None:
        view = self._ready()
        if view is None or self._known is None:
            return
        asked = view.mark.next_criterion(self._known.plan) or self._known.plan.criterion_names[0]
        for name, mark in view.suggestions:
            if asked in mark.verdicts:
                self._judge(mark.verdicts[asked], tr("suggestion taken"), suggested=name)
                return

    @Slot(int)
    def _press_digit(self, place: int) -> None:
        if self._known is None or self._ready() is None:
            return
        if self._known.plan.way == LISTWISE:
            if place < self._picker.count:
                if self._picker.complete:  # ranked before: this begins anew
                    self._picker = RankPicker(self._picker.count)
                complete = self._picker.pick(place)
                self._show_ranking()
                if complete:
                    self._finish_ranking()
            return
        self._press(str(place + 1) if place < 9 else "0")

    @Slot(str)
    def _press(self, key: str) -> None:
        number = next((n for n, choice in enumerate(self._choices) if key in choice.keys), None)
        if number is not None:
            self._choose(number)

    @Slot(list)
    def _take_order(self, places: list[int]) -> None:
        self._picker.reorder(places)
        self._show_ranking()

    @Slot()
    def _finish_ranking(self) -> None:
        view = self._ready()
        if view is None or not self._picker.picked:
            return
        self._picker.finish()
        self._judge(self._picker.verdict(view.order), "ranked")

    @Slot()
    def _enter(self) -> None:
        if self._known and self._known.plan.way == LISTWISE and self._picker.picked:
            self._finish_ranking()
        else:
            self._take_suggestion()

    @Slot()
    def _tie_next(self) -> None:
        if self._known and self._known.plan.way == LISTWISE and self._picker.picked:
            self._picker.tie_next = True
            self._show_ranking()

    # ---------------------------------------------------------------------------------------------------------- tools

    @Slot(str)
    def _act(self, action: str) -> None:
        """What a tool's key or button asks for."""
        view = self._ready()
        # At the end of a queue there is no item, but there is a way back.
        back = action in ("undo", "redo", "previous", "guidelines", "fixed")
        if self._desk is None or self._busy or (view is None and not back):
            return
        match action:
            case "skip" if view:
                self._keep(replace(self.notes.noted_in(view.mark), skipped=True), "skipped")
            case "flag" if view:
                self._keep(replace(self.notes.noted_in(view.mark), flagged=not view.mark.flagged), "flagged")
            case "undo" if (
                self._known
                and self._known.plan.way == LISTWISE
                and self._picker.picked
                and not (view and view.mark.verdicts)
            ):
                self._picker.take_back()
                self._show_ranking()
            case "undo" | "redo" | "previous" | "next":
                requests = {"undo": self._desk.undo, "redo": self._desk.redo}
                if action in requests:
                    self._wait_for(requests[action]())
                    self.judged.emit()
                else:
                    self._wait_for(self._desk.step(1 if action == "next" else -1))
            case "fixed":
                self.prompt.setFont(reading_font(fixed=self.answers.turn_fixed()))
            case "guidelines":
                self.verdicts.guidelines_shown = not self.verdicts.guidelines_shown
                self.guidelines_toggled.emit(self.verdicts.guidelines_shown)
            case "comment":
                self.notes.open(self.notes.comment)
            case "tags":
                self.notes.open(self.notes.tags)
            case "page down" | "page up":
                self.answers.turn_page(1 if action == "page down" else -1)
            case _:
                pass

    @Slot(str, list)
    def _note(self, _comment: str, _tags: list[str]) -> None:
        """A comment or tags were typed and confirmed."""
        view = self._ready()
        if view is not None:
            mark = self.notes.noted_in(view.mark)
            if mark != view.mark:
                self._keep(mark, "noted")

    @Slot()
    def _back_to_keys(self) -> None:
        self.setFocus(Qt.FocusReason.OtherFocusReason)
        self.fit_notes()

    @Slot(int)
    def _edit(self, place: int) -> None:
        """Improve an answer: it is the best one, and the new text is better still."""
        view = self._ready()
        if view is None or view.item is None or place >= len(view.item.candidates):
            return
        text = view.mark.edited or view.item.candidates[view.order[place]].text
        dialog = EditDialog(text, place, self)
        dialog.kept.connect(self._take_edit)
        dialog.open()

    @Slot(str, int)
    def _take_edit(self, text: str, place: int) -> None:
        view = self._ready()
        if view is None or self._known is None:
            return
        plan = self._known.plan
        if plan.way == PAIRWISE and not view.mark.verdicts:
            self._judge(Verdict.better(view.order[place]), "improved", edited=text)
        else:  # its verdict stands already, or is still to come
            self._keep(replace(self.notes.noted_in(view.mark), edited=text), "noted")

    @Slot(str, str)
    def _choose_queue(self, show: str, order: str) -> None:
        if self._desk is not None:
            self._view = None
            self._wait_for(self._desk.choose_queue(show, order))
            self.setFocus(Qt.FocusReason.OtherFocusReason)

    @Slot(str)
    def _take_labeller(self, name: str) -> None:
        self.labeller_named.emit(name)
        if self._known is not None:
            self._leave()
            self._open()
        self.setFocus(Qt.FocusReason.OtherFocusReason)

    def showEvent(self, event: QShowEvent) -> None:
        """Keys go to the items at once."""
        super().showEvent(event)
        self.setFocus(Qt.FocusReason.OtherFocusReason)
