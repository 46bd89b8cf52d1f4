"""The keys as buttons: a large one for each verdict, small ones for tools. Each says its key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import QSize, Qt, Signal, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from studio.gui import theme
from studio.gui.language import mark, tr
from studio.gui.pages.label.ways import Choice

_TOOLS = {
    "skip": (mark("Skip"), "S", mark("Leaves the item for later")),
    "flag": (mark("Flag"), "F", mark("Marks the item, to come back to it")),
    "undo": (mark("Undo"), "Z", mark("Takes the last word back, to the very first one")),
    "redo": (mark("Redo"), "Y", mark("Says it again")),
    "previous": (mark("Back"), "P", mark("Shows the item before, judging nothing")),
    "next": (mark("Next"), "N", mark("Shows the next item, judging nothing")),
    "fixed": (mark("Code"), "M", mark("Letters of one width")),
    "guidelines": (mark("Guidelines"), "G", mark("Shows or hides the guidelines")),
}
_PADDING = 34  # logical pixels of a button beside its words
# Keys without a button.
_OTHERS = {
    "comment": mark("Writes a comment"),
    "tags": mark("Tags the item"),
    "page down": mark("Scrolls the answers down"),
    "page up": mark("Scrolls the answers up"),
}


class VerdictBar(QWidget):
    """Signals: `chosen(int number)` of a choice; `asked(str action)` for a tool."""

    KEYS: Mapping[str, tuple[str, ...]] = {
        **{action: (key,) for action, (_, key, _) in _TOOLS.items()},
        "undo": ("Z", "Backspace", "Ctrl+Z"),
        "redo": ("Y", "Ctrl+Y", "Ctrl+Shift+Z"),
        "comment": ("C",),
        "tags": ("#",),
        "page down": ("PgDown", "Space"),
        "page up": ("PgUp", "Shift+Space"),
    }

    chosen = Signal(int)
    asked = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.guidelines_shown = False
        self.buttons: list[QPushButton] = []
        self._labels: list[tuple[str, str]] = []  # of the buttons: where there is room, and where there is little
        self._verdicts = QHBoxLayout()
        self._verdicts.setSpacing(8)
        self._tool_rows = QGridLayout()
        self._tool_rows.setSpacing(2)
        self.tools: dict[str, QPushButton] = {}
        for action, (label, key, about) in _TOOLS.items():
            also = ", ".join(self.KEYS[action][1:])
            about = tr("{about} (also {keys})", about=tr(about), keys=also) if also else tr(about)
            button = _button(f"{tr(label)}  ({key})", about)
            button.setObjectName(action)
            theme.set_role(button, "quiet")
            button.clicked.connect(self._ask)
            self.tools[action] = button
        self._in_a_row = 0
        self._arrange_tools()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(self._verdicts)
        layout.addLayout(self._tool_rows)

    def about_key(self, action: str) -> str:
        """What a tool's keys do, in words."""
        return tr(_TOOLS[action][2] if action in _TOOLS else _OTHERS[action])

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange_tools()
        self._fit_labels()

    def minimumSizeHint(self) -> QSize:
        """Narrower than the row as it stands, which breaks in two when it has to."""
        hint = super().minimumSizeHint()
        widest = max(button.sizeHint().width() for button in self.tools.values())
        return QSize(min(hint.width(), widest * len(self.tools) // 2), hint.height())

    def _arrange_tools(self) -> None:
        """All tools in one row where there is room, else in two."""
        needed = sum(button.sizeHint().width() + 2 for button in self.tools.values())
        in_a_row = len(self.tools) if needed <= self.width() else len(self.tools) // 2
        if in_a_row == self._in_a_row:
            return
        self._in_a_row = in_a_row
        for column in range(len(self.tools) + 2):
            self._tool_rows.setColumnStretch(column, 0)
        for number, button in enumerate(self.tools.values()):
            self._tool_rows.addWidget(button, number // in_a_row, 1 + number % in_a_row)
        self._tool_rows.setColumnStretch(0, 1)
        self._tool_rows.setColumnStretch(in_a_row + 1, 1)
        self.updateGeometry()

    def show_choices(self, choices: Sequence[Choice]) -> None:
        """Offer these verdicts; where answers are ranked there are none."""
        labels = [
            (_labelled(choice, choice.label), _labelled(choice, choice.short or choice.label)) for choice in choices
        ]
        if labels == self._labels:
            return
        self._labels = labels
        for button in self.buttons:
            self._verdicts.removeWidget(button)
            button.deleteLater()
        self.buttons = []
        for number, (choice, (label, _)) in enumerate(zip(choices, labels, strict=True)):
            button = _button(
                label,
                tr("{label}: key {list}", label=choice.label, list=", ".join(_printed(key) for key in choice.keys)),
            )
            button.setMinimumHeight(44)
            button.setMinimumWidth(48)
            button.setObjectName(str(number))
            button.clicked.connect(self._choose)
            self.buttons.append(button)
            self._verdicts.addWidget(button, 1)
        self._fit_labels()

    def _fit_labels(self) -> None:
        """Words where each button has room for its own, else letters."""
        gaps = self._verdicts.spacing() * (len(self.buttons) - 1)
        room = (self.width() - gaps) // max(1, len(self.buttons)) - _PADDING
        short = any(self.fontMetrics().horizontalAdvance(words) > room for words, _ in self._labels)
        for button, words in zip(self.buttons, self._labels, strict=True):
            button.setText(words[short])

    def show_undo(self, can_undo: bool, can_redo: bool) -> None:
        """Say what can be taken back or said again."""
        self.tools["undo"].setEnabled(can_undo)
        self.tools["redo"].setEnabled(can_redo)

    def show_mark(self, *, flagged: bool) -> None:
        """Say whether the item is flagged."""
        self.tools["flag"].setText(tr("Unflag  (F)") if flagged else tr("Flag  (F)"))

    @Slot()
    def _choose(self) -> None:
        self.chosen.emit(int(self.sender().objectName()))  # pyright: ignore[reportAttributeAccessIssue]

    @Slot()
    def _ask(self) -> None:
        self.asked.emit(self.sender().objectName())  # pyright: ignore[reportAttributeAccessIssue]


def _button(text: str, about: str) -> QPushButton:
    button = QPushButton(text)
    button.setToolTip(about)
    # The keys do what the buttons do; focus stays where keys are heard.
    button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    return button


def _labelled(choice: Choice, label: str) -> str:
    """The label with its key; a digit that is its own key stands once."""
    key = _printed(choice.key)
    return label if label.split()[0] == key else f"{label}  ({key})"


def _printed(key: str) -> str:
    return {"Left": "←", "Right": "→", "Up": "↑", "Down": "↓"}.get(key, key)
