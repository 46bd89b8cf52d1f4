import pytest
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from studio.gui.widgets.fitting_scroll import FittingScroll


@pytest.fixture
def held(qtbot):
    """Wrapped lines in a scroll area over something that is always in sight."""
    inside, outside = QWidget(), QWidget()
    lines = QVBoxLayout(inside)
    for _ in range(8):
        label = QLabel("words that need two lines or more " * 3)
        label.setWordWrap(True)
        lines.addWidget(label)
    area, below = FittingScroll(inside), QLabel("always here")
    layout = QVBoxLayout(outside)
    layout.addWidget(area)
    layout.addWidget(below)
    layout.addStretch()
    qtbot.addWidget(outside)
    outside.resize(300, 900)
    outside.show()
    return outside, area, below


def is_whole(area):
    labels = area.widget().findChildren(QLabel)
    return all(label.height() >= label.heightForWidth(label.width()) for label in labels)


def test_it_is_as_tall_as_what_it_holds(qtbot, held):
    _, area, _ = held
    qtbot.waitUntil(lambda: is_whole(area) and area.verticalScrollBar().maximum() == 0)
    area.widget().layout().itemAt(0).widget().setText("one")
    qtbot.waitUntil(lambda: area.height() == area.widget().height() and is_whole(area))


def test_with_less_room_it_scrolls_and_cuts_nothing_off(qtbot, held):
    outside, area, below = held
    outside.resize(300, 240)
    qtbot.waitUntil(lambda: area.verticalScrollBar().maximum() > 0 and is_whole(area))
    assert below.geometry().bottom() <= outside.height()
