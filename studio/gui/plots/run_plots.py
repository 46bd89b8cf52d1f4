"""The plots of one run: the method's first one large, the rest beneath, with one crosshair, one zoom and one smoothing.

They are drawn at most ten times a second, only while they can be seen and something changed, and one after the
other: the event loop is never held up for longer than one of them takes.
"""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QLabel, QPushButton, QSlider, QVBoxLayout, QWidget

from studio.core.curves import Curves
from studio.core.metrics import Metric, plots_of
from studio.core.reading import reading_of
from studio.gui import theme
from studio.gui.plots.metric_plot import MetricPlot

SETTLED_MS = 400  # of quiet make a new smoothing worth remembering
TURN_MS = 100  # plots take turns: drawing all of them at once would hold up the event loop
_GAP = 12
_ACROSS = 3  # small plots side by side; with more of them, their texts and values have no room

Groups = Sequence[Sequence[Metric]]


class Cards(QWidget):
    """One arrangement of plots: the first group of metrics large, the others in rows of about equal length beneath.

    In a narrow window the rows are shorter.
    """

    def __init__(self, groups: Groups, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.large = MetricPlot(groups[0], large=True)
        self.others = [MetricPlot(group) for group in groups[1:]]
        self.plots = [self.large, *self.others]
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(_GAP)
        layout.addWidget(self.large, 3)
        self._rows: list[QHBoxLayout] = []
        self._across = 0
        self._layout = layout
        self._arrange(_ACROSS)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange(min(_ACROSS, (self.width() + _GAP) // (self._narrowest() + _GAP)))

    def minimumSizeHint(self) -> QSize:
        """One small plot across; else a window that was wide could not become narrow."""
        width = max(self.large.minimumSizeHint().width(), self._narrowest())
        return QSize(width, super().minimumSizeHint().height())

    def _narrowest(self) -> int:
        return max((plot.minimumSizeHint().width() for plot in self.others), default=1)

    def _arrange(self, most: int) -> None:
        """At most so many small plots side by side, in rows of about equal length."""
        rows = -(-len(self.others) // max(1, most))
        across = -(-len(self.others) // rows) if rows else 0
        if across == self._across:
            return
        self._across = across
        for row in self._rows:
            self._layout.removeItem(row)
            row.deleteLater()
        self._rows = [QHBoxLayout() for _ in range(rows)]
        for row in self._rows:
            row.setSpacing(_GAP)
            self._layout.addLayout(row, 2)
        for place, plot in enumerate(self.others):
            self._rows[place // across].addWidget(plot, 1)


class RunPlots(QWidget):
    """Shows the `Curves` given to `show_curves`; call `curves_changed` when they grew. `controls` has no place yet.

    smoothing_changed(weight): the user moved the slider and let go of it.
    """

    smoothing_changed = Signal(float)

    def __init__(self, smoothing: float = 0.6, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.curves = Curves()
        self._stale: list[MetricPlot] = []
        self._timer = QTimer(self, interval=TURN_MS)
        self._timer.timeout.connect(self._draw_next)

        self._settled = QTimer(self, interval=SETTLED_MS, singleShot=True)
        self._settled.timeout.connect(self._tell_smoothing)

        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, 99)
        self.slider.setValue(round(smoothing * 100))
        self.slider.setFixedWidth(120)
        smoothing_word = QLabel("Smoothing")
        smoothing_word.setBuddy(self.slider)
        self.slider.setAccessibleName("Smoothing")
        self.slider.setToolTip("How much of the past the strong curve keeps; the faint one is as measured.")
        self._weight = QLabel()
        self._weight.setProperty("role", "muted")
        self._weight.setMinimumWidth(self._weight.fontMetrics().horizontalAdvance("0.00"))
        self.log = QCheckBox("Log scale")
        self.log.setToolTip("Show the large plot on a logarithmic axis")
        self.log.toggled.connect(self._scale)
        self.fit = QPushButton("Show all")
        self.fit.setProperty("role", "quiet")
        self.fit.setToolTip("Show every step again after zooming")
        self.fit.clicked.connect(self.show_all)

        self.controls = QWidget()
        controls = QHBoxLayout(self.controls)
        controls.setContentsMargins(0, 0, 0, 0)
        controls.setSpacing(12)
        for widget in (self.fit, self.log, smoothing_word, self.slider, self._weight):
            controls.addWidget(widget)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(12)

        self.slider.valueChanged.connect(self._take_smoothing)
        self._arrangements: dict[Groups, Cards] = {}
        self._method = ""
        self._cards = self._arrange(plots_of(""))
        self._smooth_with(smoothing)
        theme.watcher().theme_changed.connect(self._take_theme)

    @property
    def large(self) -> MetricPlot:
        """The first plot."""
        return self._cards.large

    @property
    def others(self) -> list[MetricPlot]:
        """The plots beneath it."""
        return self._cards.others

    @property
    def plots(self) -> list[MetricPlot]:
        """All plots that are shown."""
        return self._cards.plots

    def _arrange(self, groups: Groups) -> Cards:
        """The plots of these metrics. They are made once and kept, since making them takes a moment."""
        if groups not in self._arrangements:
            cards = Cards(groups)
            for plot in cards.plots:
                plot.step_pointed.connect(self._point_at)
                plot.steps_shown.connect(self._show_steps)
                plot.all_requested.connect(self.show_all)
                plot.apply_tokens(theme.tokens())
                plot.set_smoothing(self.slider.value() / 100)
            self._arrangements[groups] = cards
            self._layout.addWidget(cards)
        return self._arrangements[groups]

    def show_curves(self, curves: Curves, method: str = "", without: frozenset[str] = frozenset()) -> None:
        """Show another run, or the same one read anew. without: metrics that it never measures."""
        self._method = method
        cards = self._arrange(plots_of(method, without))
        if cards is not self._cards:
            self._cards.hide()
            self._cards = cards
            self._smooth_with(self.slider.value() / 100)
            cards.show()
            self._stale.clear()
        self.curves = curves
        self._point_at(None)
        self.show_all()
        self._take_stock()
        self._draw_all()

    @Slot()
    def curves_changed(self) -> None:
        """The curves grew; they are drawn soon."""
        self._take_stock()
        if self.isVisible() and not self._timer.isActive():
            self._timer.start()

    def _take_stock(self) -> None:
        self._stale += [plot for plot in self.plots if plot not in self._stale]

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._draw_all()

    def _draw_all(self) -> None:
        while self._stale and self.isVisible():
            self._draw(self._stale.pop(0))

    @Slot()
    def _draw_next(self) -> None:
        if self._stale and self.isVisible():
            self._draw(self._stale.pop(0))
        else:
            self._timer.stop()

    def _draw(self, plot: MetricPlot) -> None:
        plot.draw(self.curves)
        if plot is self.large:
            plot.say(reading_of(self.curves, self._method))
            self._scale()

    @Slot()
    def _scale(self) -> None:
        """A logarithmic axis shows positive values alone; where there are others it isn't offered."""
        possible = self.large.can_be_log()
        self.log.setVisible(possible)
        self.large.set_log(possible and self.log.isChecked())

    @Slot(int)
    def _take_smoothing(self, percent: int) -> None:
        self._smooth_with(percent / 100)
        self.curves_changed()
        self._settled.start()

    @Slot()
    def _tell_smoothing(self) -> None:
        self.smoothing_changed.emit(self.slider.value() / 100)

    def _smooth_with(self, weight: float) -> None:
        self._weight.setText(f"{weight:.2f}")
        for plot in self.plots:
            plot.set_smoothing(weight)

    @Slot()
    def _take_theme(self) -> None:
        for cards in self._arrangements.values():
            for plot in cards.plots:
                plot.apply_tokens(theme.tokens())

    @Slot(object)
    def _point_at(self, step: float | None) -> None:
        for plot in self.plots:
            plot.point_at(step)

    @Slot(float, float)
    def _show_steps(self, first: float, last: float) -> None:
        self.fit.show()
        for plot in self.plots:
            plot.show_steps(first, last)

    @Slot()
    def show_all(self) -> None:
        """Undo any zoom."""
        self.fit.hide()
        for plot in self.plots:
            plot.show_all()
