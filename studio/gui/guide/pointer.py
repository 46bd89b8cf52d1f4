"""A frame around the control that is to be pressed next. It takes no clicks, and goes where the control goes."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, Qt, QTimer, Slot
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from studio.gui import theme

_MARGIN = 5  # logical pixels around the control
_FOLLOW_EVERY = 150  # ms; a control moves when what is above it grows


class Pointer(QWidget):
    """Lies over `window`. Hidden while it points at nothing."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._window = window
        self._target: QWidget | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(_FOLLOW_EVERY)
        self._timer.timeout.connect(self._follow)
        self.hide()

    @property
    def target(self) -> QWidget | None:
        """What it points at."""
        return self._target

    def point_at(self, target: QWidget | None) -> None:
        """Point at another control, or at none."""
        if self._target is not None:
            self._target.removeEventFilter(self)
        self._target = target
        if target is None:
            self._timer.stop()
            self.hide()
            return
        target.installEventFilter(self)
        self._timer.start()
        self._follow()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Let go of a control that goes away."""
        if watched is self._target and event.type() in (QEvent.Type.DeferredDelete, QEvent.Type.Hide):
            self.point_at(None)
        return False

    @Slot()
    def _follow(self) -> None:
        target = self._target
        if target is None or not target.isVisible():
            self.hide()
            return
        place = QRect(target.mapTo(self._window, QPoint(0, 0)), target.size())
        seen = target.visibleRegion().boundingRect()
        if seen.isEmpty():  # scrolled away
            self.hide()
            return
        self.setGeometry(place.adjusted(-_MARGIN, -_MARGIN, _MARGIN, _MARGIN))
        self.show()
        self.raise_()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(theme.tokens().accent), 3, Qt.PenStyle.DashLine))
        painter.drawRoundedRect(self.rect().adjusted(2, 2, -2, -2), 8, 8)
