"""A run's section of a report: its curves, each with the line on how to read it that the window shows too."""

from __future__ import annotations

from collections.abc import Sequence

from studio.core.curves import Curve, Curves
from studio.core.metrics import Metric, plots_of
from studio.core.report.chart import Line, charts, figure, picture
from studio.core.report.page import heading, paragraph
from studio.core.smoothing import smooth

_SMOOTHED_FROM = 40  # points; fewer are shown as they are
_WEIGHT = 0.9


def run_section(title: str, method: str, curves: Curves, sentences: Sequence[str] = (), *, first: int = 4) -> str:
    """A heading, what is said of the run, and its charts: the first ones at sight, the others folded away."""
    figures = [_figure(group, curves) for group in plots_of(method)]
    figures = [found for found in figures if found]
    parts = [heading(title), *(paragraph(sentence) for sentence in sentences if sentence), charts(figures[:first])]
    if figures[first:]:
        parts.append(f"<details><summary>More curves</summary>{charts(figures[first:])}</details>")
    return "\n".join(parts)


def pictures(method: str, curves: Curves, *, first: int = 4) -> list[tuple[str, str]]:
    """The first charts of a run as files of their own: (title, SVG)."""
    found: list[tuple[str, str]] = []
    for group in plots_of(method):
        title, _, lines = _lines(group, curves)
        svg = picture(title, lines)
        if svg:
            found.append((title, svg))
    return found[:first]


def _figure(group: Sequence[Metric], curves: Curves) -> str:
    title, reading, lines = _lines(group, curves)
    return figure(title, reading, lines) if lines else ""


def _lines(group: Sequence[Metric], curves: Curves) -> tuple[str, str, list[Line]]:
    """What a chart of some metrics shows: its title, how to read it, and its lines."""
    known = [metric for metric in group if metric.name in curves.by_name]
    lines = [_line(metric, curves.by_name[metric.name]) for metric in known]
    shown = [(metric, line) for metric, line in zip(known, lines, strict=True) if line.points]
    if not shown:
        return "", "", []
    title = " and ".join(
        metric.label if place == 0 else _within(metric.label) for place, (metric, _) in enumerate(shown)
    )
    return title, shown[0][0].reading, [line for _, line in shown]


def _within(label: str) -> str:
    """A label within a sentence: small, unless it begins with an abbreviation."""
    return label if label[:2].isupper() else label[:1].lower() + label[1:]


def _line(metric: Metric, curve: Curve) -> Line:
    points = list(zip(curve.steps, curve.values, strict=True))
    if metric.is_held_out or len(points) < _SMOOTHED_FROM:
        return Line(metric.label, points, dots=metric.is_held_out)
    return Line(metric.label, list(zip(curve.steps, smooth(curve.values, _WEIGHT), strict=True)), raw=points)
