"""Everything by keyboard: actions by name, keys that are told and not bound twice, and a way into every page by Tab."""

from collections import Counter

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QAction, QKeySequence, QShortcut
from PySide6.QtWidgets import QAbstractButton, QLabel

from studio.gui.help.window import HelpWindow
from studio.gui.key_sheet import KeySheet
from studio.gui.palette import Palette


def open_palette(full, qtbot):
    with qtbot.waitActive(full.window):
        full.window.activateWindow()
    qtbot.keyClick(full.window, Qt.Key.Key_K, Qt.KeyboardModifier.ControlModifier)
    return next(one for one in full.window.findChildren(Palette) if one.isVisible())


def test_an_action_is_found_by_name_and_done(full, qtbot):
    palette = open_palette(full, qtbot)
    qtbot.keyClicks(palette.line, "show train")
    qtbot.keyClick(palette.line, Qt.Key.Key_Return)
    assert full.window.stack.currentWidget() is full.pages["train"]
    palette = open_palette(full, qtbot)
    qtbot.keyClicks(palette.line, "close project")
    qtbot.keyClick(palette.line, Qt.Key.Key_Return)
    assert full.project is None


def test_what_is_not_there_is_said_and_arrows_choose(full, qtbot):
    palette = open_palette(full, qtbot)
    qtbot.keyClick(palette.line, Qt.Key.Key_Down)
    assert palette.list.currentRow() == 1
    qtbot.keyClicks(palette.line, "no such thing")
    assert palette.nothing.isVisible() and not palette.list.count()
    qtbot.keyClick(palette.line, Qt.Key.Key_Return)
    assert palette.isVisible()
    palette.reject()


def test_every_button_of_a_page_is_in_the_palette_and_a_grey_one_says_why(full, every_page):
    for page in every_page():
        shown = [one for one in full.window.findChildren(QAbstractButton) if one.isVisible()]
        assert [(page, one.text()) for one in shown if not one.isEnabled() and not one.toolTip()] == []
        offered = {action.label for action in full.around.actions()}
        for button in full.window.stack.currentWidget().findChildren(QAbstractButton):
            if button.isVisible() and button.isEnabled() and not getattr(button, "menu", lambda: None)():
                label = button.text().replace("&&", "&") if len(button.text()) > 1 else button.accessibleName()
                assert any(label.strip() in one for one in offered), label


def test_every_key_says_what_it_does_and_is_bound_once_in_a_place(full):
    for page in full.window.header.pages:
        full.show_page(page)
    keys = full.window.findChildren(QShortcut)
    assert len(keys) > 40
    assert [key.key().toString() for key in keys if not key.whatsThis()] == []
    everywhere = [k for k in keys if k.context() is Qt.ShortcutContext.WindowShortcut and k.parent() is full.window]
    twice = [key for key, count in Counter(k.key().toString() for k in everywhere).items() if count > 1]
    assert twice == []


def test_the_sheet_tells_the_keys_of_the_page_and_those_of_all(full, qtbot):
    full.show_page("data")
    with qtbot.waitActive(full.window):
        full.window.activateWindow()
    qtbot.keyClick(full.window, Qt.Key.Key_Slash, Qt.KeyboardModifier.ControlModifier)
    sheet = full.window.findChild(KeySheet)
    told = {label.text() for label in sheet.findChildren(QLabel)}
    paste = QKeySequence(QKeySequence.StandardKey.Paste).toString(QKeySequence.SequenceFormat.NativeText)
    assert {"Ctrl+I", "Import a dataset file", "Data", "Everywhere", "Ctrl+K", paste} <= told
    assert "Begin a labelling set" not in told
    sheet.close()


def test_the_sheet_keeps_groups_that_are_called_the_same_in_some_language(qtbot):
    usual = "As everywhere"
    sheet = KeySheet([(usual, {"Find an action": ["Ctrl+K"]})])
    qtbot.addWidget(sheet)
    told = [label.text() for label in sheet.findChildren(QLabel)]
    assert told.count(usual) == 2
    assert {"Ctrl+K", "Find an action", "F1"} <= set(told)


def test_the_sheet_has_every_key_that_is_bound(full, every_page):
    for page in every_page():
        full.around.show_keys()
        sheet = next(one for one in full.window.findChildren(KeySheet) if one.isVisible())
        told = " ".join(label.text() for label in sheet.findChildren(QLabel))
        sheet.close()
        shown = full.window.stack.currentWidget()
        parts = [*shown.findChildren(QShortcut), *shown.findChildren(QAction)]
        parts += [one for one in full.window.children() if isinstance(one, QShortcut)]
        for part in parts:
            about = part.whatsThis() if isinstance(part, QShortcut) else part.text().replace("&", "").strip("…")
            bound = [part.key()] if isinstance(part, QShortcut) else part.shortcuts()
            assert all(key.isEmpty() for key in bound) or about in told, f"{about} is not on the sheet of {page}"


def test_tab_goes_round_and_reaches_every_page(full, every_page, qtbot):
    with qtbot.waitActive(full.window):
        full.window.activateWindow()
    for page in every_page():
        shown = full.window.stack.currentWidget()
        full.window.header.project_button.setFocus()
        seen = []
        while full.window.focusWidget() not in seen:
            seen.append(full.window.focusWidget())
            qtbot.keyClick(seen[-1], Qt.Key.Key_Tab)
        if page == "start":  # as it is read
            start = full.window.start
            doors = (start.first_button, start.new_button, start.open_button, start.recent)
            assert [one for one in seen if one in doors] == list(doors)
        assert full.window.focusWidget() is seen[0], f"Tab is caught on {page} by {full.window.focusWidget()}"
        assert any(shown.isAncestorOf(widget) for widget in seen), f"Tab never comes into {page}"
        buttons = [one for one in shown.findChildren(QAbstractButton) if one.isVisible() and one.isEnabled()]
        passed = [one.text() or one.accessibleName() for one in buttons if one.focusPolicy() == Qt.FocusPolicy.NoFocus]
        # Tools of the judging screen say their key, which Tab would only be in the way of.
        assert [text for text in passed if not text.endswith(")")] == [], "only a mouse reaches these"


def test_help_on_the_page_opens_with_f1_and_a_word_by_name(full, qtbot):
    full.show_page("train")
    with qtbot.waitActive(full.window):
        full.window.activateWindow()
    full.window.header.project_button.setFocus()
    qtbot.keyClick(full.window.header.project_button, Qt.Key.Key_F1)
    window = full.window.findChild(HelpWindow)
    text = window.browser.toPlainText()
    assert window.isVisible() and text.startswith("Train") and "Words that stand on this screen" in text
    window.close()
    palette = open_palette(full, qtbot)
    qtbot.keyClicks(palette.line, "what is kl")
    qtbot.keyClick(palette.line, Qt.Key.Key_Return)
    assert window.isVisible() and "Kullback" in window.browser.toPlainText()
    window.close()


class Watch(QObject):
    """Sees every window that comes up."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def eventFilter(self, watched, event):
        if event.type() == QEvent.Type.Show and watched.isWidgetType() and watched.isWindow():
            self.seen.append(repr(watched))
        return False


def test_no_window_of_its_own_comes_up_while_pages_are_made(full, every_page, qapp):
    watch = Watch()
    qapp.installEventFilter(watch)
    try:
        assert [page for page in every_page() if watch.seen] == [], watch.seen
    finally:
        qapp.removeEventFilter(watch)
