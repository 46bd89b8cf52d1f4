"""A form made from a dataclass of settings: label, editor and explanation of each, as `core.fields` declares them.

Ranges, choices, units and explanations come from the declaration, longer ones from `core.glossary`; nothing about a
setting is written here.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import SimpleNamespace
from typing import Any, Generic, TypeVar, cast

from PySide6.QtCore import QEvent, QObject, Qt, Signal, Slot
from PySide6.QtGui import QKeySequence, QStandardItemModel
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QSizePolicy,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from studio.core.errors import StudioError
from studio.core.fields import Setting, conflicts_of, settings_of
from studio.core.glossary import Entry
from studio.gui import theme
from studio.gui.language import tr, translated
from studio.gui.widgets.keys import bind
from studio.gui.widgets.number_box import NumberBox

T = TypeVar("T")
_INT_MAX = 2**31 - 1  # the largest number a QSpinBox holds


class SettingsForm(QWidget, Generic[T]):
    """The settings of `declared`. Signals: `changed()` when any value changes; `advanced_toggled(bool)`.

    The tick box for advanced settings is there only when some setting is advanced. A setting that changes nothing
    beside the others' values is hidden. `glossary`: what the “?” beside a setting's editor, or F1 in it, unfolds.
    """

    changed = Signal()
    advanced_toggled = Signal(bool)

    def __init__(
        self,
        declared: type[T],
        *,
        advanced: bool = False,
        glossary: Mapping[str, Entry] | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._declared = declared
        self._left_out: frozenset[str] = frozenset()
        self._idle: frozenset[str] = frozenset()  # hidden, for they change nothing
        entries = glossary or {}
        self.rows = {known.name: _Row(known, entries.get(known.name), self) for known in settings_of(declared)}
        grid = QGridLayout()
        grid.setHorizontalSpacing(16)
        grid.setVerticalSpacing(0)
        grid.setColumnStretch(1, 1)
        for number, row in enumerate(self.rows.values()):
            grid.addWidget(row.label, number, 0, Qt.AlignmentFlag.AlignTop)
            grid.addWidget(row.field, number, 1)
            row.changed.connect(self._take_change)
        self.advanced = QCheckBox(tr("Show all settings"))
        self.advanced.setChecked(advanced)
        self.advanced.toggled.connect(self._show_advanced)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(grid)
        layout.addWidget(self.advanced)
        self.advanced.setVisible(any(row.known.advanced for row in self.rows.values()))
        self._arrange()

    def values(self) -> T:
        """The settings as typed. Raises StudioError for the first one that cannot be used."""
        for sentence in self.problems().values():
            raise StudioError(sentence, "Correct the value and try again.")
        # What changes nothing may be typed half; its default changes nothing either.
        return self._declared(
            **{name: row.known.default if row.problem() else row.value() for name, row in self.rows.items()}
        )

    def set_values(self, values: T) -> None:
        """Show the values of an instance."""
        for name, row in self.rows.items():
            row.set_value(getattr(values, name))

    def problems(self) -> dict[str, str]:
        """The name of each setting that cannot be used as typed, with the sentence why."""
        found = {name: row.problem() for name, row in self.rows.items() if name not in self._idle}
        wrong = {name: sentence for name, sentence in found.items() if sentence}
        if wrong or any(row.problem() for row in self.rows.values()):
            return wrong
        return conflicts_of(self._declared(**{name: row.value() for name, row in self.rows.items()}))

    def leave_out(self, names: Collection[str]) -> None:
        """Hide settings that change nothing where the form stands now; none of the names need be there."""
        self._left_out = frozenset(names)
        self._arrange()

    def set_unavailable(self, choices: Mapping[str, Mapping[str, str]]) -> None:
        """Grey choices that can't be had: setting -> choice -> why."""
        for name, reasons in choices.items():
            if name in self.rows:
                self.rows[name].set_unavailable(reasons)
        self._take_change()

    @Slot()
    def _take_change(self) -> None:
        self._arrange()
        self.changed.emit()

    def _arrange(self) -> None:
        """Show the settings that count beside the others' values."""
        good = {name: row.value() for name, row in self.rows.items() if not row.problem()}
        values = SimpleNamespace(**good)
        self._idle = self._left_out | {name for name, row in self.rows.items() if row.known.idle(values)}
        for name, row in self.rows.items():
            row.set_visible(name not in self._idle and (self.advanced.isChecked() or not row.known.advanced))

    @Slot(bool)
    def _show_advanced(self, shown: bool) -> None:
        self._arrange()
        self.advanced_toggled.emit(shown)


class _Row(QObject):
    """One setting: its label, its editor, and the line under it that explains, or says what is wrong.

    Signal: `changed()`.
    """

    changed = Signal()

    def __init__(self, known: Setting, entry: Entry | None, parent: QWidget) -> None:
        super().__init__(parent)
        self.known = known
        self._reasons: Mapping[str, str] = {}
        self.editor = self._make_editor(known)
        self.editor.setAccessibleName(translated(known.label))
        self.editor.setAccessibleDescription(translated(known.about))
        self.editor.setMinimumWidth(176)
        self.editor.setMaximumWidth(480 if known.kind is bool else 240)
        self.editor.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        # A wheel turned to scroll the page must not change a value on its way.
        self.editor.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.editor.installEventFilter(self)
        self.label = QLabel(translated(known.label) if not isinstance(self.editor, QCheckBox) else "")
        self.label.setBuddy(self.editor)
        self.about = QLabel(translated(known.about))
        self.about.setTextFormat(Qt.TextFormat.PlainText)
        self.about.setWordWrap(True)
        theme.set_role(self.about, "muted")
        self.label.setContentsMargins(0, 8, 0, 0)
        self.field = QWidget()
        stack = QVBoxLayout(self.field)
        stack.setContentsMargins(0, 0, 0, 16)
        stack.setSpacing(4)
        line = QHBoxLayout()
        line.setSpacing(4)
        line.addWidget(self.editor)
        if known.folder:
            self.editor.setMaximumWidth(480)
            self.browse = QPushButton(tr("Choose…"))
            self.browse.setAccessibleName(tr("Choose: {label}", label=translated(known.label)))
            self.browse.setAutoDefault(False)
            self.browse.clicked.connect(self._choose_folder)
            line.addWidget(self.browse)
        line.addStretch()
        stack.addLayout(line)
        stack.addWidget(self.about)
        self.help: QToolButton | None = None
        if entry is not None:
            self.help, unfolded = _help(known, entry)
            line.insertWidget(1, self.help)
            stack.addWidget(unfolded)
            self.help.toggled.connect(unfolded.setVisible)
            # For whoever types: no other key opens help in a line of text.
            within = Qt.ShortcutContext.WidgetWithChildrenShortcut
            about = tr("What the setting means, in its field")
            bind(self.field, QKeySequence.StandardKey.HelpContents, about, self.help.toggle, context=within)

    def _make_editor(self, known: Setting) -> QWidget:
        if known.choices is not None:
            combo = QComboBox()
            for value, label in known.choices.items():
                combo.addItem(translated(label), value)
            combo.setCurrentIndex(combo.findData(known.default))
            combo.currentIndexChanged.connect(self._edited)
            return combo
        if known.kind is bool:
            box = QCheckBox(translated(known.label))
            box.setChecked(known.default)
            box.toggled.connect(self._edited)
            return box
        if known.kind is int:
            spin = NumberBox()
            spin.setRange(_bound(known.low, -_INT_MAX), _bound(known.high, _INT_MAX))
            spin.setSuffix(f" {translated(known.unit)}" if known.unit else "")
            spin.setGroupSeparatorShown(known.name != "seed")
            spin.setValue(known.default)
            spin.valueChanged.connect(self._edited)
            return spin
        if known.lines:
            text = QPlainTextEdit(known.default)
            text.setTabChangesFocus(True)
            text.setFixedHeight(4 * text.fontMetrics().lineSpacing() + 16)
            text.textChanged.connect(self._edited)
            return text
        # Text for fractions: a spin box has fixed decimals, and 2e-5 is how learning rates are written.
        line = QLineEdit(_shown(known.default))
        line.textChanged.connect(self._edited)
        return line

    def value(self) -> Any:
        """The value as typed; text that is no number stays text, for `problem` to name."""
        match self.editor:
            case QComboBox() as combo:
                return combo.currentData()
            case QCheckBox() as box:
                return box.isChecked()
            case QSpinBox() as spin:
                return spin.value()
            case QLineEdit() as line if self.known.kind is float:
                text = line.text().strip()
                try:
                    return float(text.replace(",", "."))
                except ValueError:
                    return text
            case QPlainTextEdit() as text:
                return text.toPlainText()
            case QLineEdit() as line:
                return line.text()
            case _:
                raise TypeError(type(self.editor).__name__)

    def set_value(self, value: Any) -> None:
        """Show a value."""
        match self.editor:
            case QComboBox() as combo:
                combo.setCurrentIndex(combo.findData(value))
            case QCheckBox() as box:
                box.setChecked(bool(value))
            case QSpinBox() as spin:
                spin.setValue(int(value))
            case QPlainTextEdit() as text:
                text.setPlainText(value)
            case QLineEdit() as line:
                line.setText(_shown(value))
            case _:
                raise TypeError(type(self.editor).__name__)

    def problem(self) -> str:
        """Why the value can't be used; empty when it can."""
        value = self.value()
        if self.known.kind is float and value == "":
            return tr("{label} is empty; type a number.", label=translated(self.known.label))
        if self.known.kind is float and isinstance(value, str):
            return tr(
                "{label} is “{value}”, which is not a number such as 0.0002 or 2e-4.",
                label=translated(self.known.label),
                value=value,
            )
        return self.known.problem(value) or self._reasons.get(str(value), "")

    def set_unavailable(self, reasons: Mapping[str, str]) -> None:
        """Grey these choices, and say why where one of them is chosen already."""
        self._reasons = reasons
        combo = self.editor
        if isinstance(combo, QComboBox):
            for place in range(combo.count()):
                reason = translated(reasons.get(combo.itemData(place), ""))
                item = cast("QStandardItemModel", combo.model()).item(place)
                item.setEnabled(not reason)
                item.setToolTip(reason)
        self._explain()

    def set_visible(self, shown: bool) -> None:
        """Show or hide the whole row."""
        for part in (self.label, self.field):
            part.setVisible(shown)

    @Slot()
    def _edited(self) -> None:
        self._explain()
        self.changed.emit()

    @Slot()
    def _choose_folder(self) -> None:
        line = cast("QLineEdit", self.editor)
        folder = QFileDialog.getExistingDirectory(line, translated(self.known.label), line.text())
        if folder:
            line.setText(folder)

    def _explain(self) -> None:
        sentence = translated(self.problem())
        self.about.setText(sentence or translated(self.known.about))
        theme.set_role(self.about, "error" if sentence else "muted")
        if isinstance(self.editor, QLineEdit):
            self.editor.setProperty("wrong", "true" if sentence else "false")
            theme.set_role(self.editor, "")

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Leave the wheel to the page while the editor has no focus."""
        if event.type() == QEvent.Type.Wheel and not self.editor.hasFocus():
            event.ignore()
            return True
        return False


def _help(known: Setting, entry: Entry) -> tuple[QToolButton, QLabel]:
    """The “?” of a setting, and what it unfolds."""
    button = QToolButton()
    button.setText("?")
    button.setCheckable(True)
    button.setAccessibleName(tr("What “{label}” means", label=translated(known.label)))
    button.setToolTip(tr("What “{label}” means (F1)", label=translated(known.label)))
    button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    theme.set_role(button, "quiet")
    text = QLabel(
        "\n\n".join(
            tr("{heading}: {told}", heading=translated(heading), told=translated(said))
            for heading, said in entry.paragraphs()
        )
    )
    text.setTextFormat(Qt.TextFormat.PlainText)
    text.setWordWrap(True)
    text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    text.setAccessibleName(f"{translated(known.label)}: {text.text()}")
    theme.set_role(text, "card")
    text.setContentsMargins(12, 10, 12, 10)
    text.hide()
    return button, text


def _bound(value: float | None, otherwise: int) -> int:
    return otherwise if value is None else int(max(-_INT_MAX, min(_INT_MAX, value)))


def _shown(value: Any) -> str:
    """A number as people write it, without idle zeros: 0.0002, 3, 5e-5."""
    return f"{value:.10g}".replace("e-0", "e-") if isinstance(value, float) else str(value)
