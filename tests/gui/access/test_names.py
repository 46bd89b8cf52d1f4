"""What a screen reader is told: every control of every page has a name. Walks the accessibility tree itself."""

from PySide6.QtGui import QAccessible
from PySide6.QtWidgets import QPushButton, QWidget

Role = QAccessible.Role
NAMED = {
    Role.Button, Role.ButtonMenu, Role.ButtonDropDown, Role.CheckBox, Role.RadioButton, Role.ComboBox,
    Role.EditableText, Role.SpinBox, Role.Slider, Role.Dial, Role.ProgressBar, Role.List, Role.Table, Role.Tree,
    Role.PageTabList, Role.PageTab, Role.MenuItem, Role.Link, Role.Chart,
}  # fmt: skip
LEAVES = {Role.List, Role.Table, Role.Tree, Role.ComboBox, Role.SpinBox, Role.ScrollBar}  # their parts are theirs


def nameless(interface, path=""):
    """The controls below an interface that have no name, as the path to each."""
    if interface is None or not interface.isValid() or interface.state().invisible:
        return []
    name = interface.text(QAccessible.Text.Name).strip()
    made = interface.object()
    here = f"{path} > {type(made).__name__ if made else interface.role().name}"
    found = [here] if interface.role() in NAMED and not name else []
    if interface.role() not in LEAVES:
        for index in range(interface.childCount()):
            found += nameless(interface.child(index), here)
    return found


def test_the_walk_finds_a_control_without_a_name(qtbot):
    window = QWidget()
    qtbot.addWidget(window)
    QPushButton(window)
    window.show()
    assert len(nameless(QAccessible.queryAccessibleInterface(window))) == 1


def test_every_control_of_every_page_has_a_name(full, every_page):
    found = {page: nameless(QAccessible.queryAccessibleInterface(full.window)) for page in every_page()}
    assert {page: missing for page, missing in found.items() if missing} == {}


def test_every_control_of_the_dialogs_has_a_name(every_dialog):
    found = {name: nameless(QAccessible.queryAccessibleInterface(dialog)) for name, dialog in every_dialog()}
    assert {name: missing for name, missing in found.items() if missing} == {}


def test_the_guide_has_names_for_everything(full, qtbot):
    full.guiding.guide.change(course="first", shown=True)
    qtbot.waitUntil(lambda: full.guiding.panel.isVisible() and full.guiding.panel.step is not None)
    assert nameless(QAccessible.queryAccessibleInterface(full.guiding.panel)) == []
