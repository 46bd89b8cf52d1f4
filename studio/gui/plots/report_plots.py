"""The two plots of a reward model's report: whether it is as often right as it is sure, and how far apart rewards are.

What the figures mean in words is `core.reward_report`.
"""

from __future__ import annotations

import pyqtgraph as pg
from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import QFrame, QLabel, QVBoxLayout, QWidget

from studio.core.reward_report import Report
from studio.gui import theme
from studio.gui.language import tr
from studio.gui.plots.canvas import Canvas
from studio.gui.plots.series import in_short


class PercentAxis(pg.AxisItem):
    """Shares from 0 to 1 as percentages."""

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:
        return [f"{100 * value:.0f} %" if 0 <= value <= 1 else "" for value in values]


class ReportPlot(QFrame):
    """A card with a title, a plot that stays as it is, and how to read it."""

    def __init__(
        self, title: str, reading: str, left: pg.AxisItem, bottom: pg.AxisItem, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        theme.set_role(self, "card")
        heading, words = QLabel(title), QLabel(reading)
        theme.set_role(heading, "heading")
        theme.set_role(words, "muted")
        words.setWordWrap(True)
        self.plot = Canvas(240, left=left, bottom=bottom)
        self.plot.setAccessibleName(title)
        self.plot.pane.setMouseEnabled(False, False)
        self.plot.setFixedHeight(240)
        self.plot.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 12, 16, 12)
        layout.setSpacing(8)
        layout.addWidget(heading)
        layout.addWidget(self.plot)
        layout.addWidget(words)
        layout.addStretch()
        self._report: Report | None = None
        theme.watcher().theme_changed.connect(self.draw)

    def show_report(self, report: Report) -> None:
        """Draw another report."""
        self._report = report
        self.draw()

    @Slot()
    def draw(self) -> None:
        """Draw in the colours of the theme."""
        tokens = theme.tokens()
        self.plot.clear()
        self.plot.apply_tokens(tokens)
        if self._report is not None:
            self.fill(self._report, tokens)

    def fill(self, report: Report, tokens: theme.Tokens) -> None:
        """Draw the figures."""
        raise NotImplementedError


class CalibrationPlot(ReportPlot):
    """How often the model is right, by how sure it is; the more comparisons, the larger the dot."""

    def __init__(self, parent: QWidget | None = None) -> None:
        left, bottom = PercentAxis("left"), PercentAxis("bottom")
        left.setLabel(tr("how often it is right"))
        bottom.setLabel(tr("how sure it is"))
        super().__init__(
            tr("Calibration"),
            tr(
                "Each dot is a group of comparisons; large dots hold many. On the dashed line the model is right as "
                "often as it is sure; beneath the line it is surer than it should be."
            ),
            left,
            bottom,
            parent,
        )
        self.plot.pane.setRange(xRange=(0.5, 1.0), yRange=(0.0, 1.0), padding=0.03)

    def fill(self, report: Report, tokens: theme.Tokens) -> None:
        """The dots over the line on which they should be."""
        dashed = pg.mkPen(tokens.muted, width=1, style=Qt.PenStyle.DashLine)
        self.plot.add(pg.PlotDataItem([0.5, 1.0], [0.5, 1.0], pen=dashed))
        bins = report.calibration
        most = max((known.n for known in bins), default=1)
        dots = pg.PlotDataItem(
            [known.sure for known in bins],
            [known.right for known in bins],
            pen=pg.mkPen(tokens.plot[0], width=2),
            symbol="o",
            symbolSize=[8 + 12 * (known.n / most) ** 0.5 for known in bins],
            symbolBrush=pg.mkBrush(tokens.plot[0]),
            symbolPen=pg.mkPen(tokens.surface),
        )
        self.plot.add(dots)
        told = (
            tr(
                "{sure:.0f} % sure: right in {right:.0f} % of {n}",
                sure=100 * known.sure,
                right=100 * known.right,
                n=known.n,
            )
            for known in bins
        )
        self.plot.setAccessibleDescription("; ".join(told))


class RewardsPlot(ReportPlot):
    """The rewards of preferred and of other answers: their means, and where about two thirds of them lie."""

    def __init__(self, parent: QWidget | None = None) -> None:
        left = pg.AxisItem("left")
        left.setTicks([[(1.0, tr("preferred")), (0.0, tr("others"))]])
        super().__init__(
            tr("Rewards"),
            tr(
                "The dot is the mean; about two thirds of the answers lie on the line. The less the two lines "
                "overlap, the better the model tells answers apart."
            ),
            left,
            pg.AxisItem("bottom"),
            parent,
        )
        self.plot.left.setWidth(72)
        self.plot.pane.setYRange(-0.6, 1.6, padding=0)

    def fill(self, report: Report, tokens: theme.Tokens) -> None:
        """One line a kind of answer."""
        rows = ((1.0, report.chosen_mean, report.chosen_sd), (0.0, report.rejected_mean, report.rejected_sd))
        for place, (height, mean, spread) in enumerate(rows):
            colour = tokens.plot[place]
            line = pg.mkPen(colour, width=4, capStyle=Qt.PenCapStyle.RoundCap)
            self.plot.add(pg.PlotDataItem([mean - spread, mean + spread], [height, height], pen=line))
            dot = pg.PlotDataItem([mean], [height], pen=None, symbol="o", symbolSize=14)
            dot.setSymbolBrush(pg.mkBrush(colour))
            dot.setSymbolPen(pg.mkPen(tokens.surface, width=2))
            self.plot.add(dot)
        told = (
            tr("preferred {chosen_mean}", chosen_mean=in_short(report.chosen_mean)),
            tr("others {rejected_mean}", rejected_mean=in_short(report.rejected_mean)),
        )
        self.plot.setAccessibleDescription(tr("Mean rewards: {means}", means=", ".join(told)))
