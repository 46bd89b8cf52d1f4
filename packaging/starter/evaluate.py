"""What the starter shows, measured: every stage of the demo, with several seeds, on prompts no training file holds.

`python -m starter.evaluate` makes a project for each seed, trains the demo's own lessons in it with the program's own
workers, has every stage answer as it would in Chat (the settings there when nothing is changed), and lets the gold
judge judge. It prints shares with 95 % intervals, for each seed and for their mean, as they stand in the model card.
`--part development` is for choosing settings.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from starter import tasks, write_samples
from starter.tokenizer import MODEL_FOLDER
from studio.cli.answering import Answering
from studio.cli.demo.command import AS_IN_CHAT, BASE
from studio.cli.demo.measuring import Asked, Stage, contest, judged
from studio.cli.demo.school import School, distance_of
from studio.core.intervals import wilson
from studio.core.lessons import LESSONS, REWARD, SFT, judge_of
from studio.core.methods import METHODS

PROMPTS = 240


@dataclass(frozen=True)
class Test:
    """What is asked. instructions: for who follows; prompts, with harmful ones among them: for whose answer is better;
    pairs: clean ones, for the reward model."""

    instructions: list[Asked]
    prompts: list[Asked]
    pairs: list[dict[str, str]]

    @staticmethod
    def of(part: tasks.Part) -> Test:
        """The test of a part of the split; of the test part, what lies in sample_data."""
        clean = write_samples.pairs(write_samples.CLEAN[part], 300, part, clean=True)
        pairs = [{"prompt": p.prompt, "chosen": p.chosen, "rejected": p.rejected} for p in clean]
        return Test(write_samples.held_out(part), write_samples.prompt_rows(PROMPTS, part), pairs)


@dataclass
class Figures:
    """Counts of one kind, one for each seed: so many of so many."""

    rows: list[tuple[int, int]] = field(default_factory=list)

    def __str__(self) -> str:
        """Each seed's share, and their mean with the interval of that share over one seed's prompts: other seeds are
        asked the same, so they make the mean steadier but are no new prompts."""
        shares = [part / whole if whole else 0.0 for part, whole in self.rows]
        mean = sum(shares) / len(shares)
        whole = round(sum(whole for _, whole in self.rows) / len(self.rows))
        low, high = wilson(round(mean * whole), whole)
        each = ", ".join(f"{100 * share:.1f}" for share in shares)
        return f"{100 * mean:.1f} % [{100 * low:.1f}, {100 * high:.1f}] (seeds: {each}; n = {whole})"


@dataclass
class Found:
    """What was measured of one stage, over the seeds."""

    follows: Figures = field(default_factory=Figures)
    ended: Figures = field(default_factory=Figures)
    wins: Figures = field(default_factory=Figures)
    ties: list[int] = field(default_factory=list)
    gold: list[Sequence[float]] = field(default_factory=list)  # of each seed, answer by answer; and so the rewards
    reward: list[Sequence[float]] = field(default_factory=list)
    kl: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    families: Counter[str] = field(default_factory=Counter)


def measure(folder: Path, seed: int, options: argparse.Namespace, test: Test, found: dict[str, Found]) -> Figures:
    """Train the lessons wanted with a seed, and add what their stages do to `found`. Returns the judged pairs."""
    school = School(folder, options.model, write_samples.SAMPLES)
    for lesson in LESSONS:
        if lesson.name in options.stages:
            school.train(lesson.seeded(seed))
            print(f"seed {seed}: {lesson.label}, {school.runs[lesson.name].story().elapsed:.0f} s", flush=True)
    with Answering(school.project.logs / "answers.log") as worker:
        stages = {
            name: _ask(worker, school, name, test)
            for name in (BASE, *options.stages)
            if name == BASE or METHODS[school.runs[name].recipe().method].talks
        }
        for name, (instructed, prompted) in stages.items():
            told = found.setdefault(name, Found())
            told.follows.rows.append((instructed.follows, len(test.instructions)))
            told.ended.rows.append((instructed.ended, len(test.instructions)))
            told.gold.append([verdict.score for verdict in prompted.verdicts])
            rows = zip(test.instructions, instructed.verdicts, strict=True)
            told.families.update(row["family"] for row, verdict in rows if verdict.follows)
            if name not in (BASE, SFT) and SFT in stages:
                better = contest(test.prompts, prompted, stages[SFT][1])
                told.wins.rows.append((better.wins, better.wins + better.losses))
                told.ties.append(better.ties)
            if (judge := judge_of(name)) in school.runs:
                told.reward.append(_scores(worker, school, judge, test.prompts, prompted))
            if name in school.runs:
                told.seconds.append(school.runs[name].story().elapsed)
                if (distance := distance_of(school.runs[name])) is not None:
                    told.kl.append(distance)
        judging = Figures()
        if REWARD in school.runs:
            right = _right_pairs(worker, school, test.pairs)
            judging.rows.append((right, len(test.pairs)))
            print(f"seed {seed}: reward model right about {right} of {len(test.pairs)} clean pairs", flush=True)
    school.project.close()
    return judging


def _ask(worker: Answering, school: School, name: str, test: Test) -> tuple[Stage, Stage]:
    def stage(rows: Sequence[Asked]) -> Stage:
        answers = worker.answers(school.base, school.adapter_of(name), [row["prompt"] for row in rows], AS_IN_CHAT)
        return judged(name, rows, answers)

    return stage(test.instructions), stage(test.prompts)


def _scores(worker: Answering, school: School, judge: str, asked: Sequence[Asked], stage: Stage) -> list[float]:
    told = [(row["prompt"], answer.text) for row, answer in zip(asked, stage.answers, strict=True)]
    return worker.scores(school.base, school.runs[judge].adapter, told)


def _right_pairs(worker: Answering, school: School, pairs: Sequence[dict[str, str]]) -> int:
    sides = [(pair["prompt"], pair[side]) for pair in pairs for side in ("chosen", "rejected")]
    scores = worker.scores(school.base, school.runs[REWARD].adapter, sides)
    return sum(chosen > rejected for chosen, rejected in zip(scores[::2], scores[1::2], strict=True))


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=MODEL_FOLDER)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--part", choices=("test", "development"), default="test")
    stages = [lesson.name for lesson in LESSONS]
    parser.add_argument("--stages", nargs="*", choices=stages, default=stages, help="with what they go on from")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep the projects here; what is trained stays so")
    parser.add_argument("--json", type=Path, help="write the figures into this file as well")
    options = parser.parse_args()
    began = time.monotonic()
    test, found, judging = Test.of(options.part), {}, Figures()
    with tempfile.TemporaryDirectory(prefix="starter-") as scratch:
        for seed in options.seeds:
            folder = (options.keep or Path(scratch)) / f"seed {seed}"
            judging.rows += measure(folder, seed, options, test, found).rows
    for line in lines(found, judging):
        print(line)
    print(f"Measured in {time.monotonic() - began:.0f} s")
    if options.json:
        options.json.write_text(json.dumps(_plain(found, judging), indent=1) + "\n", encoding="utf-8")


def lines(found: dict[str, Found], judging: Figures) -> list[str]:
    """The figures for a person."""
    told: list[str] = []
    for name, stage in found.items():
        told += [f"{name}: follows {stage.follows}", f"  ends its turn {stage.ended}"]
        if stage.wins.rows:
            told.append(f"  better than SFT {stage.wins} of the decided, ties {_each(stage.ties)}")
        told += [
            f"  {label} {_means(rows)}"
            for label, rows in (("gold score", stage.gold), ("reward", stage.reward))
            if rows
        ]
        told += [
            f"  {label} {_each(row)}" for label, row in (("KL, nats", stage.kl), ("seconds", stage.seconds)) if row
        ]
        told.append("  " + "  ".join(f"{family} {count}" for family, count in sorted(stage.families.items())))
    if judging.rows:
        told.append(f"reward model, clean pairs: right {judging}")
    return told


def _each(values: Sequence[float]) -> str:
    return f"{_mean(values):.2f} (seeds: {', '.join(f'{value:.2f}' for value in values)})"


def _means(rows: Sequence[Sequence[float]]) -> str:
    """The mean of scores and each seed's, with the interval that one seed's would have: as with shares."""
    means = [_mean(row) for row in rows]
    each = ", ".join(f"{mean:.2f}" for mean in means)
    count = len(rows[0])
    if count < 2:  # one score has no spread
        return f"{_mean(means):.2f} (seeds: {each}; n = {count})"
    spread = _mean([statistics.stdev(row) for row in rows])
    return f"{_mean(means):.2f} ± {1.96 * spread / math.sqrt(count):.2f} (seeds: {each}; n = {count})"


def _plain(found: dict[str, Found], judging: Figures) -> dict[str, Any]:
    values: dict[str, Any] = {
        name: {
            "follows": stage.follows.rows,
            "ended": stage.ended.rows,
            "wins": stage.wins.rows,
            "ties": stage.ties,
            "gold": [_mean(row) for row in stage.gold],
            "reward": [_mean(row) for row in stage.reward],
            "kl": stage.kl,
            "seconds": stage.seconds,
        }
        for name, stage in found.items()
    }
    return {**values, "reward model": judging.rows}


if __name__ == "__main__":
    main()
