"""How a benchmark of training is shown: a table of the arms, and one of what was searched."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def comparison(found: Mapping[str, Any]) -> str:
    """What each arm reached. found: as `_speed.compare` gives it."""
    speeds, cores, peaks = found["tokens_per_second"], found["tokens_per_core_second"], found["peak_mb"]
    default = next(iter(speeds))
    best = " (best)" if isinstance(found["searched"], dict) else " (likely best)"
    lines = [("", "tokens/s", "times default", "by cores", "peak MB", "of default's")]
    for name, speed in speeds.items():
        lines.append(
            (
                name + (best if name == found["best"] else ""),
                f"{speed:,}",
                f"{found['times'][name][0]:.2f}x",
                f"{found['times'][name][1]:.2f}x ({cores[name]:,}/s)",
                f"{peaks[name]:,}",
                f"{peaks[name] / peaks[default]:.2f}x",
            )
        )
    told = f"{found['times_best']:.2f}x of the best, {found['times_best_by_cores']:.2f}x by cores"
    return f"{_aligned(lines)}\n  plumbline: {told}; losses at most {found['losses_apart']:.1%} apart"


def searched(speeds: Mapping[str, float]) -> str:
    """TRL's options and the tokens of each in a second of a core, the fastest first."""
    order = sorted(speeds, key=lambda name: -speeds[name])
    return _aligned([("TRL's options", "tokens/s of a core"), *((name, f"{speeds[name]:,.0f}") for name in order)])


def _aligned(lines: list[tuple[str, ...]]) -> str:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  " + "  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])]).rstrip() for line in lines
    )
