"""No text is cut off: what is written on labels, buttons and tabs has the room that it asks for, also at 200 %."""

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtCore import QRect, Qt
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractScrollArea,
    QLabel,
    QScrollArea,
    QSizePolicy,
    QTabBar,
    QWidget,
)

SIZES = [(1280, 720), (960, 540)]  # the second is a screen of 1920 x 1080 at 200 %
SPARE = 1  # logical pixels that rounding may take


def cut_off(window):
    """What is shown in a window and lacks room: what it is, and how much it has and wants."""
    found = []
    for part in window.findChildren(QWidget):
        if not part.isVisible() or part.visibleRegion().isEmpty():
            continue
        if isinstance(part, QLabel):
            found += lacking(part, part.text(), *wanted_by(part))
        elif isinstance(part, QAbstractButton):
            hint = part.sizeHint()
            found += lacking(part, part.text() or part.accessibleName(), hint.width(), hint.height())
        elif isinstance(part, QScrollArea) and part.widget() is not None:
            hidden = part.widget().width() - part.viewport().width()
            if hidden > SPARE and not part.horizontalScrollBar().isVisible():
                found.append(f"{part.accessibleName() or repr(part.parent())}: {hidden} at the right are hidden")
        elif (
            isinstance(part, QTabBar)
            and part.sizeHint().width() > part.width() + SPARE
            and not part.usesScrollButtons()
        ):
            found.append(f"tabs {part.accessibleName()}: {part.width()} of {part.sizeHint().width()}")
    return found


def cut_off_at_rest(window, qtbot):
    """The same once layouts have come to rest, which takes some turns of the event loop."""
    with contextlib.suppress(qtbot.TimeoutError):
        qtbot.waitUntil(lambda: not cut_off(window), timeout=2000)
    return cut_off(window)


def wanted_by(label):
    """Width and height of what a label shows; 0 where it shortens its text itself."""
    if label.sizePolicy().horizontalPolicy() is QSizePolicy.Policy.Ignored or not label.text():
        return 0, 0
    if label.wordWrap():
        return 0, label.heightForWidth(label.width())
    return label.sizeHint().width(), label.sizeHint().height()


def lacking(part, text, width, height):
    """Whether a part is smaller than that, or reaches out of what it stands in."""
    what = f"{type(part).__name__} “{text[:60]}”"
    if part.width() + SPARE < width or part.height() + SPARE < height:
        return [f"{what}: {part.width()} x {part.height()} of {width} x {height}"]
    inner, outer = part, part.parentWidget()
    while outer is not None and not inner.isWindow():
        if isinstance(outer.parentWidget(), QAbstractScrollArea):
            break  # it scrolls there
        place = QRect(part.mapTo(outer, part.rect().topLeft()), part.size())
        if not outer.rect().adjusted(-SPARE, -SPARE, SPARE, SPARE).contains(place):
            return [f"{what} reaches out of {type(outer).__name__}"]
        inner, outer = outer, outer.parentWidget()
    return []


def test_what_is_too_narrow_is_found(qtbot):
    window = QWidget()
    qtbot.addWidget(window)
    label = QLabel("a text that is longer than that", window)
    label.setGeometry(0, 0, 40, 20)
    window.show()
    assert len(cut_off(window)) == 1
    label.adjustSize()
    label.move(window.width() - 10, 0)
    assert "reaches out" in cut_off(window)[0]


def test_what_cannot_be_scrolled_to_is_found(qtbot):
    window = QWidget()
    qtbot.addWidget(window)
    area = QScrollArea(window, widgetResizable=True)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    inside = QWidget()
    inside.setMinimumWidth(500)
    area.setWidget(inside)
    window.show()
    assert "are hidden" in cut_off(window)[0]


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_nothing_is_cut_off(full, every_page, qtbot, size):
    full.window.resize(*size)
    full.guiding.guide.change(course="first", shown=True)
    qtbot.waitUntil(lambda: full.guiding.panel.isVisible() and full.guiding.panel.step is not None)
    found = {"guide": cut_off_at_rest(full.guiding.panel, qtbot)}
    full.guiding.panel.fold.click()
    found |= {page: cut_off_at_rest(full.window, qtbot) for page in every_page()}
    assert {page: cut for page, cut in found.items() if cut} == {}


def test_nothing_is_cut_off_in_the_dialogs(every_dialog, qtbot):
    found, seen = {}, set()
    for name, dialog in every_dialog():
        seen.add(type(dialog).__name__)
        found[name] = cut_off_at_rest(dialog, qtbot)
        least = dialog.minimumSizeHint()
        if least.width() > SIZES[0][0] or least.height() > SIZES[0][1]:
            found[name].append(f"larger than a small screen: {least}")
    assert {name: cut for name, cut in found.items() if cut} == {}
    assert len(seen) > 12, seen


@pytest.mark.skipif(os.environ.get("QT_SCALE_FACTOR") == "2", reason="this is the run at 200 %")
def test_nothing_is_cut_off_at_200_percent():
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", "-p", "no:cacheprovider", __file__]
    # Dialogs fit themselves to the screen, and the one that there is without a display has 800 x 800.
    screen = os.path.relpath(Path(__file__).with_name("screen.json")).replace(os.sep, "/")
    scaled = {"QT_SCALE_FACTOR": "2", "QT_QPA_PLATFORM": f"offscreen:configfile={screen}"}
    done = subprocess.run(command, env={**os.environ, **scaled}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:]
