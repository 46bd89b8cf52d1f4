"""How the panes are asked, alike or each in its own way: the system prompt, and how the next token is chosen, with a
chart of what that does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from PySide6.QtCore import QTimer, Signal, Slot
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFrame,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from studio.core.conversation import NEUTRAL, Sampling
from studio.core.errors import StudioError
from studio.core.fields import settings_from, settings_of
from studio.gui import theme
from studio.gui.language import mark, tr, translated
from studio.gui.pages.chat.next_token_chart import NextTokenChart, Odds
from studio.gui.pages.chat.sampling_presets import SamplingPresets
from studio.gui.widgets.flow_layout import FlowLayout
from studio.gui.widgets.form import SettingsForm
from studio.gui.widgets.visible_text import plain_tip
from studio.storage.project import Project

_SETTLE = 250  # ms without typing after which the chart is asked for
_ALL = ""  # whose settings are shown while all panes have the same


@dataclass(slots=True)
class _Asked:
    """How one pane is asked, as far as it could be read."""

    sampling: Sampling
    system: str


class SamplingPanel(QFrame):
    """`sampling(pane)` gives the values as typed, or raises StudioError.

    changed(): something was changed, a moment ago. composers_separated(bool). failed(StudioError).
    """

    changed = Signal()
    composers_separated = Signal(bool)
    failed = Signal(object)

    def __init__(self, project: Project, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        theme.set_role(self, "card")
        self._kept: dict[str, _Asked] = {}  # of panes that are asked in their own way
        self._shown = _ALL
        self._panes: list[tuple[str, str]] = []
        self._settling = QTimer(self, singleShot=True, interval=_SETTLE)
        self._settling.timeout.connect(self.changed)
        self.linked = QCheckBox(tr("All panes alike"))
        self.linked.setToolTip(tr("One system prompt and one way to choose tokens for all; off: each pane its own"))
        self.linked.setChecked(True)
        self.linked.toggled.connect(self._link)
        self.whose = QComboBox()
        self.whose.setAccessibleName(tr("Pane whose settings these are"))
        self.whose.activated.connect(self._show_other)
        self.separate = QCheckBox(tr("A composer in each pane"))
        self.separate.setToolTip(tr("Ask each model something of its own"))
        self.separate.toggled.connect(self.composers_separated)
        self.system = QPlainTextEdit()
        self.system.setAccessibleName(tr("System prompt"))
        self.system.setPlaceholderText(tr("How the model should behave. Empty: none."))
        self.system.setTabChangesFocus(True)
        self.system.setFixedHeight(3 * self.system.fontMetrics().lineSpacing() + 20)
        self.system.textChanged.connect(self._settling.start)
        self.form = SettingsForm(Sampling)
        self.form.changed.connect(self._take_change)
        self._resets = {known.name: self._reset_button(known.name) for known in settings_of(Sampling)}
        presets = QWidget()
        shape = presets.sizePolicy()
        shape.setHeightForWidth(True)
        presets.setSizePolicy(shape)
        row = FlowLayout(presets)
        self.greedy = _preset(tr("Greedy"), tr("Always the likeliest token: temperature 0"), row, self._be_greedy)
        self.neutral = _preset(tr("Neutral"), tr("Every control off: the model's own odds"), row, self._be_neutral)
        self.usual = _preset(
            tr("Usual"), tr("Resets all to the values that Plumbline begins with"), row, self._be_usual
        )
        self.presets = SamplingPresets(project)
        self.presets.preset_chosen.connect(self._take_preset)
        self.presets.save_requested.connect(self._save)
        self.presets.failed.connect(self.failed)
        self.effect = QLabel()
        self.effect.setWordWrap(True)
        theme.set_role(self.effect, "muted")
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
        parts = (
            self.linked, self.whose, self.separate, _heading(tr("System prompt")), self.system,
            _heading(tr("Sampling")), presets, self.presets, self.effect,
            _heading(tr("The next token")), self.chart_title, self.chart, self.form,
        )  # fmt: skip
        for widget in parts:
            column.addWidget(widget)
        column.addStretch()
        area.setWidget(inside)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 12, 8, 12)
        layout.addWidget(area, 1)
        self.whose.hide()
        self.show_odds("", ())
        self._tell()

    # ------------------------------------------------------------------------------------------- what others ask for

    def set_panes(self, panes: Sequence[tuple[str, str]]) -> None:
        """The panes that there are: the key and the name of each."""
        if panes == self._panes:
            return  # nothing that is typed is touched
        self._panes = list(panes)
        self._keep_shown()
        keys = [key for key, _ in panes]
        self._kept = {key: asked for key, asked in self._kept.items() if key in keys or key == _ALL}
        chosen = self._shown if self._shown in keys else (keys[0] if keys else _ALL)
        self.whose.clear()
        for number, (key, name) in enumerate(panes, 1):
            self.whose.addItem(f"{number}: {name}", key)
        self.linked.setVisible(len(panes) > 1)
        if not self.linked.isChecked():
            self._show(chosen)
        self.whose.setVisible(len(panes) > 1 and not self.linked.isChecked())

    def sampling(self, pane: str = _ALL) -> Sampling:
        """A pane's values. Raises StudioError for one that can't be used."""
        values = self.form.values()
        if self.linked.isChecked() or pane in (_ALL, self._shown):
            return values
        return self._asked(pane).sampling

    def system_prompt(self, pane: str = _ALL) -> str:
        """What is said before a pane's conversation; empty for nothing."""
        if self.linked.isChecked() or pane in (_ALL, self._shown):
            return self.system.toPlainText().strip()
        return self._asked(pane).system

    def next_seed(self) -> None:
        """Another seed, so that asking again gives another answer."""
        seed = self.form.rows["seed"]
        following = (int(seed.value()) + 1) % (2**31)
        seed.set_value(following)
        for asked in self._kept.values():
            asked.sampling = replace(asked.sampling, seed=following)

    def as_kept(self, pane: str) -> tuple[dict[str, Any], str]:
        """A pane's settings for a conversation that is kept; the last good ones while something can't be used."""
        try:
            return asdict(self.sampling(pane)), self.system_prompt(pane)
        except StudioError:
            return asdict(Sampling()), self.system_prompt(pane)

    def take_kept(self, panes: Mapping[str, tuple[Mapping[str, Any], str]]) -> None:
        """The settings that a conversation was kept with. What can't be used any more takes its default."""
        ready: dict[str, _Asked] = {}
        for key, (values, system) in panes.items():
            try:
                ready[key] = _Asked(settings_from(Sampling, values, mark("The conversation")), system)
            except StudioError:
                ready[key] = _Asked(Sampling(), system)
        different = len({str(asked) for asked in ready.values()}) > 1
        self._kept, self._shown = ready, _ALL
        self.linked.setChecked(not different)
        if different:
            self._show(next(iter(ready)), keep=False)
        elif ready:
            self._fill(next(iter(ready.values())))

    def show_odds(self, model: str, odds: Odds) -> None:
        """Draw the odds of the next token, or say how to see them."""
        told = (
            tr("{model}: outlined its own odds, filled as sampled.", model=model)
            if odds
            else tr("Write a message to see its odds here.")
        )
        self.chart_title.setText(told)
        self.chart_title.setToolTip(plain_tip(told))
        self.chart.setVisible(bool(odds))
        self.chart.show_odds(odds)

    # --------------------------------------------------------------------------------------------- linked or not

    def _asked(self, pane: str) -> _Asked:
        return self._kept.get(pane) or self._kept.get(_ALL) or _Asked(Sampling(), "")

    def _keep_shown(self) -> None:
        try:
            values = self.form.values()
        except StudioError:
            values = self._asked(self._shown).sampling
        self._kept[self._shown] = _Asked(values, self.system.toPlainText().strip())

    def _show(self, pane: str, *, keep: bool = True) -> None:
        if keep:
            self._keep_shown()
        self._shown = pane
        self._fill(self._asked(pane))
        self.whose.setCurrentIndex(max(0, self.whose.findData(pane)))

    def _fill(self, asked: _Asked) -> None:
        self.form.set_values(asked.sampling)
        if self.system.toPlainText().strip() != asked.system:
            self.system.setPlainText(asked.system)

    @Slot(bool)
    def _link(self, linked: bool) -> None:
        if linked:  # what is shown counts for all
            self._shown = _ALL
        else:
            self._keep_shown()
            if self.whose.count():
                self._show(str(self.whose.itemData(0)))
        self.whose.setVisible(not linked and self.whose.count() > 1)
        self._settling.start()

    @Slot(int)
    def _show_other(self, _index: int) -> None:
        self._show(str(self.whose.currentData()))
        self._settling.start()

    # ------------------------------------------------------------------------------------------------- the values

    @Slot()
    def _take_change(self) -> None:
        self._settling.start()
        self._tell()

    def _tell(self) -> None:
        """Say which controls do something, and offer to reset those that differ from the usual."""
        usual = Sampling()
        at_work: list[str] = []
        for known in settings_of(Sampling):
            value = self.form.rows[known.name].value()
            self._resets[known.name].setVisible(value != getattr(usual, known.name))
            if known.name not in ("seed", "max_new_tokens", "length_penalty") and value != getattr(NEUTRAL, known.name):
                at_work.append(translated(known.label))
        self.effect.setText(
            tr("Not neutral: {at_work}.", at_work=", ".join(at_work))
            if at_work
            else tr("All controls are neutral: the model's own odds.")
        )

    def _reset_button(self, name: str) -> QToolButton:
        usual, neutral = getattr(Sampling(), name), getattr(NEUTRAL, name)
        row = self.form.rows[name]
        button = QToolButton()
        button.setText("↺")
        back = usual if usual != "" else tr("none")
        if name not in ("seed", "max_new_tokens", "length_penalty") and neutral != usual:
            button.setToolTip(tr("Back to {usual}; {neutral} changes nothing", usual=back, neutral=neutral))
        else:
            button.setToolTip(tr("Back to {usual}", usual=back))
        button.setAccessibleName(tr("Reset {label}", label=translated(row.known.label)))
        button.setObjectName(name)
        theme.set_role(button, "quiet")
        button.clicked.connect(self._reset)
        line: Any = row.field.layout().itemAt(0)  # type: ignore[union-attr]
        line.layout().insertWidget(1, button)
        return button

    @Slot()
    def _reset(self) -> None:
        name = self.sender().objectName()
        self.form.rows[name].set_value(getattr(Sampling(), name))

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

    @Slot(object)
    def _take_preset(self, sampling: Sampling) -> None:
        self.form.set_values(sampling)

    @Slot()
    def _save(self) -> None:
        try:
            self.presets.save(self.form.values())
        except StudioError as error:
            self.failed.emit(error)


def _heading(text: str) -> QLabel:
    label = QLabel(text)
    theme.set_role(label, "heading")
    return label


def _preset(text: str, about: str, row: FlowLayout, action: object) -> QPushButton:
    button = QPushButton(text)
    button.setToolTip(about)
    button.clicked.connect(action)
    row.addWidget(button)
    return button
