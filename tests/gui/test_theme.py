import dataclasses

import pytest
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QLabel

from studio.gui import theme
from studio.gui.stylesheet import stylesheet, write_glyphs


def contrast(one: str, other: str) -> float:
    """WCAG 2.2: relative luminance of sRGB, and the ratio of two."""

    def luminance(colour: str) -> float:
        parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("look", [theme.LIGHT, theme.DARK], ids=["light", "dark"])
def test_texts_meet_aa_and_edges_three_to_one(look):
    grounds = (look.window, look.surface, look.raised, look.sidebar)
    soft = (look.accent_soft, look.danger_soft, look.warning_soft, look.success_soft, look.trained, look.special)
    pairs = [(text, ground) for text in (look.text, look.muted) for ground in grounds]
    pairs += [(look.text, ground) for ground in soft]
    pairs += [(look.on_accent, look.accent), (look.on_accent, look.accent_hover)]
    pairs += [(look.accent, look.window), (look.accent, look.surface), (look.danger, look.danger_soft)]
    pairs += [(colour, look.window) for colour in (look.danger, look.warning, look.success)]
    assert {pair: contrast(*pair) for pair in pairs if contrast(*pair) < 4.5} == {}
    edges = [(colour, look.surface) for colour in (look.outline, look.accent, look.trained_line, look.special_line)]
    edges += [(look.trained_line, look.trained)]
    assert {pair: contrast(*pair) for pair in edges if contrast(*pair) < 3} == {}


def test_changing_the_theme_dresses_everything_and_says_so(qapp, qtbot):
    try:
        with qtbot.waitSignal(theme.watcher().theme_changed):
            theme.apply(qapp, "dark")
        assert theme.tokens().dark
        assert qapp.palette().color(QPalette.ColorRole.Window).name() == theme.DARK.window
        assert theme.DARK.accent in qapp.styleSheet()
    finally:
        theme.apply(qapp, "light")
    assert theme.tokens() == theme.LIGHT
    assert theme.DARK.accent not in qapp.styleSheet()


def test_there_is_one_theme(qapp):
    assert theme.watcher() is theme.watcher()


def test_a_role_takes_effect_on_a_shown_widget(qtbot):
    label = QLabel("words")
    qtbot.addWidget(label)
    label.show()
    before = label.fontMetrics().height()
    theme.set_role(label, "title")
    assert label.fontMetrics().height() > before


def test_the_pictures_are_there_for_every_scaling(qapp, tmp_path):
    pictures = write_glyphs(str(tmp_path), theme.LIGHT)
    assert {path.name for path in tmp_path.iterdir()} == {
        f"{name}-light{scale}.png" for name in pictures for scale in ("", "@2x", "@3x")
    }
    text = stylesheet(theme.LIGHT, pictures)
    assert all(path in text for path in pictures.values())


def test_colours_are_written_in_full():
    for look in (theme.LIGHT, theme.DARK):
        for field in dataclasses.fields(look):
            value = getattr(look, field.name)
            if isinstance(value, str):
                assert len(value) == 7, field.name
