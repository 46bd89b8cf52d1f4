"""Everything that can be done in the window now, found by looking at it: menus, buttons and tabs that can be used.

Nothing is registered, so nothing can be forgotten: what can be pressed can be found by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence, QShortcut
from PySide6.QtWidgets import QAbstractButton, QMenu, QPushButton, QRadioButton, QTabBar, QToolButton, QWidget

from studio.gui.language import tr
from studio.gui.widgets.focus import focus_inside


@dataclass(frozen=True, slots=True)
class Action:
    """label: what it is called. where: the page or menu that it stands in. keys: that do the same; often none."""

    label: str
    where: str
    keys: str
    run: Callable[[], object]


def actions_in(part: QWidget, where: str) -> list[Action]:
    """What can be pressed in a part of the window as it is now."""
    found = {action.label: action for action in (*_of_buttons(part, where), *_of_tabs(part, where))}
    return list(found.values())


def actions_of(menu: QMenu, where: str) -> Iterator[Action]:
    """What a menu offers now."""
    menu.aboutToShow.emit()  # those that fill themselves do so
    for action in menu.actions():
        inner = action.menu()
        if isinstance(inner, QMenu):
            if action.isEnabled():
                yield from actions_of(inner, _plain(action.text()))
        elif action.isEnabled() and not action.isSeparator():
            yield _of_action(action, where)


def matching(actions: list[Action], typed: str) -> list[Action]:
    """Those whose name and place hold every word that was typed; those that begin with it come first."""
    words = typed.lower().split()
    found = [one for one in actions if all(word in f"{one.label} {one.where}".lower() for word in words)]
    return sorted(found, key=lambda one: not one.label.lower().startswith(typed.lower().strip()))


def keys_in(part: QWidget) -> dict[str, list[str]]:
    """What keys do in a part of the window: the keys by what they are said to do, in the order they were bound."""
    bound = [(shortcut.whatsThis(), shortcut.key()) for shortcut in part.findChildren(QShortcut)]
    known = [keys for _, keys in bound]
    for action in part.findChildren(QAction):
        alone = action.shortcutContext() is Qt.ShortcutContext.WidgetShortcut
        # In a menu such a one only says a key that the window has bound.
        told = [keys for keys in action.shortcuts() if not (alone and keys in known)]
        bound += [(_plain(action.text()).removesuffix("…"), keys) for keys in told]
    found: dict[str, list[str]] = {}
    for about, keys in bound:
        key = keys.toString(QKeySequence.SequenceFormat.NativeText)
        if about and key and key not in found.setdefault(about, []):
            found[about].append(key)
    return found


def _of_action(action: QAction, where: str) -> Action:
    keys = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
    return Action(_plain(action.text()), where, keys, action.trigger)


def _of_buttons(part: QWidget, where: str) -> Iterator[Action]:
    for button in part.findChildren(QAbstractButton):
        if not button.isVisible() or not button.isEnabled():
            continue
        label = _plain(button.text()) if len(button.text()) > 1 else button.accessibleName()
        if not label:
            continue
        menu = button.menu() if isinstance(button, (QPushButton, QToolButton)) else None
        if menu is not None:
            yield from actions_of(menu, label)
        else:
            yield Action(
                tr("Choose “{label}”", label=label) if isinstance(button, QRadioButton) else label,
                where,
                "",
                _press(button),
            )


def _of_tabs(part: QWidget, where: str) -> Iterator[Action]:
    for bar in part.findChildren(QTabBar):
        for index in range(bar.count() if bar.isVisible() else 0):
            if index != bar.currentIndex() and bar.isTabVisible(index) and bar.isTabEnabled(index):
                yield Action(tr("Show {plain}", plain=_plain(bar.tabText(index))), where, "", _turn(bar, index))


def _press(button: QAbstractButton) -> Callable[[], object]:
    def press() -> None:
        focus_inside(button)
        button.click()

    return press


def _turn(bar: QTabBar, index: int) -> Callable[[], object]:
    return lambda: bar.setCurrentIndex(index)


def _plain(text: str) -> str:
    """A label without the mark of its key; two of them stand for a letter."""
    return text.replace("&&", "\0").replace("&", "").replace("\0", "&").strip()
