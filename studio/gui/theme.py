"""The look: design tokens for light and dark, and the one style, palette and stylesheet made from them.

Widgets say what they are with `set_role`; those that paint themselves read `tokens()` and repaint on
`watcher().theme_changed`. The text of the stylesheet is `studio.gui.stylesheet`.
"""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QObject, Qt, QTemporaryDir, Signal, Slot
from PySide6.QtGui import QColor, QFont, QFontDatabase, QPalette
from PySide6.QtWidgets import QApplication, QWidget

from studio.gui.stylesheet import stylesheet, write_glyphs


@dataclass(frozen=True, slots=True)
class Tokens:
    """Colours as #rrggbb and sizes in logical pixels. Text on the surfaces named beside it meets WCAG AA (4.5:1)."""

    dark: bool
    window: str  # behind everything
    surface: str  # cards, lists, editors
    raised: str  # buttons, hovered rows
    sidebar: str  # header, side lists
    text: str  # on all of the above
    muted: str  # explanations, on all of the above
    border: str  # lines that only divide
    outline: str  # edges of what can be used, 3:1 on surface
    accent: str  # the one accent colour
    accent_hover: str
    on_accent: str  # text on accent
    accent_soft: str  # selection, behind `text`
    danger: str
    danger_soft: str  # behind `text` and `danger`
    warning: str
    warning_soft: str
    success: str
    success_soft: str
    trained: str  # behind tokens that the loss counts; they are underlined too
    trained_line: str
    special: str  # behind special tokens, which are boxed too
    special_line: str
    grid: str  # of plots
    plot: tuple[str, ...]  # Okabe and Ito's colours, told apart by all common kinds of colour vision
    space: int = 8
    radius: int = 8
    font: int = 14
    small: int = 13
    heading: int = 16
    title: int = 24


LIGHT = Tokens(
    dark=False,
    window="#f6f7f9",
    surface="#ffffff",
    raised="#eef0f4",
    sidebar="#eef0f4",
    text="#1b1f27",
    muted="#545c6a",
    border="#d9dde5",
    outline="#858d9b",
    accent="#3454d1",
    accent_hover="#2945b4",
    on_accent="#ffffff",
    accent_soft="#dfe6fb",
    danger="#b3261e",
    danger_soft="#fdecea",
    warning="#7a4b00",
    warning_soft="#fff3d6",
    success="#17693a",
    success_soft="#e3f4e9",
    trained="#cfe8dc",
    trained_line="#00734f",
    special="#e4e7ee",
    special_line="#6b7383",
    grid="#d9dde5",
    plot=("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"),
)

DARK = Tokens(
    dark=True,
    window="#15171c",
    surface="#1e2128",
    raised="#2a2e37",
    sidebar="#1a1d23",
    text="#e8eaee",
    muted="#aab1bd",
    border="#333843",
    outline="#757d8d",
    accent="#8ea6ff",
    accent_hover="#a9bbff",
    on_accent="#10131c",
    accent_soft="#2c3760",
    danger="#ff9a90",
    danger_soft="#40201f",
    warning="#f2c46b",
    warning_soft="#3a2f14",
    success="#84d8a2",
    success_soft="#183524",
    trained="#15503c",
    trained_line="#4fd0a1",
    special="#343946",
    special_line="#98a0af",
    grid="#333843",
    plot=("#56b4e9", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#f0e442"),
)


class Theme(QObject):
    """The application's theme. `theme_changed()` comes after palette and stylesheet are in place."""

    theme_changed = Signal()

    def __init__(self, app: QApplication) -> None:
        super().__init__(app)
        self.tokens = LIGHT
        self.glyphs = QTemporaryDir()  # pictures that the stylesheet shows; removed with the application
        self._app = app
        self.choice = "light"  # "system", "light" or "dark"
        app.styleHints().colorSchemeChanged.connect(self.follow_desktop)

    def choose(self, choice: str) -> None:
        """Take "light", "dark", or what the desktop is set to ("system")."""
        self.choice = choice
        schemes = {"light": Qt.ColorScheme.Light, "dark": Qt.ColorScheme.Dark}
        self._app.styleHints().setColorScheme(schemes.get(choice, Qt.ColorScheme.Unknown))
        self._dress()

    @Slot()
    def follow_desktop(self) -> None:
        """The desktop changed between light and dark."""
        if self.choice == "system":
            self._dress()

    def _dress(self) -> None:
        desktop_dark = self._app.styleHints().colorScheme() == Qt.ColorScheme.Dark
        self.tokens = DARK if self.choice == "dark" or (self.choice == "system" and desktop_dark) else LIGHT
        if self._app.style().name() != "fusion":
            self._app.setStyle("Fusion")
        font = QFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.GeneralFont))
        font.setPixelSize(self.tokens.font)
        self._app.setFont(font)
        self._app.setPalette(_palette(self.tokens))
        pictures = write_glyphs(self.glyphs.path(), self.tokens) if self.glyphs.isValid() else {}
        self._app.setStyleSheet(stylesheet(self.tokens, pictures))
        self.theme_changed.emit()


def watcher() -> Theme:
    """The running application's theme, for its signal `theme_changed()`."""
    app = QApplication.instance()
    assert isinstance(app, QApplication), "the theme needs a QApplication"
    return app.findChild(Theme, options=Qt.FindChildOption.FindDirectChildrenOnly) or Theme(app)


def apply(app: QApplication, choice: str) -> None:
    """Dress the application in "system", "light" or "dark"."""
    found = app.findChild(Theme, options=Qt.FindChildOption.FindDirectChildrenOnly) or Theme(app)
    found.choose(choice)


def tokens() -> Tokens:
    """The tokens in use."""
    return watcher().tokens


def set_role(widget: QWidget, role: str) -> None:
    """Give a widget its part in the stylesheet, also when it is already on screen."""
    widget.setProperty("role", role)
    widget.style().unpolish(widget)
    widget.style().polish(widget)


def mono_font() -> QFont:
    """The system's fixed-width font at the base size."""
    font = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
    font.setPixelSize(tokens().font)
    return font


def _palette(look: Tokens) -> QPalette:
    palette, role = QPalette(), QPalette.ColorRole
    colours = {
        role.Window: look.window,
        role.WindowText: look.text,
        role.Base: look.surface,
        role.AlternateBase: look.window,
        role.Text: look.text,
        role.PlaceholderText: look.muted,
        role.Button: look.raised,
        role.ButtonText: look.text,
        role.BrightText: look.danger,
        role.ToolTipBase: look.surface,
        role.ToolTipText: look.text,
        role.Highlight: look.accent_soft,
        role.HighlightedText: look.text,
        role.Link: look.accent,
        role.LinkVisited: look.accent,
        role.Accent: look.accent,
        role.Mid: look.border,
        role.Dark: look.outline,
    }
    for which, colour in colours.items():
        palette.setColor(which, QColor(colour))
    for which in (role.WindowText, role.Text, role.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, which, QColor(look.muted))
    return palette
