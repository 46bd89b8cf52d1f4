"""The plots of one run: loss large, the rest beneath, with one crosshair, one zoom and one smoothing for all.

They are drawn at most ten times a second, only while they can be seen and something changed, and one after the
other: the event loop is never held up for longer than one of them takes.
"""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer, Signal, Slot
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QLabel, QPushButton, QSlider, QVBoxLayout, QWidget

from studio.core.metrics import METRICS, Curves
from studio.gui import theme
from studio.gui.plots.key import KeySample, Mark
from studio.gui.plots.metric_plot import MetricPlot

SETTLED_MS = 400  # of quiet make a new smoothing worth remembering
TURN_MS = 25  # four plots take turns, so each is drawn ten times a second at most
_KEY: tuple[tuple[Mark, str], ...] = (
    ("raw", "measured"),
    ("smoothed", "smoothed"),
    ("eval", "eval loss"),
    ("checkpoint", "checkpoint"),
    ("resume", "resumed"),
)


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

        by_name = {metric.name: metric for metric in METRICS}
        self.loss = MetricPlot(by_name["loss"], by_name["eval_loss"])
        self.others = [MetricPlot(by_name[name]) for name in ("lr", "grad_norm", "tokens_per_second")]
        self.plots = [self.loss, *self.others]
        for plot in self.plots:
            plot.step_pointed.connect(self._point_at)
            plot.steps_shown.connect(self._show_steps)
            plot.all_requested.connect(self.show_all)

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
        self.log_loss = QCheckBox("Log scale")
        self.log_loss.setToolTip("Show the loss on a logarithmic axis")
        self.log_loss.toggled.connect(self.loss.set_log)
        self.fit = QPushButton("Show all")
        self.fit.setProperty("role", "quiet")
        self.fit.setToolTip("Show every step again after zooming")
        self.fit.clicked.connect(self.show_all)

        self.controls = QWidget()
        controls = QHBoxLayout(self.controls)
        controls.setContentsMargins(0, 0, 0, 0)
        controls.setSpacing(12)
        for widget in (self.fit, self.log_loss, smoothing_word, self.slider, self._weight):
            controls.addWidget(widget)
        key = QHBoxLayout()
        key.setSpacing(12)
        self._key = {mark: KeySample(mark, word) for mark, word in _KEY}
        for sample in self._key.values():
            key.addWidget(sample)
        self.loss.head.insertLayout(1, key)
        beneath = QHBoxLayout()
        beneath.setSpacing(12)
        for plot in self.others:
            beneath.addWidget(plot, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(12)
        layout.addWidget(self.loss, 3)
        layout.addLayout(beneath, 2)

        self.slider.valueChanged.connect(self._take_smoothing)
        self._smooth_with(smoothing)
        theme.watcher().theme_changed.connect(self._take_theme)
        self._take_theme()

    def show_curves(self, curves: Curves) -> None:
        """Show another run, or the same one read anew."""
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
        self._key["eval"].setVisible(len(self.curves.by_name["eval_loss"]) > 0)
        self._key["checkpoint"].setVisible(bool(self.curves.checkpoints))
        self._key["resume"].setVisible(bool(self.curves.resumes))

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._draw_all()

    def _draw_all(self) -> None:
        while self._stale and self.isVisible():
            self._stale.pop(0).draw(self.curves)

    @Slot()
    def _draw_next(self) -> None:
        if self._stale and self.isVisible():
            self._stale.pop(0).draw(self.curves)
        else:
            self._timer.stop()

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
        for plot in self.plots:
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
