"""One draft at a time: the question, what a model wrote, and a person's yes, correction or no, by key or by mouse."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPlainTextEdit, QProgressBar, QPushButton, QVBoxLayout, QWidget

from studio.core.drafts import ACCEPTED, ANSWER, REJECTED, WAITING, Draft
from studio.core.errors import StudioError
from studio.gui import theme
from studio.gui.language import tr
from studio.storage.drafts import Count, DraftSet, count_drafts, draft_at, judge_draft, next_waiting
from studio.storage.project import Project


class DraftReview(QWidget):
    """Signal: `judged()` after every verdict, which is kept by then; `failed(object Exception)`."""

    judged = Signal()
    failed = Signal(object)

    def __init__(self, project: Project, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._project = project
        self._set: DraftSet | None = None
        self._draft: Draft | None = None
        self._before: list[int] = []  # judged, the last at the end
        self.count, self.kind = QLabel(), QLabel()
        theme.set_role(self.count, "muted")
        theme.set_role(self.kind, "heading")
        self.bar = QProgressBar()
        self.bar.setAccessibleName(tr("Drafts judged"))
        self.bar.setMaximumHeight(6)
        self.bar.setTextVisible(False)
        self.question, self.text = QPlainTextEdit(), QPlainTextEdit()
        for editor, name in ((self.question, tr("Question")), (self.text, tr("Draft"))):
            editor.setReadOnly(True)
            editor.setTabChangesFocus(True)
            editor.setAccessibleName(name)
        self.text.installEventFilter(self)
        self.accept = QPushButton(tr("Accept (A)"))
        self.edit = QPushButton(tr("Edit (E)"))
        self.reject = QPushButton(tr("Reject (R)"))
        self.back = QPushButton(tr("Undo (Z)"))
        theme.set_role(self.accept, "primary")
        self.edit.setToolTip(tr("Change the text; Ctrl+Return accepts it, Escape leaves it"))
        for button, slot in (
            (self.accept, self.take),
            (self.edit, self.change),
            (self.reject, self.refuse),
            (self.back, self.undo),
        ):
            button.clicked.connect(slot)
        for keys, slot in (("A", self.take), ("E", self.change), ("R", self.refuse), ("Z", self.undo)):
            shortcut = QShortcut(QKeySequence(keys), self)
            shortcut.setContext(Qt.ShortcutContext.WindowShortcut)  # the dialog is a window of its own
            shortcut.activated.connect(slot)
        line = QHBoxLayout()
        line.addWidget(self.back)
        line.addStretch()
        for button in (self.reject, self.edit, self.accept):
            line.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.count)
        layout.addWidget(self.bar)
        layout.addWidget(self.kind)
        layout.addWidget(self.question, 1)
        layout.addWidget(self.text, 2)
        layout.addLayout(line)
        self._show(None)

    def show_set(self, known: DraftSet) -> None:
        """Begin with a set."""
        self._set, self._draft, self._before = known, None, []
        self.refresh()

    @Slot()
    def refresh(self) -> None:
        """Count again, and show the next draft when none is shown."""
        if self._set is None:
            return
        try:
            count = count_drafts(self._project, self._set)
            if self._draft is None:
                self._show(next_waiting(self._project, self._set))
        except StudioError as error:
            self.failed.emit(error)
            return
        self._say(count)

    @property
    def is_editing(self) -> bool:
        """Whether the draft's text is being changed."""
        return not self.text.isReadOnly()

    @Slot()
    def take(self) -> None:
        """Accept the draft as it stands."""
        self._judge(ACCEPTED, self.text.toPlainText())

    @Slot()
    def refuse(self) -> None:
        """Reject the draft."""
        self._judge(REJECTED)

    @Slot()
    def change(self) -> None:
        """Let the text be changed."""
        if self._draft is not None:
            self.text.setReadOnly(False)
            self.text.setFocus()
            self.accept.setText(tr("Accept (Ctrl+Return)"))

    @Slot()
    def undo(self) -> None:
        """Come back to what was judged last; it waits again."""
        if not self._before:
            return
        draft = draft_at(self._project, self._before.pop())
        if draft is None:  # its question was rejected since, and it went along
            self.undo()
            return
        try:
            judge_draft(self._project, draft, WAITING)
        except StudioError as error:
            self.failed.emit(error)
            return
        self._show(draft)
        self.judged.emit()
        self.refresh()

    def _judge(self, state: str, text: str | None = None) -> None:
        if self._draft is None:
            return
        try:
            judge_draft(self._project, self._draft, state, text)
        except StudioError as error:
            self.failed.emit(error)
            return
        self._before.append(self._draft.id)
        self._draft = None
        self.judged.emit()
        self.refresh()

    def _show(self, draft: Draft | None) -> None:
        self._draft = draft
        self.text.setReadOnly(True)
        self.accept.setText(tr("Accept (A)"))
        self.question.setPlainText("")
        self.text.setPlainText("" if draft is None else draft.text)
        self.kind.setText("")
        if draft is not None:
            answer = draft.kind == ANSWER
            self.kind.setText(tr("An answer to this question") if answer else tr("The question in other words"))
            asked = draft if answer or draft.parent is None else draft_at(self._project, draft.parent) or draft
            self.question.setPlainText("\n\n".join(turn.content for turn in asked.question))
            self.accept.setFocus()
        for button in (self.accept, self.edit, self.reject):
            button.setEnabled(draft is not None)

    def _say(self, count: Count) -> None:
        judged = count.accepted + count.rejected
        self.bar.setRange(0, max(1, judged + count.waiting + count.unwritten))
        self.bar.setValue(judged)
        self.back.setEnabled(bool(self._before))
        said = tr(
            "{waiting:,} waiting, {accepted:,} accepted, {rejected:,} rejected, {unwritten:,} to be written",
            waiting=count.waiting,
            accepted=count.accepted,
            rejected=count.rejected,
            unwritten=count.unwritten,
        )
        self.count.setText(
            tr("{counts}, {failed:,} gave nothing new", counts=said, failed=count.failed) if count.failed else said
        )
        if self._draft is None:
            self.kind.setText(
                tr("The next draft is being written…") if count.unwritten else tr("Nothing waits any more.")
            )

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """While the text is changed: Ctrl+Return accepts, Escape leaves it as it was."""
        if watched is self.text and self.is_editing and isinstance(event, QKeyEvent):
            if event.type() == QEvent.Type.ShortcutOverride:
                event.accept()  # letters are letters here
                return True
            if event.type() == QEvent.Type.KeyPress:
                if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and (
                    event.modifiers() & Qt.KeyboardModifier.ControlModifier
                ):
                    self.take()
                    return True
                if event.key() == Qt.Key.Key_Escape:
                    self._show(self._draft)
                    return True
        return super().eventFilter(watched, event)
