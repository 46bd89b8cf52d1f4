"""Curves as a table for other programs: CSV with a row a step, each value as it was logged and as smoothed."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from copy import copy

from studio.core.curves import AXES, Curve, Curves
from studio.core.smoothing import Smoother


def snapshot(curves: Curves, names: Sequence[str]) -> dict[str, Curve]:
    """These curves and what they can be drawn over as they are now: a run may go on while a thread writes them."""
    kept = {name: curves.by_name[name] for name in (*AXES, *names)}
    return {name: Curve(copy(curve.steps), copy(curve.values)) for name, curve in kept.items() if len(curve)}


def csv_lines(kept: dict[str, Curve], smoothed: Sequence[str], weight: float) -> Iterator[str]:
    """The table's lines. smoothed: names that get a second column, with this share of the past; empty cells are steps
    at which nothing was measured."""
    names = list(kept)
    extra = [name for name in names if name in smoothed and weight > 0]
    yield ",".join(["step", *names, *(f"{name} (smoothed {weight:g})" for name in extra)]) + "\n"
    places = dict.fromkeys(names, 0)
    smoothers = {name: Smoother(weight) for name in extra}
    for step in sorted({step for curve in kept.values() for step in curve.steps}):
        cells, after = [str(step)], dict[str, str]()
        for name in names:
            curve, place = kept[name], places[name]
            if place < len(curve) and curve.steps[place] == step:
                places[name] += 1
                value = curve.values[place]
                cells.append(_cell(value))
                if name in smoothers:
                    after[name] = _cell(smoothers[name].feed([value])[0])
            else:
                cells.append("")
        yield ",".join([*cells, *(after.get(name, "") for name in extra)]) + "\n"


def _cell(value: float) -> str:
    """A number so that reading it gives the same one."""
    if math.isfinite(value):
        return repr(int(value)) if value == int(value) and abs(value) < 2**53 else repr(value)
    return "nan" if math.isnan(value) else ("inf" if value > 0 else "-inf")
