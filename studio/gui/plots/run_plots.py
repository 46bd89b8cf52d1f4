"""The plots of one run: the method's first one large, the rest beneath, with one crosshair, one zoom and one smoothing.

They are drawn at most ten times a second, only while they can be seen and something changed, and one after the
other: the event loop is never held up for longer than one of them takes.
"""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer, Signal, Slot
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QLabel, QPushButton, QSlider, QVBoxLayout, QWidget

from studio.core.curves import Curves
from studio.core.metrics import plots_of
from studio.core.reading import Reading, reading_of
from studio.gui import theme
from studio.gui.language import mark, tr
from studio.gui.plots.across import KINDS, Across
from studio.gui.plots.cards import Cards, Groups
from studio.gui.plots.metric_plot import MetricPlot
from studio.gui.plots.saving import PlotSaver

SETTLED_MS = 400  # of quiet make a new smoothing worth remembering
TURN_MS = 100  # plots take turns: drawing all of them at once would hold up the event loop
SOON_MS = 5  # the same while the user moves them
RESTED_MS = 120  # without moving them
_NOTHING = mark("No step has been finished yet: the curves begin with the first one.")
_ENDS = 0.02  # of the range left free at either end


class RunPlots(QWidget):
    """Shows the `Curves` given to `show_curves`; call `curves_changed` when they grew. `controls` has no place yet.

    smoothing_changed(weight): the user moved the slider and let go of it. said(object): an error, or a note as text.
    """

    smoothing_changed = Signal(float)
    said = Signal(object)

    def __init__(self, smoothing: float = 0.6, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.curves = Curves()
        self.across = Across()
        self._zoomed: tuple[float, float] | None = None
        self._stale: list[MetricPlot] = []
        self._timer = QTimer(self, interval=TURN_MS)
        self._timer.timeout.connect(self._draw_next)
        self._rested = QTimer(self, interval=RESTED_MS, singleShot=True)
        self._rested.timeout.connect(self._fit_again)
        self._settled = QTimer(self, interval=SETTLED_MS, singleShot=True)
        self._settled.timeout.connect(self._tell_smoothing)
        self.saver = PlotSaver(self)
        self.saver.said.connect(self.said)

        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, 99)
        self.slider.setValue(round(smoothing * 100))
        self.slider.setFixedWidth(100)
        smoothing_word = QLabel(tr("Smoothing"))
        smoothing_word.setBuddy(self.slider)
        self.slider.setAccessibleName(tr("Smoothing"))
        self.slider.setToolTip(tr("How much of the past the strong curve keeps; the faint one is as measured."))
        self._weight = QLabel()
        self._weight.setProperty("role", "muted")
        self._weight.setMinimumWidth(self._weight.fontMetrics().horizontalAdvance("0.00"))
        self.log = QCheckBox(tr("Log scale"))
        self.log.setToolTip(tr("Show values that are all positive on a logarithmic axis"))
        self.log.toggled.connect(self._scale)
        self.over = QComboBox()
        self.over.setAccessibleName(tr("Plot over"))
        self.over.setToolTip(tr("What the plots are drawn over: steps, tokens read, or time of training"))
        for kind, word in KINDS.items():
            self.over.addItem(tr(word), kind)
        self.over.activated.connect(self._take_kind)
        self.fit = QPushButton(tr("Show all"))
        self.fit.setProperty("role", "quiet")
        self.fit.setToolTip(tr("Show every step again after zooming"))
        self.fit.clicked.connect(self.show_all)

        self.controls = QWidget()
        controls = QHBoxLayout(self.controls)
        controls.setContentsMargins(0, 0, 0, 0)
        controls.setSpacing(12)
        for widget in (self.fit, self.log, self.over, smoothing_word, self.slider, self._weight):
            controls.addWidget(widget)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(12)

        self.slider.valueChanged.connect(self._take_smoothing)
        self._arrangements: dict[Groups, Cards] = {}
        self._method = ""
        self._cards: Cards | None = None  # until something is shown
        self._smooth_with(smoothing)
        theme.watcher().theme_changed.connect(self._take_theme)

    @property
    def large(self) -> MetricPlot:
        """The first plot."""
        return self.plots[0]

    @property
    def others(self) -> list[MetricPlot]:
        """The plots beneath it."""
        return self.plots[1:]

    @property
    def plots(self) -> list[MetricPlot]:
        """All plots that are shown."""
        return self._cards.plots if self._cards is not None else []

    @property
    def is_zoomed(self) -> bool:
        """Whether something else is shown than the whole run."""
        return self._zoomed is not None

    def _arrange(self, groups: Groups) -> Cards:
        """The plots of these metrics. They are made once and kept, since making them takes a moment."""
        if groups not in self._arrangements:
            cards = Cards(groups, self.across)
            for plot in cards.plots:
                plot.step_pointed.connect(self._point_at)
                plot.range_shown.connect(self._show_range)
                plot.all_requested.connect(self.show_all)
                plot.save_requested.connect(self._save)
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
            if self._cards is not None:
                self._cards.hide()
            self._cards = cards
            self._smooth_with(self.slider.value() / 100)
            cards.show()
            self._stale.clear()
        self.curves = curves
        self._point_at(None)
        self.show_all()
        self._draw_all()

    @Slot()
    def curves_changed(self) -> None:
        """The curves grew; they are drawn soon."""
        self._take_stock()
        if self.isVisible() and not self._timer.isActive():
            self._timer.start(TURN_MS)

    def _take_stock(self) -> None:
        self.across.follow(self.curves)
        self._stale += [plot for plot in self.plots if plot not in self._stale]

    def _whole(self) -> tuple[float, float]:
        """The range of all that is measured, so that the plots stand over each other."""
        shown = [self.curves.by_name[series.metric.name] for plot in self.plots for series in plot.series]
        there = [curve for curve in shown if len(curve)]
        if not there:
            return 0.0, 1.0
        first = self.across.place(min(curve.steps[0] for curve in there))
        last = self.across.place(max(curve.steps[-1] for curve in there))
        free = (last - first) * _ENDS or 1.0
        return first - free, last + free

    def showEvent(self, event: QShowEvent) -> None:
        """Draw what changed while it was hidden."""
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
        if self._zoomed is None:  # here and not for all at once, which would then all be painted at once
            plot.show_range(*self._whole())
        plot.draw(self.curves, zoomed=self.is_zoomed)
        if plot is self.large:
            plot.say(reading_of(self.curves, self._method) or Reading(_NOTHING))
            self._offer_kinds()
        self._scale_one(plot)

    def _offer_kinds(self) -> None:
        """What the run measured can be plotted over."""
        known = sum(self.across.is_known(kind) for kind in KINDS) > 1
        self.over.setVisible(known)
        for place, kind in enumerate(KINDS):
            self.over.model().item(place).setEnabled(self.across.is_known(kind))  # type: ignore[attr-defined]

    @Slot(int)
    def _take_kind(self, _place: int) -> None:
        self.across.kind = self.over.currentData()
        self.show_all()
        self._draw_all()

    @Slot()
    def _scale(self) -> None:
        """A logarithmic axis shows positive values alone; where there are others it isn't offered."""
        for plot in self.plots:
            self._scale_one(plot)

    def _scale_one(self, plot: MetricPlot) -> None:
        plot.set_log(plot.can_be_log() and self.log.isChecked())
        self.log.setVisible(any(shown.can_be_log() for shown in self.plots))

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
    def _show_range(self, first: float, last: float) -> None:
        self._zoomed = (first, last)
        self.fit.show()
        for plot in self.plots:
            plot.show_range(first, last)
        self._stale += [plot for plot in self.plots if plot not in self._stale and not plot.is_covered]
        if self._stale and not self._timer.isActive():
            self._timer.start(SOON_MS)
        self._rested.start()

    @Slot()
    def _fit_again(self) -> None:
        """The user rests: draw what is shown as finely as it can be, and fit the values to it."""
        self._take_stock()
        if self.isVisible():
            self._timer.start(SOON_MS)

    @Slot()
    def show_all(self) -> None:
        """Undo any zoom, and show what arrives."""
        self.fit.hide()
        self._zoomed = None
        for plot in self.plots:
            plot.show_all()
        self._take_stock()
        if self.isVisible() and self._stale:
            self._timer.start(SOON_MS)

    @Slot()
    def _save(self) -> None:
        plot = self.sender()
        if isinstance(plot, MetricPlot):
            self.saver.ask(plot, self.curves, self.slider.value() / 100)
