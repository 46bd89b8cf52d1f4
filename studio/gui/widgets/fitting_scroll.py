"""A scroll area that is as tall as what it holds, and scrolls only where there is less room than that."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QSize, Qt
from PySide6.QtWidgets import QFrame, QScrollArea, QSizePolicy, QWidget

_LEAST = 96  # logical pixels that are always shown


class FittingScroll(QScrollArea):
    """Holds `inside`; it scrolls up and down alone."""

    def __init__(self, inside: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._inside = inside
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self.setWidget(inside)

    def sizeHint(self) -> QSize:
        wanted = self._inside.sizeHint()
        if self._inside.hasHeightForWidth():
            wanted.setHeight(self._inside.heightForWidth(self.width()))
        return wanted

    def minimumSizeHint(self) -> QSize:
        bar = self.verticalScrollBar().sizeHint().width()  # which takes its room from what is held
        return QSize(self._inside.minimumSizeHint().width() + bar, min(_LEAST, self.sizeHint().height()))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Grow and shrink with what is held."""
        if watched is self._inside and event.type() == QEvent.Type.LayoutRequest:
            self.updateGeometry()
        elif watched is self._inside and event.type() == QEvent.Type.Show and (layout := self._inside.layout()):
            # It was laid out before it had its width, and Qt does not tell it of a resize that came with the show.
            layout.invalidate()
        return super().eventFilter(watched, event)
