"""The keys of the judging screen: which there are, what each is for in words, and what is heard when one is pressed."""

from __future__ import annotations

from PySide6.QtCore import QObject, Qt, Signal, Slot
from PySide6.QtGui import QShortcut
from PySide6.QtWidgets import QWidget

from studio.gui.language import mark, tr
from studio.gui.pages.label.verdict_bar import VerdictBar
from studio.gui.widgets.keys import bind

_ABOUT = {
    "T": mark("A tie: both are as good"),
    "B": mark("Both are bad"),
    "Left": mark("The left one is better"),
    "Right": mark("The right one is better"),
    "Up": mark("Good"),
    "Down": mark("Bad"),
}


class JudgeKeys(QObject):
    """Keys of `screen`. Signals: `digit_pressed(int place)` from 0; `edit_asked(int place)`; `key_pressed(str)`;
    `entered()`; `tie_asked()`; `asked(str action)` for a tool's key."""

    digit_pressed = Signal(int)
    edit_asked = Signal(int)
    key_pressed = Signal(str)
    entered = Signal()
    tie_asked = Signal()
    asked = Signal(str)

    def __init__(self, screen: QWidget, verdicts: VerdictBar) -> None:
        super().__init__(screen)
        self._screen = screen
        for place in range(10):
            self._bind(str((place + 1) % 10), str(place), self._digit, tr("The verdict of that number"))
            if place < 9:
                self._bind(f"Shift+{place + 1}", str(place), self._edit, tr("Improve the answer of that number"))
        for key, about in _ABOUT.items():
            self._bind(key, key, self._key, tr(about))
        for key in ("Return", "Enter"):
            self._bind(key, key, self.entered, tr("Go on, when the verdict is whole"))
        self._bind("=", "=", self.tie_asked, tr("Rank the next one as high as the last"))
        for action, keys in verdicts.KEYS.items():
            for key in keys:
                self._bind(key, action, self._act, verdicts.about_key(action))

    def _bind(self, key: str, name: str, slot: object, about: str) -> None:
        shortcut = bind(self._screen, key, about, slot, context=Qt.ShortcutContext.WidgetWithChildrenShortcut)
        shortcut.setAutoRepeat(key in ("PgDown", "PgUp"))  # a key held down is one verdict
        shortcut.setObjectName(name)

    def _pressed(self) -> str:
        shortcut = self.sender()
        assert isinstance(shortcut, QShortcut)
        return shortcut.objectName()

    @Slot()
    def _digit(self) -> None:
        self.digit_pressed.emit(int(self._pressed()))

    @Slot()
    def _edit(self) -> None:
        self.edit_asked.emit(int(self._pressed()))

    @Slot()
    def _key(self) -> None:
        self.key_pressed.emit(self._pressed())

    @Slot()
    def _act(self) -> None:
        self.asked.emit(self._pressed())
