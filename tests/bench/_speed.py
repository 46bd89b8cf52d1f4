"""The speed of a way to train beside TRL's defaults and the best that TRL's own options reach (`_arms`).

A Llama of 25 million random weights (with 8k; its width and layers stay), batches of 8 on the processor. Arms are
processes that take turns, a few steps each, so that whatever else the machine does meets all alike; the first of each
turn isn't counted. Real tokens a second, medians over rounds; ratios are medians of each round's ratio, by the clock
and by the seconds of all cores together, which other programs disturb less. A reference that is computed beforehand
counts: its time for each token, in one pass over the data, is added. Peak memory is of the whole process. A table for
each way; a line for each bar says whether it holds; the last line is a JSON object.

--quick, as without options: both ways, three rounds of a step, TRL's usual best. --search tries TRL's options first,
one after the other, and takes the one that won. --full searches, and takes five rounds of two steps.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from studio.engine.worker import THREADS
from tests.bench._arms import DEFAULT, LIKELY_BEST, OPTIONS, OURS
from tests.bench._bars import Bar, all_hold
from tests.bench._material import make, texts_from
from tests.bench._table import comparison, searched

WARM = 1  # steps before the clock counts
ALIKE = 0.02  # relative: losses in bf16, whose numbers are known to 1 in 256, along a common path
SMALL, LARGE = 8192, 65536  # vocabularies
# At least so many times as fast as TRL's defaults and as its best options, in at most so much of its default's memory.
BARS = {
    ("sft", SMALL): (3.0, 1.0, 1.0),
    ("sft", LARGE): (8.0, 1.7, 0.5),
    ("reward", SMALL): (3.3, 2.0, 1.0),
    ("dpo", SMALL): (6.0, 3.0, 1.0),
}


@dataclass
class Arm:
    """A running arm. `rounds` holds tokens and seconds, of the clock and of the cores; before: the seconds of the
    reference pass for a token, both."""

    name: str
    process: subprocess.Popen[str]
    rounds: list[tuple[int, float, float]] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    peak_mb: float = 0.0
    before: tuple[float, float] = 0.0, 0.0

    @classmethod
    def start(cls, kind: str, name: str, folder: Path, way: str, steps: int, batch: int) -> Arm:
        """The process; it loads its libraries, and waits."""
        told = (kind, folder, name, way, WARM + steps, batch)
        command = [sys.executable, "-m", "tests.bench._arm", *map(str, told)]
        with (folder / f"{name}.log").open("w") as log:
            process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, env=environment()
            )
        return cls(name, process)

    def warm_up(self, folder: Path) -> None:
        """Do what comes before the steps that count."""
        self._go(folder)
        told = self._read(folder)
        tokens = max(told["reference_tokens"], 1)
        self.before = told["reference_seconds"] / tokens, told["reference_cores"] / tokens
        self._told(folder)
        for _ in range(WARM - 1):
            self._step(folder)

    def round(self, steps: int, folder: Path) -> None:
        """Do so many steps and note what they took, behind one that isn't counted: while others had their turn this
        process's memory was taken for other things, and a run never waits so."""
        self._step(folder)
        told = [self._step(folder) for _ in range(steps)]
        tokens, seconds, cores = (sum(step[name] for step in told) for name in ("tokens", "seconds", "cores"))
        self.rounds.append((tokens, seconds, cores))

    def end(self, folder: Path) -> None:
        """Let it finish, and note its memory."""
        self._go(folder)
        self.peak_mb = self._read(folder)["peak_mb"]
        self.process.communicate(timeout=60)

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()

    def speeds(self, clock: int = 0) -> list[float]:
        """Tokens a second, round by round, the reference included. clock: 0 the wall's, 1 that of all cores."""
        return [1 / (told[1 + clock] / told[0] + self.before[clock]) for told in self.rounds]

    def faster_than(self, other: Arm, clock: int = 0) -> float:
        return statistics.median(a / b for a, b in zip(self.speeds(clock), other.speeds(clock), strict=True))

    def _step(self, folder: Path) -> dict[str, Any]:
        self._go(folder)
        return self._told(folder)

    def _go(self, folder: Path) -> None:
        assert self.process.stdin is not None
        try:
            self.process.stdin.write("go\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise self._ended_early(folder) from None

    def _told(self, folder: Path) -> dict[str, Any]:
        told = self._read(folder)
        self.losses.append(told["loss"])
        return told

    def _read(self, folder: Path) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise self._ended_early(folder)
        return json.loads(line)

    def _ended_early(self, folder: Path) -> SystemExit:
        log = (folder / f"{self.name}.log").read_text()[-3000:]
        return SystemExit(f"{self.name} ended early, with status {self.process.wait(60)}:\n{log}")


def environment() -> dict[str, str]:
    """Of all arms: threads that wait for each other do so as our workers have it. Spinning for longer, they would take
    the machine from the arms of whoever else is at work, and look slow."""
    return {**os.environ, **THREADS}


def search(kind: str, folder: Path, way: str, steps: int, batch: int) -> tuple[str, dict[str, float]]:
    """TRL's fastest options, each tried alone, and the tokens of each in a second of a core."""
    speeds: dict[str, float] = {}
    for name in OPTIONS[kind]:
        arm = Arm.start(kind, name, folder, way, steps + 1, batch)
        arm.warm_up(folder)
        arm.round(steps, folder)
        speeds[name] = round(arm.speeds(clock=1)[0])  # whatever else the machine did
        arm.end(folder)
    return max(speeds, key=lambda name: speeds[name]), speeds


def compare(kind: str, folder: Path, way: str, best: str, rounds: int, steps: int, batch: int) -> dict[str, Any]:
    """Default, best and ours in turn."""
    arms: dict[str, Arm] = {}
    try:
        for name in (DEFAULT, best, OURS):
            arms[name] = Arm.start(kind, name, folder, way, rounds * (steps + 1), batch)
        for arm in arms.values():
            arm.warm_up(folder)
        for _ in range(rounds):
            for arm in arms.values():
                arm.round(steps, folder)
        for arm in arms.values():
            arm.end(folder)
    finally:
        for arm in arms.values():
            arm.kill()
    default, ours = arms[DEFAULT], arms[OURS]
    apart = max(abs(a - b) / b for a, b in zip(ours.losses, default.losses, strict=True))
    return {
        "tokens_per_second": {name: round(statistics.median(arm.speeds())) for name, arm in arms.items()},
        "tokens_per_core_second": {name: round(statistics.median(arm.speeds(1))) for name, arm in arms.items()},
        "times": {name: [round(arm.faster_than(default, clock), 2) for clock in (0, 1)] for name, arm in arms.items()},
        "reference_seconds_per_1000": {name: round(1000 * arm.before[0], 3) for name, arm in arms.items()},
        "peak_mb": {name: round(arm.peak_mb) for name, arm in arms.items()},
        "best": best,
        "times_default": round(ours.faster_than(default), 2),
        "times_best": round(ours.faster_than(arms[best]), 2),
        "times_default_by_cores": round(ours.faster_than(default, 1), 2),
        "times_best_by_cores": round(ours.faster_than(arms[best], 1), 2),
        "memory_of_default": round(ours.peak_mb / default.peak_mb, 2),
        "memory_of_best": round(ours.peak_mb / arms[best].peak_mb, 2),
        "losses_apart": round(apart, 5),
        "losses": {name: [round(arm.losses[0], 4), round(arm.losses[-1], 4)] for name, arm in arms.items()},
    }


def bars_of(kind: str, vocabulary: int, name: str, found: dict[str, Any]) -> list[Bar]:
    """What is asked of this kind, as far as anything is, and what was found."""
    if (kind, vocabulary) not in BARS:
        return []
    default, best, memory = BARS[kind, vocabulary]
    return [
        Bar(f"{name} against TRL's defaults", found["times_default"], default, beside=found["times_default_by_cores"]),
        Bar(f"{name} against {found['best']}", found["times_best"], best, beside=found["times_best_by_cores"]),
        Bar(f"{name}, memory of TRL's defaults'", found["memory_of_default"], memory, at_most=True),
    ]


def main(kind: str, about: str) -> int:
    """Measure, print, and say by the exit code whether the arms learned alike and all bars hold."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="Alpaca rows, or HH transcripts for pairs; without it, invented text")
    amount = parser.add_mutually_exclusive_group()
    amount.add_argument("--quick", action="store_true", help="three rounds of a step, no search; so without options")
    amount.add_argument("--full", action="store_true", help="five rounds of two steps, TRL's options searched")
    parser.add_argument("--search", action="store_true", help="find TRL's best options first")
    parser.add_argument("--vocabularies", help="8192 and 65536; of pairs without --full, 8192 alone")
    parser.add_argument("--ways", default="full,lora")
    parser.add_argument("--best", help="take these of TRL's options for its best, and search none")
    parser.add_argument("--batch", type=int, default=8, help="fewer where memory is short")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--steps", type=int, help="in a round")
    told = parser.parse_args()
    rounds, steps = told.rounds or (5 if told.full else 3), told.steps or (2 if told.full else 1)
    vocabularies = told.vocabularies or (f"{SMALL},{LARGE}" if told.full or kind == "sft" else f"{SMALL}")
    texts = texts_from(kind, told.data)
    figures: dict[str, Any] = {"threads": os.cpu_count(), "rounds": rounds, "steps": steps, "batch": told.batch}
    bars: list[Bar] = []
    with tempfile.TemporaryDirectory() as scratch:
        for vocabulary in map(int, vocabularies.split(",")):
            folder = Path(scratch) / str(vocabulary)
            make(kind, folder, vocabulary, texts)
            for way in told.ways.split(","):
                name = f"{way}_{vocabulary // 1024}k"
                best, tried, began = told.best or LIKELY_BEST, {}, time.monotonic()
                print(f"{kind}, {way}, {vocabulary // 1024}k: {rounds} rounds of {steps}", flush=True)
                if (told.search or told.full) and not told.best:
                    best, tried = search(kind, folder, way, 3, told.batch)
                    print(searched(tried), flush=True)
                found = figures[name] = compare(kind, folder, way, best, rounds, steps, told.batch)
                found["searched"] = tried or "no: --search tries them all"
                found["took"] = round(time.monotonic() - began)
                print(f"{comparison(found)}\n  took {found['took']} s", flush=True)
                bars += bars_of(kind, vocabulary, f"{kind}, {way}, {vocabulary // 1024}k", found)
    hold = all_hold(bars)
    print(json.dumps(figures))
    apart = [name for name, found in figures.items() if isinstance(found, dict) and found["losses_apart"] > ALIKE]
    if apart:
        print(f"The losses are not the same: {', '.join(apart)}.", file=sys.stderr)
    return 0 if hold and not apart else 1
