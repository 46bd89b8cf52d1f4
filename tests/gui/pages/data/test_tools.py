import threading

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from studio.core.messages import Example, Message
from studio.gui.pages.data.tools import TOOLS, finding_dialog
from studio.storage.datasets import add_dataset, find_dataset, list_datasets, records_of
from studio.storage.search import tags_of

LONG = " ".join(f"word{k}" for k in range(40))


@pytest.fixture
def info(empty_project):
    texts = [LONG, LONG, f"{LONG} eleven", "write to jo@example.org", *(f"question {k}" for k in range(20))]
    turns = ((Message("user", text), Message("assistant", f"answer to {text}")) for text in texts)
    return add_dataset(empty_project, "mixed", "mixed.json", (Example(pair) for pair in turns))


@pytest.fixture
def tool(empty_project, info, qtbot):
    parent = QWidget()
    qtbot.addWidget(parent)
    said = []

    def opened(name):
        dialog = TOOLS[name](empty_project, info, parent)
        dialog.said.connect(said.append)
        dialog.failed.connect(said.append)
        dialog.open()
        return dialog

    opened.said = said
    return opened


def test_duplicates_are_listed_and_deleted(tool, empty_project, qtbot):
    dialog = tool("duplicates")
    qtbot.waitUntil(dialog.delete_button.isEnabled)
    assert "2 examples of 24 repeat an earlier one: 1 to the letter, 1 nearly" in dialog.about.text()
    with qtbot.waitSignal(dialog.changed):
        dialog.delete_button.click()
    assert find_dataset(empty_project, "mixed").rows == 22
    assert "Deleted 2 examples" in tool.said[0]


def test_secrets_are_listed_and_tagged(tool, empty_project, info, qtbot):
    dialog = tool("secrets")
    qtbot.waitUntil(dialog.tag_button.isEnabled)
    assert [dialog.table.item(0, column).text() for column in range(3)] == ["4", "e-mail address", "jo@e…rg"]
    with qtbot.waitSignal(dialog.changed):
        dialog.tag_button.click()
    assert tags_of(empty_project, find_dataset(empty_project, "mixed")) == {"secret": 1}


def test_lengths_are_said_and_drawn(tool, qtbot):
    dialog = tool("lengths")
    qtbot.waitUntil(lambda: "Half of the examples have up to" in dialog.about.text())
    dialog.bars.grab()
    assert "from" in dialog.bars.accessibleDescription()
    dialog.close()


@pytest.mark.parametrize("how", [0, 1])
def test_a_split_makes_two(tool, empty_project, qtbot, how):
    dialog = tool("split")
    dialog.how.setCurrentIndex(how)
    assert dialog.seed.isVisible() == (how == 1)
    dialog.share.setValue(50)
    with qtbot.waitSignal(dialog.changed):
        dialog.go.click()
    assert sorted(found.name for found in list_datasets(empty_project)) == ["mixed", "mixed (eval)", "mixed (train)"]


def test_what_another_dataset_asks_too_is_tagged(tool, empty_project, qtbot):
    add_dataset(empty_project, "other", "o", [Example((Message("user", "Question 3"), Message("assistant", "x")))])
    dialog = tool("split")
    dialog.check.click()
    qtbot.waitUntil(dialog.tag.isVisible)
    assert dialog.found.text() == "1 example here asks what “other” asks too."
    with qtbot.waitSignal(dialog.changed):
        dialog.tag.click()
    assert tags_of(empty_project, find_dataset(empty_project, "mixed")) == {"leak": 1}


def test_while_the_dataset_is_changed_nothing_else_begins_and_the_page_is_told(tool, empty_project, qtbot, monkeypatch):
    go_on, real = threading.Event(), finding_dialog.tag_records
    monkeypatch.setattr(finding_dialog, "tag_records", lambda *a, **k: go_on.wait(10) and real(*a, **k))
    dialog = tool("duplicates")
    qtbot.waitUntil(dialog.delete_button.isEnabled)
    with qtbot.waitSignal(dialog.changed):
        dialog.tag_button.click()
        dialog.delete_button.click()
        dialog.close()
        assert dialog.isVisible() and dialog.delete_button.toolTip()
        go_on.set()
    qtbot.waitUntil(lambda: not dialog.isVisible())
    assert find_dataset(empty_project, "mixed").rows == 24
    assert tags_of(empty_project, find_dataset(empty_project, "mixed")) == {"duplicate": 2}


@pytest.mark.parametrize("name", TOOLS)
def test_every_tool_is_closed_at_any_moment(tool, name):
    dialog = tool(name)
    dialog.close()
    assert not dialog.isVisible()


@pytest.mark.parametrize("name", TOOLS)
def test_a_tool_begins_with_what_is_to_be_chosen_and_closes_last(tool, qtbot, name):
    dialog = tool(name)
    dialog.activateWindow()
    qtbot.waitUntil(lambda: dialog.focusWidget() is not None)
    begun = dialog.focusWidget()
    if any(part.isVisible() and part.isEnabled() for part in dialog.inside()):
        assert begun in dialog.inside()
        qtbot.keyClick(begun, Qt.Key.Key_Backtab)
        assert dialog.focusWidget() not in dialog.inside()  # it was the first
    dialog.close()


def test_mixing_counts_before_it_makes(empty_project, info, tool, qtbot):
    some = list(records_of(empty_project, info))[:4]
    other = add_dataset(empty_project, "other & more", "o", some)
    dialog = tool("mix")
    assert dialog.lines[0].dataset.id == info.id and not dialog.go.isEnabled()
    line = next(line for line in dialog.lines if line.dataset.id == other.id)
    line.tick.setChecked(True)
    line.weight.setValue(2)
    assert line.count.text() == "4 of 4" and dialog.lines[0].count.text() == "2 of 24"
    dialog.total.setValue(9)
    assert line.count.text() == "6 of 4" and "more than once" in dialog.counted.text()
    with qtbot.waitSignal(dialog.made) as made:
        dialog.go.click()
    assert (made.args[0].rows, made.args[1]) == (9, "Made 9 examples as “Mix of mixed + other & more”.")
