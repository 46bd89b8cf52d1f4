import sys

import pytest
from PySide6.QtCore import Qt

from studio.gui.pages.data.hub_dialog import HubDialog
from tests.gui.conftest import GUI


@pytest.fixture
def dialog(empty_project, qtbot):
    made = HubDialog(empty_project, command=[sys.executable, str(GUI / "fake_hub.py")])
    qtbot.addWidget(made)
    made.open()
    yield made
    made.close()


def test_nothing_is_started_before_it_is_asked_for(dialog, qtbot):
    qtbot.keyClicks(dialog.name, "o/n")
    assert dialog._service is None
    assert "over the network" in dialog.about.text()
    assert not dialog.go.isEnabled()


def test_a_dataset_is_looked_up_chosen_and_fetched(dialog, qtbot):
    qtbot.keyClicks(dialog.name, "https://huggingface.co/datasets/o/n")
    qtbot.keyClick(dialog.name, Qt.Key.Key_Return)
    qtbot.waitUntil(dialog.go.isEnabled)
    assert [dialog.split.itemText(k) for k in range(2)] == ["train (3 rows)", "test"]
    dialog.config.setCurrentText("two")
    dialog.config.activated.emit(1)
    qtbot.waitUntil(dialog.go.isEnabled)
    assert dialog.config.currentText() == "two"
    with qtbot.waitSignal(dialog.fetched) as fetched:
        dialog.go.click()
    file, name = fetched.args
    assert name == "n" and file.read_text().count("\n") == 3
    assert not dialog.isVisible() and dialog._service is None


def test_what_is_wrong_is_said_in_place(dialog, qtbot):
    qtbot.keyClicks(dialog.name, "no name")
    dialog.look.click()
    assert "is no name of a dataset" in dialog.said.text()
    dialog.name.clear()
    qtbot.keyClicks(dialog.name, "o/other")
    dialog.look.click()
    qtbot.waitUntil(lambda: "no such dataset" in dialog.said.text())
    assert dialog.look.isEnabled() and not dialog.go.isEnabled()


def test_it_is_left_while_it_asks(dialog, qtbot):
    qtbot.keyClicks(dialog.name, "o/n")
    dialog.look.click()
    dialog.reject()
    assert dialog._service is None and not dialog.isVisible()
