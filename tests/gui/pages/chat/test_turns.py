"""Turns: edited, asked again, gone on with, deleted, each on its branch; one pane or all; links and long messages."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QInputDialog, QMessageBox

from studio.gui.pages.chat import turn_bar
from studio.storage.datasets import list_datasets, records_of
from tests.gui.pages.chat.talking import LEFT, RIGHT, act, agree, answered, click, say, shown


@pytest.fixture
def talked(qtbot, ready):
    for text in ("hello", "more"):
        say(qtbot, ready, text)
        qtbot.waitUntil(lambda: answered(ready))
    return ready


def prompts(page, pane):
    return [turn.prompt for turn in page.panes[pane].turns]


def test_a_message_is_edited_in_all_panes_that_were_asked_the_same(qtbot, talked):
    talked.composer.edit.setPlainText("begun")
    talked.panes[LEFT].text.turn_chosen.emit(0)
    act(talked, LEFT, turn_bar.EDIT)
    assert talked.composer.edit.toPlainText() == "hello"
    assert talked.composer.told.isVisible()
    say(qtbot, talked, "good morning")
    qtbot.waitUntil(lambda: answered(talked))
    assert prompts(talked, LEFT) == prompts(talked, RIGHT) == ["good morning"]
    assert talked.composer.edit.toPlainText() == "begun"  # what was being written comes back
    assert talked.panes[LEFT].bar.version.text() == "2/2"
    click(qtbot, talked.panes[LEFT].bar.before)
    assert prompts(talked, LEFT) == ["hello", "more"]
    assert prompts(talked, RIGHT) == ["good morning"]


def test_escape_leaves_a_message_as_it_was(qtbot, talked):
    act(talked, LEFT, turn_bar.EDIT)
    assert talked.composer.edit.toPlainText() == "more"
    qtbot.keyClick(talked.composer.edit, Qt.Key.Key_Escape)
    assert talked.composer.edit.toPlainText() == ""
    assert not talked.composer.told.isVisible()
    say(qtbot, talked, "new")
    qtbot.waitUntil(lambda: answered(talked))
    assert prompts(talked, LEFT) == ["hello", "more", "new"]


def test_one_pane_answers_again_and_the_old_answer_stays(qtbot, talked):
    act(talked, RIGHT, turn_bar.AGAIN)
    qtbot.waitUntil(lambda: answered(talked) and "seed 43" in shown(talked, RIGHT))
    assert "seed 42" in shown(talked, LEFT)
    pane = talked.panes[RIGHT]
    assert pane.bar.version.text() == "2/2"
    click(qtbot, pane.bar.before)
    assert "turn 3 seed 42" in shown(talked, RIGHT)
    assert not pane.bar.before.isEnabled()


def test_an_answer_is_gone_on_with(qtbot, talked):
    before = talked.panes[LEFT].turns[-1].answer
    act(talked, LEFT, turn_bar.GO_ON)
    qtbot.waitUntil(lambda: answered(talked) and talked.panes[LEFT].turns[-1].answer != before)
    assert talked.panes[LEFT].turns[-1].answer == before + " and on."
    assert before + " and on." in shown(talked, LEFT)
    assert len(talked.panes[LEFT].dialogue.siblings(talked.panes[LEFT].turns[-1])) == 2


def test_an_answer_is_rewritten(qtbot, talked):
    act(talked, LEFT, turn_bar.REWRITE)
    dialog = talked.findChild(QInputDialog, "rewrite")
    dialog.setTextValue("What I **wanted**")
    dialog.accept()
    assert "What I wanted" in shown(talked, LEFT)
    assert talked.panes[LEFT].footer.whole == "edited by hand"
    say(qtbot, talked, "next")
    qtbot.waitUntil(lambda: answered(talked))
    assert talked.panes[LEFT].turns[1].answer == "What I **wanted**"


def test_a_turn_is_deleted_after_a_question(qtbot, talked):
    act(talked, LEFT, turn_bar.DELETE)
    agree(talked.findChild(QMessageBox, "delete"))
    assert prompts(talked, LEFT) == ["hello"]
    assert prompts(talked, RIGHT) == ["hello", "more"]


def test_messages_and_answers_are_copied(qtbot, talked):
    talked.panes[LEFT].text.turn_chosen.emit(0)
    act(talked, LEFT, turn_bar.COPY_MESSAGE)
    assert QGuiApplication.clipboard().text() == "hello"
    click(qtbot, talked.panes[LEFT].copy)
    assert QGuiApplication.clipboard().text() == "left turn 1 seed 42"


def test_a_conversation_is_sent_to_data(qtbot, talked, project):
    act(talked, LEFT, turn_bar.TO_DATA)
    qtbot.waitUntil(talked.notice.isVisible)
    assert "“Chat examples”" in talked.notice.what.text()
    info = next(one for one in list_datasets(project) if one.name == "Chat examples")
    [example] = records_of(project, info)
    assert [turn.content for turn in example.messages][:2] == ["hello", "left turn 1 seed 42"]


def test_nothing_is_changed_while_an_answer_is_written(qtbot, ready):
    say(qtbot, ready, "endless")
    qtbot.waitUntil(lambda: len(ready.panes[LEFT].turns[-1].answer) > 10)
    actions = ready.panes[LEFT].bar.actions_by_name
    assert not any(actions[name].isEnabled() for name in actions if name != turn_bar.COPY_MESSAGE)
    ready.worker.stop()
    qtbot.waitUntil(lambda: answered(ready))


def test_a_link_is_asked_about(qtbot, talked, monkeypatch):
    opened = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url.toString()))
    text = talked.panes[LEFT].text
    text.anchorClicked.emit(QUrl("https://example.org/<b>"))
    assert opened == []
    box = talked.findChild(QMessageBox, "link")
    assert "https://example.org/" in box.informativeText()
    assert box.textFormat() == Qt.TextFormat.PlainText
    agree(box)
    assert opened == ["https://example.org/%3Cb%3E"]
    assert text.loadResource(2, QUrl("file:///etc/passwd")) is None


def test_a_paste_of_100000_characters(qtbot, ready):
    say(qtbot, ready, "x " * 50_000)
    qtbot.waitUntil(lambda: answered(ready))
    assert len(shown(ready, LEFT)) < 10_000
    assert "characters more)" in shown(ready, LEFT)
    assert len(ready.panes[LEFT].turns[0].prompt) > 99_000


def test_each_pane_can_have_a_composer(qtbot, ready):
    click(qtbot, ready.top.settings)
    ready.sampling.separate.setChecked(True)
    assert not ready.composer.isVisible()
    composer = ready.panes[RIGHT].composer
    assert composer.isVisible()
    composer.edit.setPlainText("you alone")
    qtbot.keyClick(composer.edit, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: ready.talk.is_idle and ready.panes[RIGHT].turns[-1].ended != "")
    assert ready.panes[LEFT].turns == []
    assert "right turn 1" in shown(ready, RIGHT)
    composer.edit.setPlainText("too long")
    qtbot.keyClick(composer.edit, Qt.Key.Key_Return)
    qtbot.waitUntil(ready.notice.isVisible)
    assert composer.edit.toPlainText() == "too long"  # it comes back where it was written


def test_the_context_is_metered(qtbot, ready):
    say(qtbot, ready, "hello")
    qtbot.waitUntil(lambda: answered(ready))
    meter = ready.panes[LEFT].meter
    assert meter.words.whole == "6 of 64 tokens"
    ready.composer.edit.setPlainText("five words are typed here")
    qtbot.waitUntil(lambda: "with this message" in meter.words.whole)
    assert meter.words.whole == "11 of 64 tokens with this message"
    ready.composer.edit.setPlainText("word " * 70)
    qtbot.waitUntil(lambda: "oldest turns will be left out" in meter.words.whole)
    say(qtbot, ready, "long talk")
    qtbot.waitUntil(lambda: answered(ready) and len(ready.panes[LEFT].turns) == 2)
    assert meter.words.whole == "6 of 64 tokens; the oldest 2 messages left out, so that the rest fits"


def test_turns_are_chosen_by_key(qtbot, talked):
    pane = talked.panes[LEFT]
    pane.text.setFocus()
    qtbot.keyClick(pane.text, Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier)
    assert pane.chosen.prompt == "hello"
    qtbot.keyClick(pane.text, Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier)
    assert pane.chosen.prompt == "hello"
    qtbot.keyClick(pane.text, Qt.Key.Key_Down, Qt.KeyboardModifier.AltModifier)
    assert pane.chosen.prompt == "more"


def test_beams_say_that_they_come_at_once(qtbot, ready):
    ready.sampling.form.rows["beams"].set_value(3)
    say(qtbot, ready, "endless")
    qtbot.waitUntil(lambda: "3 beams" in ready.panes[LEFT].footer.whole)
    ready.worker.stop()
    qtbot.waitUntil(lambda: answered(ready))
