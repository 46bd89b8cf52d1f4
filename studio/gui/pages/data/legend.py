"""The line that says what the looks of tokens mean."""

from __future__ import annotations

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QLabel

from studio.gui import theme
from studio.gui.language import tr


class Legend(QLabel):
    """What the looks of tokens mean. The text is the program's own, so it may be HTML."""

    def __init__(self) -> None:
        super().__init__()
        theme.watcher().theme_changed.connect(self._write)
        self._write()

    @Slot()
    def _write(self) -> None:
        look = theme.tokens()
        trained = f"background-color:{look.trained}; color:{look.text}; text-decoration:underline"
        special = f"background-color:{look.special}; color:{look.text}; font-weight:bold"
        read = f"background-color:{look.surface}; color:{look.text}"
        samples = ((trained, tr("trained")), (read, tr("read, not trained")), (special, tr("special")))
        shown = "&nbsp; ".join(f'<span style="{style}">&nbsp;{word}&nbsp;</span>' for style, word in samples)
        self.setText(f"{shown}&nbsp; {tr('↵ line end')}")
