"""What the model answers to the same few prompts as it learns: from before training, and after the step of a slider.

What it says differently from the samples before is underlined. All text is plain; nothing of a model is ever HTML.
"""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QColor, QResizeEvent, QTextCharFormat, QTextCursor
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QSlider,
    QTextEdit,
    QVBoxLayout,
    QWidget,
)

from studio.core.samples import Sample, SampleBook, changed_spans
from studio.gui import theme
from studio.gui.language import tr

_FEWEST, _MOST = 2, 8  # lines of an answer that are in sight; boxes grow with the answers and don't shrink again


class SamplesView(QWidget):
    """Shows the book given to `show_book`; call `follow` when it may have news."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._book = SampleBook()
        self._seen, self._steps = -1, list[int]()
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setAccessibleName(tr("Step of the samples"))
        self.slider.setPageStep(1)
        self.slider.setTickPosition(QSlider.TickPosition.TicksBelow)
        self.slider.valueChanged.connect(self._show_step)
        self.place = QLabel()
        theme.set_role(self.place, "muted")
        self.cards: list[_Card] = []
        top = QHBoxLayout()
        top.setSpacing(12)
        top.addWidget(self.slider, 1)
        top.addWidget(self.place)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 8, 0, 0)
        self._column.setSpacing(12)
        self._column.addLayout(top)
        self._column.addStretch()
        theme.watcher().theme_changed.connect(self._show_step)

    def show_book(self, book: SampleBook) -> None:
        """Show another run's samples, the newest ones first."""
        self._book, self._seen, self._steps = book, -1, []
        for card in self.cards:
            card.begin_anew()
        self.follow()

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to show."""
        return not self._book.by_prompt

    def follow(self) -> None:
        """Show what is new; who looks at the newest samples goes on looking at the newest."""
        if self._book.revision == self._seen:
            return
        self._seen = self._book.revision
        newest = not self._steps or self.slider.value() == self.slider.maximum()
        self._steps = self._book.steps()
        self.slider.setRange(0, max(0, len(self._steps) - 1))
        self.slider.setEnabled(len(self._steps) > 1)
        if newest:
            self.slider.setValue(self.slider.maximum())
        while len(self.cards) < len(self._book.by_prompt):
            self.cards.append(_Card(len(self.cards) + 1))
            self._column.insertWidget(self._column.count() - 1, self.cards[-1])
        self._show_step()

    @Slot()
    def _show_step(self) -> None:
        if not self._steps:
            for card in self.cards:
                card.hide()
            return
        step = self._steps[min(self.slider.value(), len(self._steps) - 1)]
        before = self._book.before(step)
        self.place.setText(
            tr("After step {step:,} of {steps:,}", step=step, steps=self._steps[-1]) if step else tr("Before training")
        )
        self.slider.setAccessibleDescription(self.place.text())
        for number, card in enumerate(self.cards):
            shown = number in self._book.by_prompt
            card.setVisible(shown)
            if shown:
                earlier = None if before is None else self._book.at(number, before)
                card.show_samples(self._book.at(number, 0), earlier, self._book.at(number, step), step)


class _Card(QFrame):
    """One prompt with two answers."""

    def __init__(self, number: int) -> None:
        super().__init__()
        theme.set_role(self, "card")
        self._number = number
        self.prompt, self.now_heading = QLabel(), QLabel()
        base_heading = QLabel(tr("Before training"))
        for label in (self.prompt, self.now_heading, base_heading):
            label.setTextFormat(Qt.TextFormat.PlainText)
        for label in (self.prompt, self.now_heading):
            label.setWordWrap(True)
        self.prompt.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        for label in (self.now_heading, base_heading):
            theme.set_role(label, "muted")
        self.base, self.now = AnswerBox(), AnswerBox()
        for box in (self.base, self.now):
            box.wrapped.connect(self._fit_anew)
        grid = QGridLayout(self)
        grid.setContentsMargins(16, 12, 16, 16)
        grid.setHorizontalSpacing(12)
        grid.addWidget(self.prompt, 0, 0, 1, 2)
        grid.addWidget(base_heading, 1, 0, Qt.AlignmentFlag.AlignBottom)
        grid.addWidget(self.now_heading, 1, 1, Qt.AlignmentFlag.AlignBottom)
        grid.addWidget(self.base, 2, 0)
        grid.addWidget(self.now, 2, 1)
        grid.setColumnStretch(0, 1)
        grid.setColumnStretch(1, 1)

    def begin_anew(self) -> None:
        """Forget how tall the boxes were."""
        for box in (self.base, self.now):
            box.lines = _FEWEST

    def show_samples(self, base: Sample | None, earlier: Sample | None, now: Sample | None, step: int) -> None:
        """Show the answers from before training and after `step`, marked against the ones before."""
        shown = now or base
        self.prompt.setText(shown.prompt.strip() if shown else "")
        heading = tr("After step {step:,}", step=step) if step else tr("Before training")
        if earlier is not None and now is not None:
            heading = (
                tr("{when}, as after step {step:,}", when=heading, step=earlier.step)
                if earlier.answer == now.answer
                else tr("{when}; underlined: not so after {step:,}", when=heading, step=earlier.step)
            )
        self.now_heading.setText(heading)
        for box, sample, what in (
            (self.base, base, tr("before training")),
            (self.now, now, tr("after step {step:,}", step=step)),
        ):
            text = _text(sample)
            box.setAccessibleName(tr("Answer to prompt {number} {what}", number=self._number, what=what))
            if box.toPlainText() != text:
                box.setPlainText(text)
        self._fit()
        spans = changed_spans(earlier.answer, now.answer) if earlier is not None and now is not None else []
        self.now.setExtraSelections([_mark(self.now, start, end) for start, end in spans])

    @Slot()
    def _fit_anew(self) -> None:
        self.begin_anew()
        self._fit()

    def _fit(self) -> None:
        lines = max(box.lines_wanted() for box in (self.base, self.now))
        for box in (self.base, self.now):
            box.show_lines(lines)


class AnswerBox(QPlainTextEdit):
    """An answer to read and copy. wrapped(): it has another width, at which its text may have more or fewer lines."""

    wrapped = Signal()

    def __init__(self) -> None:
        super().__init__(readOnly=True)
        self.setTabChangesFocus(True)
        self.lines = _FEWEST  # that it has room for

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Tell of another width."""
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self.wrapped.emit()

    def lines_wanted(self) -> int:
        """How many lines its text has at this width, from `_FEWEST` to `_MOST`; never fewer than before."""
        block, lines = self.document().begin(), 0
        while block.isValid() and lines < _MOST:
            self.blockBoundingRect(block)  # lays it out
            lines += max(1, block.layout().lineCount())
            block = block.next()
        return min(_MOST, max(self.lines, lines))

    def show_lines(self, lines: int) -> None:
        """Be as tall as so many lines."""
        self.lines = lines
        room = 2 * (self.frameWidth() + round(self.document().documentMargin()))
        self.setFixedHeight(lines * self.fontMetrics().lineSpacing() + room + 12)


def _text(sample: Sample | None) -> str:
    if sample is None:
        return tr("(not written)")
    return sample.answer + ("" if sample.ended else " …") if sample.answer.strip() else tr("(nothing)")


def _mark(box: QPlainTextEdit, start: int, end: int) -> QTextEdit.ExtraSelection:
    tokens = theme.tokens()
    looks = QTextCharFormat()
    looks.setBackground(QColor(tokens.trained))
    looks.setUnderlineStyle(QTextCharFormat.UnderlineStyle.SingleUnderline)
    looks.setUnderlineColor(QColor(tokens.trained_line))
    cursor = QTextCursor(box.document())
    text = box.toPlainText()
    # Qt counts in UTF-16, Python in characters.
    first, last = (len(text[:place].encode("utf-16-le")) // 2 for place in (start, end))
    cursor.setPosition(first)
    cursor.setPosition(last, QTextCursor.MoveMode.KeepAnchor)
    mark = QTextEdit.ExtraSelection()
    mark.format, mark.cursor = looks, cursor  # type: ignore[attr-defined]
    return mark
