"""Questions look as the program's own dialogs do: Cancel at the left of what is done, and no icons on buttons."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton, QTableWidget, QWidget

from studio.gui import theme
from studio.gui.widgets.ask import question, text_question


@pytest.fixture
def window(qapp, qtbot):
    theme.apply(qapp, "light")
    made = QWidget()
    qtbot.addWidget(made)
    made.show()
    return made


@pytest.mark.parametrize(
    "ask",
    [
        lambda window: question(window, "Delete it?", "It is gone then.", "Delete"),
        lambda window: text_question(window, "Rename", "New name", "old"),
    ],
    ids=["question", "text"],
)
def test_cancel_stands_at_the_left_of_what_is_done(window, ask):
    dialog = ask(window)
    dialog.open()
    buttons = sorted(dialog.findChildren(QPushButton), key=QPushButton.x)
    assert buttons[0].text().replace("&", "") == "Cancel" and len(buttons) == 2
    assert all(button.icon().isNull() for button in buttons)
    dialog.reject()


def test_the_heads_of_a_table_stand_above_its_texts(window):
    table = QTableWidget(1, 1, window)
    table.show()
    assert table.horizontalHeader().defaultAlignment() == Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
