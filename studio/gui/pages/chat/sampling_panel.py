"""How the panes are asked: the system prompt and how the next token is chosen, with a chart of what that does."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QTimer, Signal, Slot
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from studio.core.conversation import NEUTRAL, Sampling
from studio.gui import theme
from studio.gui.pages.chat.next_token_chart import NextTokenChart, Odds
from studio.gui.widgets.form import SettingsForm
from studio.gui.widgets.visible_text import plain_tip

_SETTLE = 250  # ms without typing after which the chart is asked for


class SamplingPanel(QFrame):
    """`sampling()` gives the values as typed, or raises StudioError. changed(): something was changed, a moment ago."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        theme.set_role(self, "card")
        self._settling = QTimer(self, singleShot=True, interval=_SETTLE)
        self._settling.timeout.connect(self.changed)
        self.system = QPlainTextEdit()
        self.system.setAccessibleName("System prompt")
        self.system.setPlaceholderText("How the model should behave. Empty: none.")
        self.system.setTabChangesFocus(True)
        self.system.setFixedHeight(3 * self.system.fontMetrics().lineSpacing() + 20)
        self.system.textChanged.connect(self._settling.start)
        self.form = SettingsForm(Sampling)
        self.form.changed.connect(self._settling.start)
        presets = QHBoxLayout()
        self.greedy = _preset("Greedy", "Always the likeliest token: temperature 0", presets, self._be_greedy)
        self.neutral = _preset("Neutral", "Every control off: the model's own odds", presets, self._be_neutral)
        self.usual = _preset("Usual", "The values that Plumbline begins with", presets, self._be_usual)
        presets.addStretch()
        self.chart_title = QLabel()
        theme.set_role(self.chart_title, "muted")
        self.chart_title.setWordWrap(True)
        self.chart = NextTokenChart()
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        inside = QWidget()  # the form at its own height, whatever the panel's
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 8, 0)
        column.setSpacing(8)
        column.addWidget(_heading("System prompt"))
        column.addWidget(self.system)
        column.addWidget(_heading("Sampling"))
        column.addLayout(presets)
        column.addWidget(_heading("The next token"))
        column.addWidget(self.chart_title)
        column.addWidget(self.chart)
        column.addWidget(self.form)
        column.addStretch()
        area.setWidget(inside)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 12, 8, 12)
        layout.addWidget(area, 1)
        self.show_odds("", ())

    def sampling(self) -> Sampling:
        """The values. Raises StudioError for one that can't be used."""
        return self.form.values()

    def system_prompt(self) -> str:
        """What is said before the conversation; empty for nothing."""
        return self.system.toPlainText().strip()

    def next_seed(self) -> None:
        """Another seed, so that asking again gives another answer."""
        seed = self.form.rows["seed"]
        seed.set_value((int(seed.value()) + 1) % (2**31))

    def show_odds(self, model: str, odds: Odds) -> None:
        """Draw the odds of the next token, or say how to see them."""
        told = (
            f"{model}: outlined its own odds, filled as sampled." if odds else "Write a message to see its odds here."
        )
        self.chart_title.setText(told)
        self.chart_title.setToolTip(plain_tip(told))
        self.chart.setVisible(bool(odds))
        self.chart.show_odds(odds)

    @Slot()
    def _be_greedy(self) -> None:
        self.form.rows["temperature"].set_value(0.0)

    @Slot()
    def _be_neutral(self) -> None:
        kept = self.form.rows
        limits = {name: type(getattr(NEUTRAL, name))(kept[name].value()) for name in ("max_new_tokens", "seed")}
        self.form.set_values(replace(NEUTRAL, **limits))

    @Slot()
    def _be_usual(self) -> None:
        self.form.set_values(Sampling())


def _heading(text: str) -> QLabel:
    label = QLabel(text)
    theme.set_role(label, "heading")
    return label


def _preset(text: str, about: str, row: QHBoxLayout, action: object) -> QPushButton:
    button = QPushButton(text)
    button.setToolTip(about)
    button.clicked.connect(action)
    row.addWidget(button)
    return button
