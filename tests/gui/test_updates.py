"""The window and new versions: nothing is asked unless it was turned on, and what comes of it is said."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QMessageBox

from studio.core.settings import AppSettings
from studio.gui import updates
from studio.gui.preferences import Preferences
from studio.gui.settings_dialog import SettingsDialog
from studio.gui.updates import Updates
from studio.gui.widgets.notice import Notice
from tests.processes.test_updates import stand_in


@pytest.fixture
def notice(qtbot):
    made = Notice()
    qtbot.addWidget(made)
    return made


def test_off_nothing_is_asked(qtbot, home, notice, monkeypatch):
    monkeypatch.setattr(updates, "Thread", None)  # would raise
    assert not AppSettings().updates
    Updates(Preferences(), notice).look()


def test_a_newer_version_is_told_and_its_page_opened_by_a_click_alone(qtbot, home, notice, monkeypatch):
    opened = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url.toString()))
    with stand_in() as (address, asked):
        preferences = Preferences()
        preferences.change(updates=True, releases=address)
        looks = Updates(preferences, notice)
        with qtbot.waitSignal(looks.looked):
            looks.look()
            looks.look()
    assert len(asked) == 1
    assert notice.what.text().startswith("Plumbline 9.1 is out") and opened == []
    notice.action.click()
    assert opened == ["https://host.example/9.1"]


@pytest.mark.parametrize("body", [b'{"tag_name": "0.0.1", "html_url": "https://h.example"}', b"<html>"])
def test_the_same_version_says_nothing_and_a_failure_is_a_sentence(qtbot, home, notice, body):
    with stand_in(body=body) as (address, _):
        preferences = Preferences()
        preferences.change(updates=True, releases=address)
        looks = Updates(preferences, notice)
        with qtbot.waitSignal(looks.looked):
            looks.look()
    assert notice.what.text() == ("" if b"0.0.1" in body else f"What {address[7:-7]} answered tells of no version.")


def dialog_with(qtbot, address):
    dialog = SettingsDialog(Preferences())
    qtbot.addWidget(dialog)
    dialog.show()
    dialog.form.rows["updates"].set_value(True)
    dialog.form.rows["releases"].set_value(address)
    qtbot.mouseClick(dialog.save, Qt.MouseButton.LeftButton)
    return dialog


def test_turning_it_on_names_the_host_and_asks_first(qtbot, home):
    dialog = dialog_with(qtbot, "host.example/latest")
    asked = dialog.findChild(QMessageBox)
    assert "host.example" in asked.text() and "https://host.example/latest" in asked.informativeText()
    asked.reject()
    assert not Preferences().values.updates and dialog.isVisible()
    dialog.save.click()
    dialog.findChildren(QMessageBox)[-1].accept()
    assert Preferences().values.updates and Preferences().values.releases == "https://host.example/latest"
    assert not dialog.isVisible()


def test_without_an_address_it_is_not_turned_on(qtbot, home):
    dialog = dialog_with(qtbot, "")
    assert "no address" in dialog.notice.what.text() and dialog.findChild(QMessageBox) is None
    assert not Preferences().values.updates
    dialog.reject()
