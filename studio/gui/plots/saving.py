"""A plot saved as a file: a picture (PNG), a drawing (SVG), or its numbers as a table (CSV)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QPoint, QRect, QSize, Qt, Signal, Slot
from PySide6.QtGui import QPainter, QPixmap
from PySide6.QtSvg import QSvgGenerator
from PySide6.QtWidgets import QFileDialog, QWidget

from studio.core.curve_table import csv_lines, snapshot
from studio.core.curves import Curves
from studio.core.errors import StudioError
from studio.gui.language import mark, tr
from studio.jobs.background import BackgroundTask, end_tasks
from studio.storage.files import disk_trouble

if TYPE_CHECKING:
    from studio.gui.plots.metric_plot import MetricPlot

_FILTERS = {"png": mark("Picture (*.png)"), "svg": mark("Drawing (*.svg)"), "csv": mark("Table of numbers (*.csv)")}
_SHARPER = 2.0  # pixels of the picture for one of the screen


class PlotSaver(QObject):
    """Asks where to save a plot, and saves it. said(object): an error, or a note as text."""

    said = Signal(object)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._task: BackgroundTask | None = None
        self._plot: MetricPlot | None = None
        self._curves, self._weight = Curves(), 0.0
        self._folder = ""

    def _parent(self) -> QWidget | None:
        # Asked for each time: a reference kept here would be a cycle with what keeps this.
        found = self.parent()
        return found if isinstance(found, QWidget) else None

    def ask(self, plot: MetricPlot, curves: Curves, weight: float) -> None:
        """Ask for a file, whose ending says what is saved."""
        self._plot, self._curves, self._weight = plot, curves, weight
        words = re.sub(r"\W+", "-", plot.title.text().lower()).strip("-")
        dialog = QFileDialog(
            self._parent(), tr("Save the plot"), self._folder, ";;".join(tr(words) for words in _FILTERS.values())
        )
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.selectFile(f"{words}.png")
        dialog.setDefaultSuffix("png")
        dialog.filterSelected.connect(self._suit_suffix)
        dialog.fileSelected.connect(self.save)
        dialog.open()

    @Slot(str)
    def _suit_suffix(self, chosen: str) -> None:
        dialog = self.sender()
        if isinstance(dialog, QFileDialog):
            suffix = next(key for key, words in _FILTERS.items() if tr(words) == chosen)
            dialog.setDefaultSuffix(suffix)
            for file in dialog.selectedFiles()[:1]:
                dialog.selectFile(Path(file).with_suffix(f".{suffix}").name)

    @Slot(str)
    def save(self, name: str) -> None:
        """Save the plot that was asked for."""
        file, plot = Path(name), self._plot
        if plot is None:
            return
        self._folder, self._plot = str(file.parent), None
        try:
            match file.suffix.lower():
                case ".csv":
                    self._save_numbers(plot, file)
                    return
                case ".svg":
                    save_drawing(plot, file)
                case ".png" | "":
                    save_picture(plot, file)
                case other:
                    raise StudioError(
                        f"Plots are saved as .png, .svg or .csv, not as “{other}”.", "Choose another ending."
                    )
        except (StudioError, OSError) as error:
            self.said.emit(error)
        else:
            self.said.emit(tr("The plot is saved as “{file}”.", file=file))

    def _save_numbers(self, plot: MetricPlot, file: Path) -> None:
        if self._task is not None and not self._task.is_over:
            self.said.emit(tr("Another table is being written; try again in a moment."))
            return
        metrics = [series.metric for series in plot.series]
        names = [name for metric in metrics for name in (metric.name, metric.spread) if name]
        kept, weight = snapshot(self._curves, names), self._weight
        smoothed = [series.metric.name for series in plot.series if series.trace.weight]

        def write(task: BackgroundTask) -> Path:
            try:
                with file.open("w", encoding="utf-8", newline="\n") as out:
                    for line in csv_lines(kept, smoothed, weight):
                        out.write(line)
            except OSError as error:
                raise disk_trouble(error, file) from error
            return file

        self._task = BackgroundTask.begin(self, write, self._saved, self.said)

    @Slot(object)
    def _saved(self, file: Path) -> None:
        self.said.emit(tr("The numbers are saved as “{file}”.", file=file))

    def close_down(self) -> None:
        """Wait for a table that is being written."""
        end_tasks(self)


def save_picture(card: QWidget, file: Path) -> None:
    """Save a plot's card as PNG. Raises StudioError."""
    picture = QPixmap(card.size() * _SHARPER)
    picture.setDevicePixelRatio(_SHARPER)
    card.render(picture, QPoint())
    if not picture.save(str(file), "PNG"):
        raise disk_trouble(OSError(0, "the picture could not be written"), file)


def save_drawing(card: QWidget, file: Path) -> None:
    """Save a plot's card as SVG, whose lines stay sharp at any size. Raises StudioError."""
    generator = QSvgGenerator()
    generator.setFileName(str(file))
    generator.setSize(QSize(card.width(), card.height()))
    generator.setViewBox(QRect(0, 0, card.width(), card.height()))
    generator.setTitle(card.accessibleName())
    painter = QPainter()
    if not painter.begin(generator):
        raise disk_trouble(OSError(0, "the drawing could not be written"), file)
    try:
        card.render(painter, QPoint())
    finally:
        painter.end()
