"""Conversations that are kept, and how the panes are asked: presets, panes of their own, what is reset."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QInputDialog, QMessageBox

from studio.core.conversation import Sampling
from studio.gui.pages.chat import ChatPage, turn_bar
from studio.gui.pages.chat.worker import Phase
from studio.storage.chats import list_chats, load_chat
from tests.gui.pages.chat.conftest import FAKE
from tests.gui.pages.chat.talking import LEFT, RIGHT, act, agree, answered, click, say, shown


def kept(page, project):
    page.conversations.keeper.flush()
    return list_chats(project)


@pytest.fixture
def talked(qtbot, ready):
    say(qtbot, ready, "first things")
    qtbot.waitUntil(lambda: answered(ready))
    return ready


def test_what_is_said_is_kept_and_opened_again(qtbot, talked, project):
    [entry] = kept(talked, project)
    assert entry.heading == "first things"
    click(qtbot, talked.top.fresh)
    say(qtbot, talked, "second things")
    qtbot.waitUntil(lambda: answered(talked))
    assert [one.heading for one in kept(talked, project)] == ["second things", "first things"]
    click(qtbot, talked.top.conversations)
    panel = talked.sessions
    qtbot.waitUntil(lambda: panel.list.count() == 2)
    panel.search.setText("FIRST left")
    qtbot.waitUntil(lambda: panel.list.count() == 1)
    panel.list.itemActivated.emit(panel.list.item(0))
    assert [turn.prompt for turn in talked.panes[LEFT].turns] == ["first things"]
    assert "right turn 1" in shown(talked, RIGHT)
    qtbot.waitUntil(lambda: talked.worker.phase is Phase.READY)
    say(qtbot, talked, "and on")
    qtbot.waitUntil(lambda: answered(talked))
    assert len(kept(talked, project)) == 2
    assert len(load_chat(project, entry.identity).panes[0].dialogue.path) == 2


def test_the_next_window_finds_them(qtbot, talked, project, runs):
    act(talked, LEFT, turn_bar.AGAIN)
    qtbot.waitUntil(lambda: answered(talked))
    talked.close_down()
    page = ChatPage(project, runs, command=["python", str(FAKE)])
    qtbot.addWidget(page)
    page.show()
    page.conversations.open(list_chats(project)[0].identity)
    assert page.panes[LEFT].bar.version.text() == "2/2"
    assert page.panes[LEFT].name == "really base"
    page.close_down()


def test_conversations_are_renamed_exported_and_deleted(qtbot, talked, project, tmp_path):
    kept(talked, project)
    click(qtbot, talked.top.conversations)
    panel = talked.sessions
    qtbot.waitUntil(lambda: panel.list.count() == 1)
    assert not panel.export_button.isEnabled()
    panel.list.setCurrentRow(0)
    click(qtbot, panel.rename_button)
    dialog = panel.findChild(QInputDialog)
    dialog.setTextValue("Beginnings")
    dialog.accept()
    qtbot.waitUntil(lambda: panel.list.item(0) is not None and panel.list.item(0).text().startswith("Beginnings"))
    panel.list.setCurrentRow(0)
    panel.export_to(str(tmp_path / "talk.md"))
    assert (tmp_path / "talk.md").read_text(encoding="utf-8").startswith("# Beginnings")
    assert "1 conversation written" in talked.notice.what.text()
    panel.export_to(str(tmp_path / "talk.md" / "below"))
    assert "talk.md" in talked.notice.what.text()
    qtbot.keyClick(panel.list, Qt.Key.Key_Delete)
    agree(panel.findChild(QMessageBox))
    qtbot.waitUntil(lambda: panel.list.count() == 0)
    assert panel.empty.isVisible()
    assert talked.panes[LEFT].turns == []  # it was the one that was shown
    assert kept(talked, project) == []


def test_a_conversation_that_is_gone_is_a_sentence(qtbot, talked):
    talked.conversations.open(999)
    assert "gone" in talked.notice.what.text()
    assert talked.panes[LEFT].turns[0].prompt == "first things"


def test_panes_are_asked_each_in_its_own_way(qtbot, ready, project):
    click(qtbot, ready.top.settings)
    panel = ready.sampling
    panel.system.setPlainText("Be brief.")
    panel.linked.setChecked(False)
    assert [panel.whose.itemText(k)[:2] for k in range(2)] == ["1:", "2:"]
    panel.form.rows["temperature"].set_value(0.0)
    panel.whose.setCurrentIndex(1)
    panel.whose.activated.emit(1)
    assert panel.system_prompt(RIGHT) == "Be brief."  # it begins as all were
    panel.system.setPlainText("Be long.")
    panel.form.rows["temperature"].set_value(1.5)
    assert [panel.sampling(pane).temperature for pane in (LEFT, RIGHT)] == [0.0, 1.5]
    assert [panel.system_prompt(pane) for pane in (LEFT, RIGHT)] == ["Be brief.", "Be long."]
    say(qtbot, ready, "hello")
    qtbot.waitUntil(lambda: answered(ready))
    [entry] = kept(ready, project)
    states = load_chat(project, entry.identity).panes
    assert [(state.sampling["temperature"], state.system) for state in states] == [
        (0.0, "Be brief."),
        (1.5, "Be long."),
    ]
    click(qtbot, ready.top.fresh)
    panel.linked.setChecked(True)
    assert panel.sampling(LEFT) == panel.sampling(RIGHT)
    ready.conversations.open(entry.identity)
    assert not panel.linked.isChecked()
    assert [panel.sampling(pane).temperature for pane in (LEFT, RIGHT)] == [0.0, 1.5]


def test_presets_are_saved_taken_and_deleted(qtbot, ready):
    click(qtbot, ready.top.settings)
    panel = ready.sampling
    panel.form.rows["temperature"].set_value(1.25)
    click(qtbot, panel.presets.save_button)
    dialog = panel.findChild(QInputDialog)
    dialog.setTextValue("Wild")
    dialog.accept()
    click(qtbot, panel.usual)
    choice = panel.presets.choice
    choice.setCurrentIndex(choice.findText("Wild"))
    choice.activated.emit(choice.currentIndex())
    assert panel.sampling().temperature == 1.25
    click(qtbot, panel.presets.delete_button)
    agree(panel.findChild(QMessageBox))
    assert choice.count() == 1


def test_one_control_is_reset(qtbot, ready):
    click(qtbot, ready.top.settings)
    panel = ready.sampling
    assert "Temperature, Top-p" in panel.effect.text()
    reset = panel._resets["temperature"]
    assert not reset.isVisible()
    panel.form.rows["temperature"].set_value(2.0)
    panel.form.rows["top_k"].set_value(5)
    assert "1.0 changes nothing" in reset.toolTip()
    click(qtbot, reset)
    assert panel.sampling() == Sampling(top_k=5)
    click(qtbot, panel.neutral)
    assert "All controls are neutral" in panel.effect.text()
