"""Two ways to use the window as a person does: with the mouse alone, or with the keyboard alone. Text is typed in both.

Each refuses what a person could not do: press what is hidden, covered or greyed, or reach what Tab never comes to.
"""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton, QApplication, QScrollArea, QWidget

_FAR = 400  # presses of Tab; more than any page has controls


class Mouse:
    """Clicks where things are."""

    name = "mouse"

    def __init__(self, qtbot, window: QWidget) -> None:
        self.qtbot, self.window = qtbot, window

    def press(self, button: QAbstractButton) -> None:
        """Click a button, after scrolling to it."""
        self.click(button)

    def click(self, part: QWidget) -> None:
        """Click the middle of a part, which must be what is seen there."""
        assert part.isVisible() and part.isEnabled(), part
        scroll_to(part)
        QApplication.processEvents()
        middle = part.mapTo(self.window, part.rect().center())
        seen = self.window.childAt(middle)
        assert seen is part or part.isAncestorOf(seen), f"{seen} covers {part}"
        self.qtbot.mouseClick(seen, Qt.MouseButton.LeftButton, pos=seen.mapFrom(self.window, middle))

    def write(self, part: QWidget, text: str) -> None:
        """Type into a field that was clicked."""
        self.click(part)
        self.qtbot.keyClicks(self.window.focusWidget(), text)

    def judge(self, buttons: list[QAbstractButton], place: int) -> None:
        """Give the verdict of that place."""
        self.press(buttons[place])


class Keyboard:
    """Goes there by Tab and presses Return."""

    name = "keyboard"

    def __init__(self, qtbot, window: QWidget) -> None:
        self.qtbot, self.window = qtbot, window

    def press(self, button: QAbstractButton) -> None:
        """Go to a button and press it."""
        assert button.isVisible() and button.isEnabled(), button
        self._go_to(button)
        self.qtbot.keyClick(self.window.focusWidget(), Qt.Key.Key_Space)

    def write(self, part: QWidget, text: str) -> None:
        """Go to a field and type."""
        self._go_to(part)
        self.qtbot.keyClicks(part, text)

    def judge(self, _buttons: list[QAbstractButton], place: int) -> None:
        """Give the verdict of that place by its key."""
        self.qtbot.keyClick(self.window.focusWidget(), str(place + 1))

    def _go_to(self, part: QWidget) -> None:
        seen: list[QWidget | None] = []
        for _ in range(_FAR):
            focused = self.window.focusWidget()
            if focused is part:
                return
            seen.append(focused)
            self.qtbot.keyClick(focused or self.window, Qt.Key.Key_Tab)
        round_trip = [f"{type(one).__name__} {one.accessibleName()}" for one in seen[-3:] if one is not None]
        raise AssertionError(f"Tab never comes to {part}; it goes round {round_trip}")


def scroll_to(part: QWidget) -> None:
    """What a wheel would do."""
    around = part.parentWidget()
    while around is not None:
        if isinstance(around, QScrollArea):
            around.ensureWidgetVisible(part)
        around = around.parentWidget()
