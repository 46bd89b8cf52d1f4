"""An answer as its tokens, coloured by what a model makes of each: how likely it was, and how that differs from the
base. Pointing at a token tells the figures and what might have stood there instead. Plain text."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import exp
from typing import Any

from PySide6.QtCore import QEvent, QRect, QSize, Qt, Slot
from PySide6.QtGui import (
    QColor,
    QHelpEvent,
    QLinearGradient,
    QPainter,
    QPaintEvent,
    QTextBlockFormat,
    QTextCharFormat,
    QTextCursor,
)
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QTextEdit, QToolTip, QVBoxLayout, QWidget

from studio.gui import theme
from studio.gui.widgets.visible_text import plain_tip, visible

_STRONGEST = 0.55  # share of the colour at the end of a scale; text stays readable on it


class Measure(StrEnum):
    """What the colours mean."""

    CHANGE = "change"
    SURPRISE = "surprise"
    KL = "kl"


@dataclass(frozen=True, slots=True)
class _Scale:
    """A measure in words. reach: nats at which the colour is strongest. least, most: what its ends mean."""

    label: str
    about: str
    reach: float
    least: str
    most: str


_SCALES = {
    Measure.CHANGE: _Scale(
        "Change against the base",
        "How much likelier training made each token (log-ratio, in nats).",
        2.0,
        "less likely now",
        "likelier now",
    ),
    Measure.SURPRISE: _Scale(
        "How surprising each token is", "Minus the log-probability, in nats.", 5.0, "expected", "surprising"
    ),
    Measure.KL: _Scale(
        "Where the models differ",
        "KL divergence of all next tokens from the base's, in nats at each place.",
        2.0,
        "alike",
        "different",
    ),
}


@dataclass(frozen=True, slots=True)
class CloseReading:
    """What the worker's `read` reply says (`core.conversation`), a value for each token, in nats."""

    model: str
    tokens: Sequence[str]
    log_probs: Sequence[float]
    alternatives: Sequence[Sequence[tuple[str, float]]]
    base_log_probs: Sequence[float] | None
    kl: Sequence[float] | None

    @staticmethod
    def of(reply: dict[str, Any]) -> CloseReading:
        """Out of a reply."""
        return CloseReading(
            str(reply["model"]),
            reply["tokens"],
            reply["log_probs"],
            [[(str(text), float(chance)) for text, chance in place] for place in reply["alternatives"]],
            reply.get("base_log_probs"),
            reply.get("kl"),
        )

    def values(self, measure: Measure) -> Sequence[float]:
        """One value a token; empty when the model is a base alone, which differs from no base."""
        if measure is Measure.SURPRISE:
            return [-value for value in self.log_probs]
        if self.base_log_probs is None or self.kl is None:
            return []
        if measure is Measure.KL:
            return self.kl
        return [own - base for own, base in zip(self.log_probs, self.base_log_probs, strict=True)]

    @property
    def summary(self) -> str:
        """The whole answer in one line."""
        total = sum(self.log_probs)
        facts = [f"{len(self.tokens):,} tokens", f"log-probability {total:,.1f} nats"]
        if self.base_log_probs is not None and self.kl is not None:
            facts.append(f"{total - sum(self.base_log_probs):+,.1f} against the base")
            facts.append(f"KL {sum(self.kl):,.1f} nats")
        return "  ·  ".join(facts)

    def about(self, place: int) -> str:
        """The figures of one token, and what might have stood there, as lines of plain text."""
        own = self.log_probs[place]
        lines = [f"“{visible(self.tokens[place])}”  {exp(own):.1%}  ({own:.2f} nats)"]
        if self.base_log_probs is not None and self.kl is not None:
            base = self.base_log_probs[place]
            lines.append(f"base: {exp(base):.1%}  ({own - base:+.2f} nats)  ·  KL here {self.kl[place]:.2f}")
        likely = (f"“{visible(text)}” {chance:.0%}" for text, chance in self.alternatives[place])
        return "\n".join([*lines, "Likeliest here: " + ", ".join(likely)])


class ReadingView(QWidget):
    """Shows a CloseReading, with a choice of what the colours mean and a legend."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.measure = QComboBox()
        self.measure.setAccessibleName("What the colours mean")
        self.measure.currentIndexChanged.connect(self._paint)
        self.about = QLabel(wordWrap=True)
        theme.set_role(self.about, "muted")
        self.legend = _Legend()
        self.text = _Tokens()
        self.summary = QLabel(wordWrap=True)
        self.summary.setTextFormat(Qt.TextFormat.PlainText)
        top = QHBoxLayout()
        top.addWidget(self.measure)
        top.addStretch()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addLayout(top)
        layout.addWidget(self.about)
        layout.addWidget(self.legend)
        layout.addWidget(self.text, 1)
        layout.addWidget(self.summary)
        theme.watcher().theme_changed.connect(self._paint)

    def show_reading(self, reading: CloseReading) -> None:
        """Show another reading; the measure stays where it can."""
        chosen = self.measure.currentData()
        self.text.reading = reading
        self.measure.blockSignals(True)
        self.measure.clear()
        for measure, scale in _SCALES.items():
            if reading.values(measure):
                self.measure.addItem(scale.label, measure)
        self.measure.setCurrentIndex(max(0, self.measure.findData(chosen)))
        self.measure.blockSignals(False)
        self.summary.setText(reading.summary)
        self._paint()

    @Slot()
    def _paint(self) -> None:
        if self.text.reading is None or self.measure.count() == 0:
            return
        measure = Measure(self.measure.currentData())  # Qt gives back the plain text
        scale = _SCALES[measure]
        self.about.setText(scale.about)
        self.legend.show_scale(scale, measure)
        self.text.show_tokens([colour_of(value / scale.reach, measure) for value in self.text.reading.values(measure)])


def colour_of(share: float, measure: Measure) -> QColor:
    """The colour behind a token: nothing at 0, strongest at 1 and beyond; for a change, another one below 0."""
    look = theme.tokens()
    blue, orange = look.plot[0], look.plot[1]
    colour = QColor(orange if measure is not Measure.CHANGE or share < 0 else blue)
    colour.setAlphaF(_STRONGEST * min(1.0, abs(share)))
    return colour


class _Tokens(QTextEdit):
    def __init__(self) -> None:
        super().__init__(readOnly=True, acceptRichText=False, undoRedoEnabled=False)
        self.setTabChangesFocus(True)
        self.setAccessibleName("The answer token by token")
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.reading: CloseReading | None = None
        self._starts: list[int] = []

    def show_tokens(self, colours: Sequence[QColor]) -> None:
        assert self.reading is not None
        self.clear()
        self._starts = []
        cursor = QTextCursor(self.document())
        cursor.beginEditBlock()
        spaced = QTextBlockFormat()
        spaced.setLineHeight(140, QTextBlockFormat.LineHeightTypes.ProportionalHeight.value)
        cursor.setBlockFormat(spaced)
        for text, colour in zip(self.reading.tokens, colours, strict=True):
            self._starts.append(cursor.position())
            shown = QTextCharFormat()
            shown.setForeground(QColor(theme.tokens().text))
            shown.setBackground(colour)
            cursor.insertText(visible(text), shown)
        cursor.endEditBlock()
        self.moveCursor(QTextCursor.MoveOperation.Start)

    def token_at(self, position: int) -> int | None:
        """The place of the token that covers a position of the shown text."""
        place = bisect_right(self._starts, position) - 1
        return place if place >= 0 else None

    def viewportEvent(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            place = self.token_at(self.cursorForPosition(event.pos()).position())
            if place is not None and self.reading is not None:
                QToolTip.showText(event.globalPos(), plain_tip(self.reading.about(place)), self)
                return True
        return super().viewportEvent(event)


class _Legend(QWidget):
    """The scale as a bar between its two meanings."""

    def __init__(self) -> None:
        super().__init__()
        self._scale: _Scale | None = None
        self._measure = Measure.SURPRISE

    def show_scale(self, scale: _Scale, measure: Measure) -> None:
        self._scale, self._measure = scale, measure
        least = f"{-scale.reach:g} nats" if measure is Measure.CHANGE else "0"
        self.setAccessibleName(f"From {least}, {scale.least}, to {scale.reach:g} nats, {scale.most}")
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(240, self.fontMetrics().height() + 4)

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._scale is None:
            return
        painter = QPainter(self)
        painter.setPen(QColor(theme.tokens().muted))
        words = (self._scale.least, self._scale.most)
        widths = [self.fontMetrics().horizontalAdvance(word) for word in words]
        flags = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(self.rect(), flags | Qt.AlignmentFlag.AlignLeft, words[0])
        bar = QRect(widths[0] + 8, 4, min(160, max(0, self.width() - sum(widths) - 16)), self.height() - 8)
        gradient = QLinearGradient(bar.topLeft(), bar.topRight())
        first = -1.0 if self._measure is Measure.CHANGE else 0.0
        for step in range(9):
            gradient.setColorAt(step / 8, colour_of(first + (1.0 - first) * step / 8, self._measure))
        painter.fillRect(bar, QColor(theme.tokens().surface))
        painter.fillRect(bar, gradient)
        painter.setPen(QColor(theme.tokens().border))
        painter.drawRect(bar)
        painter.setPen(QColor(theme.tokens().muted))
        rest = QRect(bar.right() + 8, 0, widths[1] + 4, self.height())
        painter.drawText(rest, flags | Qt.AlignmentFlag.AlignLeft, words[1])
