"""Rules as rows of a form, made from the declarations in `core.rules`: the kind, what it looks for, how much it counts.

What a rule means is explained under it, or what is wrong with it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from studio.core.rules import RULES, Rule
from studio.gui import theme
from studio.gui.language import tr, translated
from studio.gui.widgets.number_box import NumberBox

_MOST_WORDS = 100_000
_USUAL = 5, 60  # words of a new rule: from, to


class RulesForm(QWidget):
    """Any number of rules. Signal: `changed()`. `asked`: what the button that adds one says."""

    changed = Signal()

    def __init__(self, asked: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rows: list[RuleRow] = []
        self.add = QPushButton(asked)
        self.add.clicked.connect(self._add)
        self._column = QVBoxLayout()
        self._column.setSpacing(8)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addLayout(self._column)
        layout.addWidget(self.add, alignment=Qt.AlignmentFlag.AlignLeft)

    def rules(self) -> tuple[Rule, ...]:
        """The rules as typed; some may have a problem."""
        return tuple(row.rule() for row in self.rows)

    def show_rules(self, rules: tuple[Rule, ...]) -> None:
        """Show these and no others."""
        for row in list(self.rows):
            self._remove(row)
        for rule in rules:
            self.add_rule(rule)

    def wrong(self) -> RuleRow | None:
        """The first row that can't be used."""
        return next((row for row in self.rows if row.problem()), None)

    def add_rule(self, rule: Rule) -> RuleRow:
        """One more."""
        row = RuleRow(rule)
        row.changed.connect(self.changed)
        row.removed.connect(self._remove)
        self.rows.append(row)
        self._column.addWidget(row)
        self.changed.emit()
        return row

    @Slot()
    def _add(self) -> None:
        kind = next(iter(RULES))
        used = {row.rule().kind for row in self.rows}
        kind = next((name for name in RULES if name not in used), kind)
        row = self.add_rule(Rule(kind, low=_USUAL[0], high=_USUAL[1]))
        row.kind.setFocus(Qt.FocusReason.OtherFocusReason)

    @Slot(object)
    def _remove(self, row: RuleRow) -> None:
        self.rows.remove(row)
        self._column.removeWidget(row)
        row.hide()
        row.deleteLater()
        self.add.setFocus(Qt.FocusReason.OtherFocusReason)
        self.changed.emit()


class RuleRow(QFrame):
    """One rule. Signals: `changed()`; `removed(object RuleRow)`."""

    changed = Signal()
    removed = Signal(object)

    def __init__(self, rule: Rule, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        theme.set_role(self, "card")
        self.kind = QComboBox()
        self.kind.setAccessibleName(tr("Kind of rule"))
        for name, kind in RULES.items():
            self.kind.addItem(translated(kind.label), name)
        self.kind.setCurrentIndex(self.kind.findData(rule.kind))
        self.parts: dict[str, QWidget] = {}
        self._labels: dict[str, QLabel] = {}
        self.weight = QLineEdit(f"{rule.weight:g}")
        self.weight.setAccessibleName(tr("Weight of the rule"))
        self.weight.setToolTip(tr("What its 0 to 1 is multiplied by; a negative weight punishes."))
        self.weight.setFixedWidth(72)
        self.remove = QToolButton()
        self.remove.setText("✕")
        self.remove.setToolTip(tr("Remove this rule"))
        self.remove.setAccessibleName(tr("Remove this rule"))
        theme.set_role(self.remove, "quiet")
        self.about = QLabel()
        self.about.setTextFormat(Qt.TextFormat.PlainText)
        self.about.setWordWrap(True)
        top, under = QHBoxLayout(), QHBoxLayout()
        weight = QLabel(tr("Weight"))
        weight.setBuddy(self.weight)
        for part in (self.kind, weight, self.weight, self.remove):
            top.addWidget(part, 1 if part is self.kind else 0)
        for name, label in dict(pair for kind in RULES.values() for pair in kind.parts.items()).items():
            editor = _editor(name, getattr(rule, name))
            editor.setAccessibleName(translated(label))
            word = QLabel(translated(label))
            word.setBuddy(editor)
            self.parts[name], self._labels[name] = editor, word
            under.addWidget(word)
            under.addWidget(editor, 1 if isinstance(editor, QLineEdit) else 0)
            signal = editor.textChanged if isinstance(editor, QLineEdit) else editor.valueChanged
            signal.connect(self._tell)
        under.addStretch()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 12, 12, 12)
        layout.setSpacing(8)
        layout.addLayout(top)
        layout.addLayout(under)
        layout.addWidget(self.about)
        self.kind.currentIndexChanged.connect(self._tell)
        self.weight.textChanged.connect(self._tell)
        self.remove.clicked.connect(self._ask_removal)
        self._show()

    def rule(self) -> Rule:
        """The rule as typed."""
        kind = self.kind.currentData()
        values: dict[str, Any] = {
            name: editor.value() if isinstance(editor, QSpinBox) else editor.text()
            for name, editor in self.parts.items()
            if name in RULES[kind].parts and isinstance(editor, (QSpinBox, QLineEdit))
        }
        return replace(Rule(kind, **values), weight=self._weight() or 0.0)

    def problem(self) -> str:
        """Why it can't be used; empty when it can."""
        if self._weight() is None:
            return tr("The weight is “{weight}”, which is not a number such as 1 or -0.5.", weight=self.weight.text())
        return translated(self.rule().problem())

    def _weight(self) -> float | None:
        try:
            return float(self.weight.text().strip().replace(",", "."))
        except ValueError:
            return None

    @Slot()
    def _tell(self) -> None:
        self._show()
        self.changed.emit()

    def _show(self) -> None:
        kind, problem = RULES[self.kind.currentData()], self.problem()
        for name, editor in self.parts.items():
            for part in (editor, self._labels[name]):
                part.setVisible(name in kind.parts)
        self.about.setText(problem or translated(kind.about))
        theme.set_role(self.about, "error" if problem else "muted")

    @Slot()
    def _ask_removal(self) -> None:
        self.removed.emit(self)


def _editor(name: str, value: Any) -> QLineEdit | QSpinBox:
    if isinstance(value, str):
        line = QLineEdit(value)
        line.setPlaceholderText(tr("such as (?i)thank you"))
        return line
    spin = NumberBox()
    spin.setRange(0, _MOST_WORDS)
    spin.setGroupSeparatorShown(True)
    spin.setSpecialValueText(tr("any") if name == "high" else "")
    spin.setValue(value)
    spin.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    spin.setMinimumWidth(96)
    return spin
