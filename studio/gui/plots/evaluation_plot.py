"""One figure of several models side by side: a dot for each, its interval, and above that, where every answer has a
number of its own, how these are spread (see `core.evaluation.Figure`)."""

from __future__ import annotations

from collections.abc import Sequence

import pyqtgraph as pg
from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import QFrame, QVBoxLayout, QWidget

from studio.core.answer_measures import histogram
from studio.core.evaluation import Figure
from studio.gui import theme
from studio.gui.plots.canvas import Canvas

_ROW, _SPREAD_ROW = 30, 56  # pixels a model
_PARTS = 32  # of the range that answers are counted in
_FLOOR, _TALL = 0.16, 0.6  # where a spread begins above its model's line, and how tall it is, in rows
_AROUND = 64
_NAME = 28  # characters of a model's name
_MOST = 12


class EvaluationPlot(QFrame):
    """Draws `show_figures`; the first model stands at the top."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        theme.set_role(self, "card")
        self._rows: list[tuple[str, Figure]] = []
        self._label = ""
        self.plot = Canvas(_AROUND + _ROW)
        self.plot.pane.setMouseEnabled(False, False)
        self.plot.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 8, 12, 8)
        layout.addWidget(self.plot)
        theme.watcher().theme_changed.connect(self.draw)

    def show_figures(self, label: str, rows: Sequence[tuple[str, Figure]]) -> None:
        """Show another figure. rows: each model's name and its figure; those without a value are left out."""
        self._label = label
        self._rows = [row for row in rows if row[1].value is not None][:_MOST]
        self.setVisible(bool(self._rows))
        self.draw()

    @Slot()
    def draw(self) -> None:
        """Draw in the colours of the theme."""
        tokens = theme.tokens()
        self.plot.clear()
        self.plot.apply_tokens(tokens)
        if not self._rows:
            return
        count = len(self._rows)
        spread = any(figure.each for _, figure in self._rows)
        self.plot.setFixedHeight(_AROUND + (_SPREAD_ROW if spread else _ROW) * count)
        names = [name if len(name) <= _NAME else f"{name[: _NAME - 1]}…" for name, _ in self._rows]
        self.plot.left.setTicks([[(count - 1 - k, name) for k, name in enumerate(names)]])
        self.plot.left.setWidth(8 * max(map(len, names)) + 16)
        shares = any(figure.is_share for _, figure in self._rows)
        self.plot.bottom.setScale(100 if shares else 1)
        self.plot.bottom.setLabel(f"{self._label}, %" if shares else self._label)
        ends: list[float] = []
        for k, (_, figure) in enumerate(self._rows):
            height, value = count - 1 - k, figure.value or 0.0
            low, high = figure.interval or (value, value)
            ends += [low, high, *figure.each]
            colour = tokens.plot[0]
            line = pg.mkPen(colour, width=4, capStyle=Qt.PenCapStyle.RoundCap)
            if high > low:
                self.plot.add(pg.PlotDataItem([low, high], [height, height], pen=line))
            dot = pg.PlotDataItem([value], [height], pen=None, symbol="o", symbolSize=13)
            dot.setSymbolBrush(pg.mkBrush(colour))
            dot.setSymbolPen(pg.mkPen(tokens.surface, width=2))
            self.plot.add(dot)
        self._draw_spread(min(ends), max(ends), tokens.plot[0])
        room = 0.05 * (max(ends) - min(ends)) or abs(max(ends)) * 0.1 or 1.0
        wide = (0.0, 1.0) if shares else (min(ends) - room, max(ends) + room)
        self.plot.pane.setXRange(*wide, padding=0.02)
        self.plot.pane.setYRange(*((-0.4, count - 0.1) if spread else (-0.6, count - 0.4)), padding=0)
        self.plot.setAccessibleName(self._label)
        self.plot.setAccessibleDescription("; ".join(f"{name}: {figure.text}" for name, figure in self._rows))

    def _draw_spread(self, low: float, high: float, colour: str) -> None:
        """How the answers of each model are spread, all over the same parts of the range."""
        if high <= low:
            return
        edges = [low + (high - low) * k / _PARTS for k in range(_PARTS + 1)]
        shade = pg.mkColor(colour)
        shade.setAlpha(70)
        for k, (_, figure) in enumerate(self._rows):
            counts = histogram(figure.each, low, high, _PARTS)
            if not any(counts):
                continue
            floor = len(self._rows) - 1 - k + _FLOOR
            tops = [floor + _TALL * count / max(counts) for count in counts]
            area = pg.PlotDataItem(edges, tops, stepMode="center", fillLevel=floor, fillBrush=shade, pen=None)
            self.plot.add(area)
