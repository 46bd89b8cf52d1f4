"""An answer as its tokens, coloured by what a model makes of each: how likely it was, and how that differs from the
base. Pointing at a token tells the figures and what might have stood there instead. Plain text."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from PySide6.QtCore import QEvent, Qt, Signal, Slot
from PySide6.QtGui import QColor, QHelpEvent, QTextBlockFormat, QTextCharFormat, QTextCursor
from PySide6.QtWidgets import QComboBox, QFrame, QLabel, QScrollArea, QTextEdit, QToolTip, QVBoxLayout, QWidget

from studio.gui import theme
from studio.gui.language import mark, tr, translated
from studio.gui.pages.chat.reading_legend import Legend, colour_of
from studio.gui.pages.chat.readings import SCALES, CloseReading, Measure
from studio.gui.pages.chat.sides import Column
from studio.gui.widgets.flow_layout import FlowLayout
from studio.gui.widgets.visible_text import plain_tip, visible


class ReadingView(QWidget):
    """Shows a CloseReading of one answer, with a choice of whose it is, what the colours mean, and a legend. Signal:
    `judge_chosen()`: the reward model that is to score the answer is another one now."""

    judge_chosen = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._readings: dict[str, CloseReading] = {}  # by the panes whose models read it, "" the one that wrote it
        self.reader = QComboBox()
        self.reader.setAccessibleName(tr("Whose reading this is"))
        self.reader.activated.connect(self._take_reader)
        self.measure = QComboBox()
        self.measure.setAccessibleName(tr("What the colours mean"))
        self.measure.currentIndexChanged.connect(self._paint)
        self.judges = QComboBox()
        self.judges.setAccessibleName(tr("Reward model"))
        self.judges.activated.connect(self._take_judge)
        self.reward = QLabel()
        self.reward.setTextFormat(Qt.TextFormat.PlainText)
        self.reward.setWordWrap(True)
        self.about = QLabel(wordWrap=True)
        theme.set_role(self.about, "muted")
        self.legend = Legend()
        self.text = _Tokens()
        self.text.setMinimumHeight(80)
        self.summary = QLabel(wordWrap=True)
        self.summary.setTextFormat(Qt.TextFormat.PlainText)
        self.others = QLabel(wordWrap=True)
        self.others.setTextFormat(Qt.TextFormat.PlainText)
        theme.set_role(self.others, "muted")
        for combo in (self.reader, self.measure, self.judges):
            combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            combo.setMinimumContentsLength(18)
        top = QWidget()
        row = FlowLayout(top, spacing=6)
        for widget in (self.reader, self.measure, self.judges):
            row.addWidget(widget)
        shape = top.sizePolicy()
        shape.setHeightForWidth(True)
        top.setSizePolicy(shape)
        parts = Column()
        layout = QVBoxLayout(parts)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(top)
        layout.addWidget(self.about)
        layout.addWidget(self.legend)
        layout.addWidget(self.text, 1)
        for label in (self.summary, self.reward, self.others):
            layout.addWidget(label)
        area = QScrollArea(widgetResizable=True)  # for panes that are not high enough
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setWidget(parts)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(area)
        self.offer_judges(())
        theme.watcher().theme_changed.connect(self._paint)

    def begin(self, _model: str) -> None:
        """Another answer is looked at: what was read before is forgotten."""
        self._readings = {}
        self.reader.clear()
        self.reward.clear()
        self.reward.hide()
        self._tell_others()

    def show_reading(self, reading: CloseReading) -> None:
        """Show the reading of the model that wrote the answer; the measure stays where it can."""
        self._readings = {"": reading, **{key: one for key, one in self._readings.items() if key}}
        self._list_readers()
        self._show(reading)

    def add_reading(self, key: str, reading: CloseReading) -> None:
        """What another pane's model makes of the same answer."""
        self._readings[key] = reading
        self._list_readers()

    def offer_judges(self, judges: Sequence[tuple[str, object]]) -> None:
        """The reward models that can score the answer, each with what `judge` gives when it is chosen."""
        chosen = self.judges.currentText()
        self.judges.clear()
        self.judges.addItem(tr("No reward model"), None)
        for label, judge in judges:
            self.judges.addItem(tr("Reward: {label}", label=label), judge)
        self.judges.setCurrentIndex(max(0, self.judges.findText(chosen)))
        self.judges.setVisible(bool(judges))

    @property
    def judge(self) -> object:
        """The reward model that is chosen; None for none."""
        return self.judges.currentData()

    def show_reward(self, reward: float | None, instead: str = mark("Scoring…")) -> None:
        """Show what the reward model says; without a reward what stands there instead."""
        self.reward.setText(tr("Reward {reward:+.3f}", reward=reward) if reward is not None else tr(instead))
        self.reward.show()

    def _list_readers(self) -> None:
        chosen = self.reader.currentData()
        self.reader.clear()
        for key, reading in self._readings.items():
            said = (
                tr("Read by {model}", model=reading.model)
                if key
                else tr("Read by {model}, who wrote it", model=reading.model)
            )
            self.reader.addItem(said, key)
        self.reader.setCurrentIndex(max(0, self.reader.findData(chosen)))
        self.reader.setVisible(len(self._readings) > 1)
        self._tell_others()

    def _tell_others(self) -> None:
        lines = [f"{reading.model}: {reading.summary}" for key, reading in self._readings.items() if key]
        self.others.setText("\n".join([tr("The same answer, by the other panes:"), *lines]) if lines else "")
        self.others.setVisible(bool(lines))

    @Slot(int)
    def _take_reader(self, _index: int) -> None:
        self._show(self._readings[str(self.reader.currentData() or "")])

    @Slot(int)
    def _take_judge(self, _index: int) -> None:
        self.reward.setVisible(self.judge is not None)
        self.judge_chosen.emit()

    def _show(self, reading: CloseReading) -> None:
        chosen = self.measure.currentData()
        self.text.reading = reading
        self.measure.blockSignals(True)
        self.measure.clear()
        for measure, scale in SCALES.items():
            if reading.values(measure):
                self.measure.addItem(tr(scale.label), measure)
        self.measure.setCurrentIndex(max(0, self.measure.findData(chosen)))
        self.measure.blockSignals(False)
        self.summary.setText(translated(reading.summary))
        self._paint()

    @Slot()
    def _paint(self) -> None:
        if self.text.reading is None or self.measure.count() == 0:
            return
        measure = Measure(self.measure.currentData())  # Qt gives back the plain text
        scale = SCALES[measure]
        self.about.setText(tr(scale.about))
        self.legend.show_scale(scale, measure)
        self.text.show_tokens([colour_of(value / scale.reach, measure) for value in self.text.reading.values(measure)])


class _Tokens(QTextEdit):
    def __init__(self) -> None:
        super().__init__(readOnly=True, acceptRichText=False, undoRedoEnabled=False)
        self.setTabChangesFocus(True)
        self.setAccessibleName(tr("The answer token by token"))
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
