"""What was said, as one text: its end stays in sight while a reader has not scrolled away from it."""

import pytest

from studio.core.dialogue import Turn
from studio.gui.pages.chat.pane_text import PaneText

LONG = "A sentence that is long enough to need another line where there is little room for it.\n\n" * 30


@pytest.fixture
def text(qtbot):
    made = PaneText()
    qtbot.addWidget(made)
    made.resize(600, 300)
    made.show()
    made.show_turns([Turn("Why?", LONG, "base", ended="end of turn")])
    return made


def at_end(text):
    bar = text.verticalScrollBar()
    return bar.maximum() > 0 and bar.value() == bar.maximum()


def test_the_end_stays_in_sight_when_there_is_less_room_and_when_more_comes(qtbot, text):
    qtbot.waitUntil(lambda: at_end(text))
    before = text.verticalScrollBar().maximum()
    text.resize(250, 200)
    qtbot.waitUntil(lambda: text.verticalScrollBar().maximum() > before and at_end(text))
    before = text.verticalScrollBar().maximum()
    text.add_message(Turn("And then?"))
    text.begin_answer(Turn("And then?", model="base"))
    text.grow(LONG)
    qtbot.waitUntil(lambda: text.verticalScrollBar().maximum() > before and at_end(text))


def test_a_reader_who_scrolled_up_stays_there(qtbot, text):
    qtbot.waitUntil(lambda: at_end(text))
    bar = text.verticalScrollBar()
    bar.setValue(40)
    before = bar.maximum()
    text.begin_answer(Turn("And then?", model="base"))
    text.grow(LONG)
    qtbot.waitUntil(lambda: bar.maximum() > before)
    assert bar.value() == 40
    text.to_end()  # a message was sent
    assert at_end(text)


def test_an_answer_alone_is_read_from_its_beginning(qtbot, text):
    text.show_answer(Turn("", LONG))
    qtbot.waitUntil(lambda: text.verticalScrollBar().maximum() > 0)
    text.resize(250, 200)
    assert text.verticalScrollBar().value() == 0
