"""Charts of a report: one or two curves over steps as inline SVG, with round numbers at the axes.

Colours come from the page's style; the second curve is dashed as well, so nobody needs colour to tell them apart.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from studio.core.report.page import text

_WIDTH, _HEIGHT = 360.0, 200.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 46.0, 10.0, 8.0, 24.0
_MOST_POINTS = 300  # per curve: more than one a pixel shows nothing more
_NAMES = ("first", "second")

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Line:
    """A curve. raw: what it was smoothed from, drawn faintly behind it. dots: mark each point, for few of them."""

    label: str
    points: Sequence[Point]
    raw: Sequence[Point] = ()
    dots: bool = False


def figure(title: str, reading: str, lines: Sequence[Line]) -> str:
    """A chart of one or two lines with its title and a line on how to read it; empty when there is nothing to draw."""
    drawn = [(name, line) for name, line in zip(_NAMES, lines, strict=False) if _finite(line.points)]
    if not drawn:
        return ""
    key = "".join(
        f'<span class="key"><svg viewBox="0 0 26 8" aria-hidden="true"><polyline class="{name}" '
        f'points="0,5 26,5"/></svg> {text(line.label)}&#160; </span>'
        for name, line in drawn
    )
    legend = f"<div>{key}</div>" if len(drawn) > 1 else ""
    return (
        f"<figure><h3>{text(title)}</h3>{legend}{_svg(title, drawn)}<figcaption>{text(reading)}</figcaption></figure>"
    )


_COLOURS = (
    "svg { background: #fdfdfc } text { fill: #5d646d; font: 11px system-ui, sans-serif } .grid { stroke: #d9dce0 } "
    "polyline { fill: none; stroke-width: 1.8 } .raw { opacity: .3 } .first { stroke: #0b63a8 } "
    ".second { stroke: #b1480b; stroke-dasharray: 6 3 } circle { fill: #fdfdfc; stroke-width: 1.5 }"
)


def picture(title: str, lines: Sequence[Line]) -> str:
    """A chart of one or two lines as an SVG file of its own, with its own colours; empty when there is nothing to
    draw."""
    drawn = [(name, line) for name, line in zip(_NAMES, lines, strict=False) if _finite(line.points)]
    if not drawn:
        return ""
    inside = _svg(title, drawn).removeprefix("<svg ")
    size = f'width="{2 * _WIDTH:g}" height="{2 * _HEIGHT:g}"'
    head, _, rest = inside.partition(">")
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} {head}><style>{_COLOURS}</style>{rest}\n'


def charts(figures: Sequence[str]) -> str:
    """Figures side by side."""
    return f'<div class="charts">{"".join(figures)}</div>'


def _svg(title: str, drawn: Sequence[tuple[str, Line]]) -> str:
    every = [point for _, line in drawn for point in (*_finite(line.points), *_finite(line.raw))]
    across = _Axis.over([x for x, _ in every], _LEFT, _WIDTH - _RIGHT, whole=True)
    up = _Axis.over([y for _, y in every], _HEIGHT - _BOTTOM, _TOP)
    parts: list[str] = []
    for value in up.ticks:
        y = up.place(value)
        parts.append(f'<line class="grid" x1="{_LEFT:g}" y1="{y:.1f}" x2="{_WIDTH - _RIGHT:g}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{_LEFT - 6:g}" y="{y + 4:.1f}" text-anchor="end">{_number(value)}</text>')
    for value in across.ticks:
        x, y = across.place(value), _HEIGHT - 6
        parts.append(f'<text x="{x:.1f}" y="{y:g}" text-anchor="middle">{_number(value)}</text>')
    parts.append(f'<text x="{_LEFT - 6:g}" y="{_HEIGHT - 6:g}" text-anchor="end">step</text>')
    for name, line in drawn:
        if line.raw:
            parts += _stretches(line.raw, across, up, f"{name} raw")
        parts += _stretches(line.points, across, up, name)
        if line.dots or len(_finite(line.points)) == 1:
            parts += [
                f'<circle class="{name}" cx="{across.place(x):.1f}" cy="{up.place(y):.1f}" r="3"/>'
                for x, y in _finite(line.points)
            ]
    words = "; ".join(f"{line.label} ends at {_number(_finite(line.points)[-1][1])}" for _, line in drawn)
    told = f"<title>{text(f'{title} over steps. {words}.')}</title>"
    return f'<svg viewBox="0 0 {_WIDTH:g} {_HEIGHT:g}" role="img">{told}{"".join(parts)}</svg>'


def _stretches(points: Sequence[Point], across: _Axis, up: _Axis, name: str) -> list[str]:
    """Polylines; a value that is no number leaves a gap."""
    found: list[list[str]] = [[]]
    for x, y in _thinned(points):
        if math.isfinite(x) and math.isfinite(y):
            found[-1].append(f"{across.place(x):.1f},{up.place(y):.1f}")
        else:
            found.append([])
    return [f'<polyline class="{name}" points="{" ".join(part)}"/>' for part in found if len(part) > 1]


def _thinned(points: Sequence[Point]) -> list[Point]:
    """At most about so many points; of each group its lowest and its highest, so that no spike is lost."""
    if len(points) <= _MOST_POINTS:
        return list(points)
    size = math.ceil(2 * len(points) / _MOST_POINTS)
    kept: list[Point] = []
    for start in range(0, len(points), size):
        group = points[start : start + size]
        holes = [point for point in group if not math.isfinite(point[1])]
        solid = [point for point in group if math.isfinite(point[1])]
        ends: list[Point] = []
        if solid:
            ends = [min(solid, key=lambda point: point[1]), max(solid, key=lambda point: point[1])]
        kept += sorted({*ends, *holes[:1]}, key=lambda point: point[0])
    return kept


def _finite(points: Sequence[Point]) -> list[Point]:
    return [point for point in points if math.isfinite(point[0]) and math.isfinite(point[1])]


@dataclass(frozen=True, slots=True)
class _Axis:
    """Values from `low` to `high` laid between two places of the picture."""

    low: float
    high: float
    start: float
    end: float
    ticks: tuple[float, ...]

    @staticmethod
    def over(values: Sequence[float], start: float, end: float, *, whole: bool = False) -> _Axis:
        """An axis that holds all values, with about four round numbers on it. whole: of steps, which begin and end
        where they do; other axes are widened to the next round number."""
        low, high = min(values), max(values)
        if high - low <= 1e-12 * max(abs(low), abs(high), 1e-300):
            half = abs(low) / 2 or 0.5
            low, high = low - half, high + half
        step = _round_step((high - low) / 4)
        if whole:
            step = max(1.0, step)
        else:
            low, high = math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step
        first = math.ceil(low / step - 1e-9)
        last = math.floor(high / step + 1e-9)
        ticks = tuple(number * step for number in range(first, last + 1))
        return _Axis(low, high, start, end, ticks)

    def place(self, value: float) -> float:
        """Where a value lies."""
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)


def _round_step(about: float) -> float:
    """1, 2 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(about))
    return power * next(factor for factor in (1, 2, 5, 10) if factor * power >= about * 0.999)


def _number(value: float) -> str:
    if value and not 1e-3 <= abs(value) < 1e5:
        return f"{value:.0e}".replace("e-0", "e-").replace("e+0", "e")
    return f"{round(value, 4):,.4g}" if abs(value) < 1000 else f"{value:,.0f}"
