import time

import pytest
from PySide6.QtGui import QTextCursor

from studio.core.preview import Token, TokenPreview
from studio.gui import theme
from studio.gui.pages.data.token_view import TokenView
from studio.gui.widgets.visible_text import visible


def preview_of(*tokens):
    return TokenPreview(tokens, len(tokens), sum(token.trained for token in tokens), "Alpaca", ())


@pytest.fixture
def view(qtbot):
    made = TokenView()
    qtbot.addWidget(made)
    return made


def look_at(view, position):
    cursor = QTextCursor(view.document())
    cursor.setPosition(position + 1)
    return cursor.charFormat()


def test_trained_tokens_have_a_colour_and_an_underline(view):
    view.show_preview(preview_of(Token("read", 5, False, False), Token(" learn", 6, True, False)))
    assert view.toPlainText() == "read learn"
    assert not look_at(view, 0).fontUnderline()
    assert look_at(view, 5).fontUnderline()
    assert look_at(view, 5).background().color().name() != look_at(view, 0).background().color().name()


def test_neighbours_differ_in_tint(view):
    view.show_preview(preview_of(Token("a", 1, True, False), Token("b", 2, True, False)))
    assert look_at(view, 0).background().color() != look_at(view, 1).background().color()


def test_special_tokens_are_chips_and_line_ends_are_seen(view):
    view.show_preview(
        preview_of(Token("<s>", 1, False, True), Token("a\n", 2, False, False), Token("", 0, False, True))
    )
    assert view.toPlainText() == "\u200a<s>\u200aa↵\n\u200atoken 0\u200a"
    assert look_at(view, 1).background().color().name() == theme.tokens().special
    assert look_at(view, 1).fontWeight() > look_at(view, 5).fontWeight()


def test_nothing_is_read_as_markup(view):
    view.show_preview(preview_of(Token("<b>x</b>&amp;", 1, False, False)))
    assert view.toPlainText() == "<b>x</b>&amp;"


def test_a_position_names_its_token(view):
    tokens = (Token("one", 11, False, False), Token("\n", 12, False, False), Token("two", 13, True, False))
    view.show_preview(preview_of(*tokens))
    assert [view.token_at(position).id for position in (0, 2, 3, 4, 5, 7)] == [11, 11, 12, 12, 13, 13]
    view.show_preview(None)
    assert view.toPlainText() == ""
    assert view.token_at(0) is None


def test_characters_without_a_shape_are_shown():
    assert visible("a\tb") == "a⇥\tb"
    assert visible("\u202eabc\u202c") == "⟨202E⟩abc⟨202C⟩"
    assert visible("\x00\x1b") == "⟨0000⟩⟨001B⟩"
    assert visible("héllo 🦜 日本") == "héllo 🦜 日本"


def test_thousands_of_tokens_are_shown_at_once(view):
    many = preview_of(*(Token(f" w{n}", n, n % 2 == 0, False) for n in range(8000)))
    began = time.perf_counter()
    view.show_preview(many)
    assert time.perf_counter() - began < 2.0  # about 0.1 s; the bound is for a machine that is busy
    assert view.toPlainText().endswith(" w7999")
    assert view.verticalScrollBar().value() == 0


def test_another_theme_repaints_the_tokens(view, qapp):
    view.show_preview(preview_of(Token("a", 1, True, False)))
    try:
        theme.apply(qapp, "dark")
        assert look_at(view, 0).background().color().name() == theme.DARK.trained
    finally:
        theme.apply(qapp, "light")
