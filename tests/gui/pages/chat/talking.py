"""What a person does in the Chat page, and what is to be seen there."""

from __future__ import annotations

from PySide6.QtCore import Qt

from studio.gui.pages.chat.worker import Phase

LEFT, RIGHT = "left", "right"


def say(qtbot, page, text):
    page.composer.edit.setPlainText(text)
    qtbot.keyClick(page.composer.edit, Qt.Key.Key_Return)


def answered(page):
    return page.worker.phase is Phase.READY and all(p.turns and p.turns[-1].ended for p in page.panes)


def click(qtbot, button):
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def agree(box):
    """Answer a question with what it asks for."""
    next(button for button in box.buttons() if box.buttonRole(button) is box.ButtonRole.AcceptRole).click()


def shown(page, pane):
    return page.panes[pane].text.toPlainText()


def act(page, pane, name):
    """Choose from the menu of a pane's turn."""
    action = page.panes[pane].bar.actions_by_name[name]
    assert action.isEnabled(), name
    action.trigger()
